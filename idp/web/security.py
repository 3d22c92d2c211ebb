"""Headers every answer carries, and the refusal of cross-site form posts."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# No form-action here: Chromium applies it to the redirect that leads back to the client.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    # Not no-referrer: with it a browser sends `Origin: null` with the forms of this very site.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
# An answer that is no page needs none of what steers a browser's pages.
_PROGRAM_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
_ACCOUNT = "/account"
_LOOKS = ("/static/", "/branding/")


def page_policy(path: str, extra: Mapping[str, Iterable[str]] | None = None) -> str:
    """Return the Content-Security-Policy of a page; `extra` allows origins by directive."""
    policy = PAGE_POLICY
    for directive, origins in (extra or {}).items():
        allowed = " ".join(["'self'", *origins])
        if f"{directive} 'self'" in policy:
            policy = policy.replace(f"{directive} 'self'", f"{directive} {allowed}")
        else:
            policy += f"; {directive} {allowed}"
    # Pages of no authorization request: their forms lead nowhere else.
    return f"{policy}; form-action 'self'" if path.startswith(_ACCOUNT) else policy


def security_headers(*, https: bool) -> dict[str, str]:
    """Return the headers of an answer that sets none of them itself."""
    return _HEADERS | (_HTTPS_ONLY if https else {})


def program_headers(*, https: bool) -> dict[str, str]:
    """Return the same for an answer that programs read, and nobody sees as a page."""
    return _PROGRAM_HEADERS | (_HTTPS_ONLY if https else {})


class SecurityHeaders:
    """Adds the headers an answer does not set itself."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        headers = security_headers(https=https)
        self._headers = raw_headers(headers)
        # Kept, and asked after.
        self._of_looks = raw_headers(headers | {"Cache-Control": "no-cache"})
        self._of_account = raw_headers(headers | {"Content-Security-Policy": page_policy(_ACCOUNT)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = completed(message["headers"], self._of(scope["path"]))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _of(self, path: str) -> RawHeaders:
        if path.startswith(_ACCOUNT):
            return self._of_account
        return self._of_looks if path.startswith(_LOOKS) else self._headers


def completed(own: RawHeaders, headers: RawHeaders) -> RawHeaders:
    """Return the headers of an answer with those it does not set itself."""
    set_already = {name for name, _ in own}
    return [*own, *(each for each in headers if each[0] not in set_already)]


def raw_headers(headers: Mapping[str, str]) -> RawHeaders:
    """Put headers into bytes once, as they go over the wire."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class CrossSiteGuard:
    """Refuses state-changing requests a browser sends on behalf of another site (CSRF).

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin; a client that
    sends neither is no browser and holds no cookie by accident. `exempt` paths are protocol
    endpoints that other sites must reach and that never act on a cookie alone; nor does anything
    below the paths of `exempt_below`. `refusal` makes the answer to the refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        exempt: frozenset[str],
        exempt_below: tuple[str, ...] = (),
        refusal: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._refusal = refusal
        self._exempt = exempt
        self._exempt_below = exempt_below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_forged(scope):
            response = await self._refusal(Request(scope))
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_forged(self, scope: Scope) -> bool:
        path = scope["path"]
        if scope["method"] in _SAFE_METHODS or path in self._exempt:
            return False
        if path.startswith(self._exempt_below):
            return False
        headers = Headers(scope=scope)
        if site := headers.get("sec-fetch-site"):
            return site not in {"same-origin", "none"}
        origin = headers.get("origin")
        return origin is not None and origin.partition("://")[2] != headers.get("host")

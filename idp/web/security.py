"""Headers every answer carries, and the refusal of cross-site form posts."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OnRefusal = Callable[[Scope], Awaitable[None]]
"""Told of each forged request."""

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
# Pages of no authorization request: their forms lead nowhere else.
_ACCOUNT_POLICY = f"{PAGE_POLICY}; form-action 'self'"
_LOOKS = ("/static/", "/branding/")


def security_headers(*, https: bool) -> dict[str, str]:
    """Return the headers of an answer that sets none of them itself."""
    return _HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if https else {})


class SecurityHeaders:
    """Adds the headers an answer does not set itself."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = security_headers(https=https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith(_LOOKS):
                    headers.setdefault("Cache-Control", "no-cache")  # kept, and asked after
                if scope["path"].startswith("/account"):
                    headers.setdefault("Content-Security-Policy", _ACCOUNT_POLICY)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class CrossSiteGuard:
    """Refuses state-changing requests a browser sends on behalf of another site (CSRF).

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin; a client that
    sends neither is no browser and holds no cookie by accident. `exempt` paths are protocol
    endpoints that other sites must reach and that never act on a cookie alone; nor does anything
    below the paths of `exempt_below`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        exempt: frozenset[str],
        exempt_below: tuple[str, ...] = (),
        on_refusal: OnRefusal | None = None,
    ) -> None:
        self._app = app
        self._exempt = exempt
        self._exempt_below = exempt_below
        self._on_refusal = on_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_forged(scope):
            if self._on_refusal:
                await self._on_refusal(scope)
            refusal = PlainTextResponse("This form was sent from another site.", 403)
            await refusal(scope, receive, send)
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

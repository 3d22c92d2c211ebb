"""Headers every answer carries, and the refusal of cross-site form posts and of endless ones."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import PlainTextResponse
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
        headers = security_headers(https=https)
        self._headers = _raw(headers)
        # Kept, and asked after.
        self._of_looks = _raw(headers | {"Cache-Control": "no-cache"})
        self._of_account = _raw(headers | {"Content-Security-Policy": _ACCOUNT_POLICY})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message["headers"]
                set_already = {name for name, _ in own}
                added = [each for each in self._of(scope["path"]) if each[0] not in set_already]
                message["headers"] = [*own, *added]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _of(self, path: str) -> RawHeaders:
        if path.startswith("/account"):
            return self._of_account
        return self._of_looks if path.startswith(_LOOKS) else self._headers


def _raw(headers: Mapping[str, str]) -> RawHeaders:
    """Put headers into bytes once, as they go over the wire."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class BodyLimit(RequestBodyLimitMiddleware):
    """Refuses bodies that are too long, counting them only when nobody said how long they are."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._is_known_to_be_short(scope):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_known_to_be_short(self, scope: Scope) -> bool:
        """Tell whether a server of HTTP/1.1 hands on no more than this (RFC 9112 §6.3)."""
        if not scope["http_version"].startswith("1"):
            return False
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        is_counted = b"transfer-encoding" not in headers and length.isdigit() and len(length) < 9
        return is_counted and int(length) <= self.max_body_size


class CrossSiteGuard:
    """Refuses state-changing requests a browser sends on behalf of another site (CSRF).

    Browsers say where a request comes from in Sec-Fetch-Site, older ones in Origin; a client that
    sends neither is no browser and holds no cookie by accident. `exempt` paths are protocol
    endpoints that other sites must reach and that never act on a cookie alone.
    """

    def __init__(self, app: ASGIApp, *, exempt: frozenset[str]) -> None:
        self._app = app
        self._exempt = exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_forged(scope):
            refusal = PlainTextResponse("This form was sent from another site.", 403)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_forged(self, scope: Scope) -> bool:
        if scope["method"] in _SAFE_METHODS or scope["path"] in self._exempt:
            return False
        headers = Headers(scope=scope)
        if site := headers.get("sec-fetch-site"):
            return site not in {"same-origin", "none"}
        origin = headers.get("origin")
        return origin is not None and origin.partition("://")[2] != headers.get("host")

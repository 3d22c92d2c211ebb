"""How large a request may be, by where it goes."""

from collections.abc import Mapping

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class BodyLimit:
    """Refuses what is larger than `largest` bytes; below some paths, more is allowed."""

    def __init__(
        self, app: ASGIApp, *, largest: int, below: Mapping[str, int] | None = None
    ) -> None:
        self._limited = _Limit(app, max_body_size=largest)
        self._below = {
            prefix: _Limit(app, max_body_size=size) for prefix, size in (below or {}).items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        chosen = (app for prefix, app in self._below.items() if path.startswith(prefix))
        await next(chosen, self._limited)(scope, receive, send)


class _Limit(RequestBodyLimitMiddleware):
    """Counts a body only when nobody said how long it is."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_known_to_be_short(scope, self.max_body_size):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def is_known_to_be_short(scope: Scope, largest: int) -> bool:
    """Tell whether a server of HTTP/1.1 hands on no more than this (RFC 9112 §6.3)."""
    if not scope["http_version"].startswith("1"):
        return False
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    is_counted = b"transfer-encoding" not in headers and length.isdigit() and len(length) < 9
    return is_counted and int(length) <= largest

"""How large a request may be, by where it goes."""

from collections.abc import Mapping

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class BodyLimit:
    """Refuses what is larger than `largest` bytes; below some paths, more is allowed."""

    def __init__(self, app: ASGIApp, *, largest: int, below: Mapping[str, int]) -> None:
        self._limited = RequestBodyLimitMiddleware(app, max_body_size=largest)
        self._below = {
            prefix: RequestBodyLimitMiddleware(app, max_body_size=size)
            for prefix, size in below.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        chosen = (app for prefix, app in self._below.items() if path.startswith(prefix))
        await next(chosen, self._limited)(scope, receive, send)

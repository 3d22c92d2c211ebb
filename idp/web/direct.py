"""The direct way to what programs call all day, past routes and middleware made for pages.

Trying one pattern after the other, catching errors in two places and looking for a forgery cost
more than many of these calls. Whatever is unusual - another method, a body whose length nobody
said - goes the ordinary way, where the same endpoint is mounted.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from idp.web.body_limit import is_known_to_be_short
from idp.web.error_pages import Handler
from idp.web.security import RawHeaders, completed


@dataclass(frozen=True)
class DirectCall:
    """An endpoint that other sites and programs may call, and how."""

    answer: Callable[[Request], Awaitable[Response]]
    methods: frozenset[str]
    headers: RawHeaders
    """What every answer carries that does not say otherwise."""


class DirectCalls:
    """Answers calls by their path, if they are no larger than `largest` bytes.

    An error is answered by the handler of its class.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        calls: Mapping[str, DirectCall],
        handlers: Mapping[int | type[Exception], Handler],
        largest: int,
    ) -> None:
        self._app = app
        self._calls = calls
        self._handlers = handlers
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._calls.get(scope.get("path", ""))
        if call is None or not self._is_usual(call, scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await call.answer(request)
        except Exception as error:  # noqa: BLE001 (raised again, unless there is an answer to it)
            response = await self._refused(request, error)
        response.raw_headers = completed(response.raw_headers, call.headers)
        await response(scope, receive, send)

    def _is_usual(self, call: DirectCall, scope: Scope) -> bool:
        return (
            scope["type"] == "http"
            and scope["method"] in call.methods
            and is_known_to_be_short(scope, self._largest)
        )

    async def _refused(self, request: Request, error: Exception) -> Response:
        for kind in type(error).__mro__:
            if kind is not Exception and kind in self._handlers:
                return await self._handlers[kind](request, error)
        raise error

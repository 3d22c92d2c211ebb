"""What a person sees when a request cannot be answered: a page, never a stack trace."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from idp.web.i18n import mark
from idp.web.pages import Pages
from idp.web.security import security_headers

_NO_SUCH_PAGE = mark("There is no such page")
_TEXTS = {
    400: (
        mark("This request cannot be read"),
        mark("Part of it is missing or damaged. Go back and try again."),
    ),
    413: (
        mark("That is too much text"),
        mark("What was sent is larger than any form here. Go back and shorten it."),
    ),
    500: (
        mark("Something went wrong on our side"),
        mark("It is not your fault. Please try again in a moment."),
    ),
}
_OTHERWISE = (
    _NO_SUCH_PAGE,
    mark("The address may be mistyped, or the page may have moved."),
)

Handler = Callable[[Request, Exception], Awaitable[Response]]


def error_pages(
    pages: Pages, *, unreadable: type[Exception]
) -> dict[int | type[Exception], Handler]:
    """Return the exception handlers of the server.

    `unreadable` is what the database says to text it cannot hold, such as U+0000.
    """

    async def show(request: Request, error: Exception) -> Response:
        status_code = error.status_code if isinstance(error, HTTPException) else 500
        if isinstance(error, unreadable):
            status_code = 400
        title, message = _TEXTS.get(status_code, _OTHERWISE)
        response = pages.error(request, title, message, status_code=status_code)
        # An unforeseen error is answered outside the middleware that adds these.
        for name, value in security_headers(https=not pages.settings.is_loopback).items():
            response.headers.setdefault(name, value)
        return response

    return {HTTPException: show, unreadable: show, Exception: show}

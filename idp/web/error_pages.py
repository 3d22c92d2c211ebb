"""What a person sees when a request cannot be answered: a page, never a stack trace."""

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.web.i18n import mark
from idp.web.pages import Pages
from idp.web.security import security_headers

_NO_SUCH_PAGE = mark("There is no such page")
_TEXTS = {
    400: (
        mark("This request cannot be read"),
        mark("Part of it is missing or damaged. Go back and try again."),
    ),
    403: (
        mark("This form came from another site"),
        mark("To protect your account, it was not accepted. Open the page here and send it again."),
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
_FROM_ELSEWHERE = (
    mark("This form came from another site"),
    mark("To protect your account, it was not accepted. Open the page here and send it again."),
)
_OTHERWISE = (
    _NO_SUCH_PAGE,
    mark("The address may be mistyped, or the page may have moved."),
)

Handler = Callable[[Request, Exception], Awaitable[Response]]


def error_pages(
    pages: Pages, *, unreadable: type[Exception], for_programs: frozenset[str] = frozenset()
) -> dict[int | type[Exception], Handler]:
    """Return the exception handlers of the server.

    `unreadable` is what the database says to text it cannot hold, such as U+0000. At the paths
    `for_programs` an error is JSON, as RFC 6749 §5.2 words it.
    """

    async def show(request: Request, error: Exception) -> Response:
        status_code = error.status_code if isinstance(error, HTTPException) else 500
        if isinstance(error, unreadable):
            status_code = 400
        title, message = _TEXTS.get(status_code, _OTHERWISE)
        if request.url.path in for_programs:
            response: Response = _for_program(status_code, title)
        else:
            response = pages.error(request, title, message, status_code=status_code)
        # An unforeseen error is answered outside the middleware that adds these.
        for name, value in security_headers(https=not pages.settings.is_loopback).items():
            response.headers.setdefault(name, value)
        return response

    return {HTTPException: show, unreadable: show, Exception: show}


def cross_site_page(pages: Pages, request: Request) -> Response:
    """Tell a person that the form they sent is refused, because another site made it."""
    return pages.error(request, *_FROM_ELSEWHERE, status_code=403)


def _for_program(status_code: int, title: str) -> Response:
    error = "server_error" if status_code >= 500 else "invalid_request"
    body = {"error": error, "error_description": f"{title}."}
    return JSONResponse(body, status_code, {"Pragma": "no-cache"})

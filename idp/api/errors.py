"""Every error of the API in one envelope: `{code, message, data?, details?}`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match

from idp.accounts.passwords import TooManyPasswords
from idp.administration.problems import Problem, TooOften
from idp.api.bearer import record_refusal
from idp.connector_kit import InvalidConfig
from idp.verification import LimitReached

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

_PAGINATION = {("query", "page"), ("query", "page_size")}
_BUSY = 5  # seconds


class Envelope(BaseModel):
    """What every error looks like."""

    code: str
    """Stays the same, so that programs can tell errors apart."""
    message: str
    """One sentence for a person."""
    data: dict[str, Any] | None = None
    details: str | None = None


def envelope(  # noqa: PLR0913 (what an error may say)
    status_code: int,
    code: str,
    message: str,
    *,
    data: Mapping[str, object] | None = None,
    details: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return an error as every endpoint words it."""
    body = Envelope(code=code, message=message, data=dict(data) if data else None, details=details)
    return JSONResponse(body.model_dump(exclude_none=True), status_code, headers)


async def show_problem(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Problem)  # noqa: S101 (registered for nothing else)
    await record_refusal(request, problem)
    headers = {}
    if isinstance(problem, TooOften):
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status_code == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return envelope(
        problem.status_code, problem.code, problem.message, data=problem.data, headers=headers
    )


async def show_invalid_config(_: Request, error: Exception) -> JSONResponse:
    problems = error.problems if isinstance(error, InvalidConfig) else {}
    return envelope(400, "connector.invalid_config", str(error), data={"problems": problems})


async def show_invalid_input(_: Request, error: Exception) -> JSONResponse:
    """Name what is wrong and where; never repeat the value, which may be a password."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for nothing else)
    found = error.errors()
    problems = {_path(each["loc"]): _problem(each["msg"]) for each in found}
    is_pagination = any(each["loc"][:2] in _PAGINATION for each in found)
    code = "guard.invalid_pagination" if is_pagination else "guard.invalid_input"
    details = "; ".join(f"{path}: {problem}" for path, problem in problems.items())
    message = f"The request is not valid: {details}."
    return envelope(400, code, message, data={"problems": problems}, details=details)


async def show_unreadable(_: Request, error: Exception) -> JSONResponse:
    """Answer text that no database can hold, such as U+0000 or half a surrogate pair."""
    message = "The request holds characters that cannot be stored."
    return envelope(400, "guard.invalid_input", message, details=type(error).__name__)


async def show_busy(_: Request, error: Exception) -> JSONResponse:
    message = "Too many passwords are being worked on; try again in a moment."
    return envelope(
        503, "request.busy", message, details=str(error), headers={"Retry-After": str(_BUSY)}
    )


async def show_limit(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LimitReached)  # noqa: S101 (registered for nothing else)
    return await show_problem(_, TooOften(error.retry_after))


async def show_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for nothing else)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    code = {404: "entity.not_found", 405: "request.method_not_allowed"}.get(status, "")
    return envelope(
        status,
        code or f"request.{status.name.lower()}",
        f"{status.phrase}.",
        headers=headers,
    )


async def show_defect(_: Request, __: Exception) -> JSONResponse:
    return envelope(500, "request.general", "Something went wrong on our side.")


HANDLERS: Any = {
    Problem: show_problem,
    InvalidConfig: show_invalid_config,
    RequestValidationError: show_invalid_input,
    DataError: show_unreadable,
    UnicodeEncodeError: show_unreadable,
    TooManyPasswords: show_busy,
    LimitReached: show_limit,
    HTTPException: show_http,
    Exception: show_defect,
}


def _allowed(request: Request) -> list[str]:
    """Return the methods of a path (RFC 9110 §10.2.1), whichever route of it came first."""
    routes: Sequence[APIRoute] = request.app.state.routes
    here = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in here for method in route.methods or ()})


def _path(location: tuple[str | int, ...]) -> str:
    return ".".join(map(str, location[1:] or location))


def _problem(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:].rstrip(".")

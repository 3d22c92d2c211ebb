"""Answers of the endpoints that clients call themselves (RFC 6749 §5)."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from starlette.responses import JSONResponse, Response

_NEVER_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def answer(body: dict[str, Any], status_code: int = 200) -> Response:
    """Return JSON that no cache may keep (RFC 6749 §5.1)."""
    response = JSONResponse(body, status_code, _NEVER_KEPT)
    if status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="clients"'  # RFC 7617 §2
    return response


def refusal(error: OAuth2Error) -> Response:
    """Return an error as RFC 6749 §5.2 words it."""
    return answer(dict(error.get_body()), error.status_code)

"""Answers of the endpoints that clients call themselves (RFC 6749 §5)."""

import json
from typing import Any

from authlib.oauth2 import OAuth2Error
from starlette.responses import Response

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""`json.dumps` makes an encoder for every answer."""
_NEVER_KEPT = [(b"cache-control", b"no-store"), (b"pragma", b"no-cache")]


def answer(body: dict[str, Any], status_code: int = 200) -> Response:
    """Return JSON that no cache may keep (RFC 6749 §5.1)."""
    content = _encode(body)
    response = Response(content, status_code, media_type="application/json")
    response.raw_headers += _NEVER_KEPT
    if status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="clients"'  # RFC 7617 §2
    return response


def refusal(error: OAuth2Error) -> Response:
    """Return an error as RFC 6749 §5.2 words it."""
    return answer(dict(error.get_body()), error.status_code)

"""One question to an OAuth2 token endpoint, and what its answer means (RFC 6749 §5)."""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from idp.connector_kit import (
    ConnectorError,
    InvalidConfig,
    Mask,
    ProviderReply,
    RateLimited,
    TransientFailure,
)
from idp_smtp_email.advice import endpoint_advice

_PATIENCE = 10.0  # seconds, for everything
_LONGEST_ANSWER = 64 * 1024
_ACCESS_TOKEN = re.compile(r"[!-~]+")  # RFC 6749 §A.12, without the blank: it goes into a header
_ERROR = re.compile(r"[A-Za-z_]{1,40}")
_BUSY_ERRORS = {"temporarily_unavailable", "server_error", "slow_down"}


@dataclass(frozen=True)
class TokenResponse:
    """What the endpoint granted; `expires_in` in seconds."""

    access_token: str = field(repr=False)
    expires_in: float | None = None
    refresh_token: str | None = field(default=None, repr=False)


async def request_token(
    access_url: str, form: Mapping[str, str], mask: Mask, *, patience: float = _PATIENCE
) -> TokenResponse:
    """Ask for an access token; raises InvalidConfig or TransientFailure."""
    try:
        async with asyncio.timeout(patience):
            status, headers, body = await _post(access_url, form)
    except (httpx2.HTTPError, TimeoutError) as error:
        # The cause may repeat the request, so it must not be shown with the failure.
        raise _unreachable(error, mask) from None
    answer = _json(body)
    if status != httpx2.codes.OK:
        raise _refusal(status, headers, answer, mask)
    return _granted(answer)


async def _post(access_url: str, form: Mapping[str, str]) -> tuple[int, httpx2.Headers, bytes]:
    body = b""
    # The authorities of this machine are trusted, as for mail servers.
    trusted = ssl.create_default_context()
    async with (
        httpx2.AsyncClient(verify=trusted, timeout=None) as http,
        http.stream(
            "POST", access_url, data=form, headers={"Accept": "application/json"}
        ) as response,
    ):
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _LONGEST_ANSWER:
                raise _invalid("The token endpoint's answer is too long: check auth.accessUrl.")
    return response.status_code, response.headers, body


def _json(body: bytes) -> Mapping[str, object]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _granted(answer: Mapping[str, object]) -> TokenResponse:
    access_token = answer.get("access_token")
    if not isinstance(access_token, str) or not _ACCESS_TOKEN.fullmatch(access_token):
        raise _invalid("The token endpoint sent no access token: check auth.accessUrl.")
    refresh_token = answer.get("refresh_token")
    return TokenResponse(
        access_token=access_token,
        expires_in=_seconds(answer.get("expires_in")),
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
    )


def _seconds(value: object) -> float | None:
    """Read a number, which some endpoints send as text."""
    text = str(value)
    return float(text) if re.fullmatch(r"\d{1,10}(\.\d+)?", text) else None


def _refusal(
    status: int, headers: httpx2.Headers, answer: Mapping[str, object], mask: Mask
) -> ConnectorError:
    error, description = str(answer.get("error", "")), str(answer.get("error_description", ""))
    text = mask(f"HTTP {status} {error} {description}")
    reply = ProviderReply(text=text, stage="auth")
    retry_after = _seconds(headers.get("Retry-After"))
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        message = "The token endpoint asks to slow down."
        return RateLimited(message, retry_after=retry_after, reply=reply)
    if status >= httpx2.codes.INTERNAL_SERVER_ERROR or error in _BUSY_ERRORS:
        message = f"The token endpoint is out of order (HTTP {status})."
        return TransientFailure(message, retry_after=retry_after, reply=reply)
    named = error if _ERROR.fullmatch(error) else f"HTTP {status}"
    message = f"The token endpoint refused ({named}): {endpoint_advice(error)}."
    return _invalid(message, reply)


def _unreachable(error: Exception, mask: Mask) -> ConnectorError:
    reply = ProviderReply(text=mask(str(error) or type(error).__name__), stage="auth")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            message = (
                f"The certificate of the token endpoint is not trusted ({cause.verify_message}): "
                "check auth.accessUrl and the authorities this machine trusts."
            )
            return _invalid(message, reply)
        cause = cause.__cause__ or cause.__context__
    message = "The token endpoint could not be reached or did not answer in time."
    return TransientFailure(message, reply=reply)


def _invalid(message: str, reply: ProviderReply | None = None) -> InvalidConfig:
    reply = reply or ProviderReply(stage="auth")
    return InvalidConfig(message, problems={"auth": message}, reply=reply)

"""Devices without a keyboard or browser ask for a code to show (RFC 8628 §3.1)."""

import secrets
from datetime import timedelta

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.answers import answer, refusal
from idp.oidc.client_authentication import authenticate_client
from idp.oidc.client_metadata import DEVICE_CODE
from idp.oidc.clients import RegisteredClient
from idp.oidc.parameters import Parameters, form_parameters
from idp.oidc.provider import Provider
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows
from idp.storage.tables import DeviceAuthorization, now

DEVICE_PAGE = "/device"

_DEVICES = Rows(DeviceAuthorization)
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628 §6.1: no vowels, so no words; 8 of these are 34 bits, typed within minutes."""
_LIFETIME = timedelta(minutes=10)
_INTERVAL = 5  # seconds


async def device_authorization_endpoint(provider: Provider, request: Request) -> Response:
    """Give a device a code to ask with, and one for its person to type."""
    form = await form_parameters(request)
    device_code = new_secret()
    try:
        check_parameters(form)
        client = await authenticate_client(provider, request.headers, form)
        check_grant_type(client)
        user_code = await provider.database.run(_start, client, form, device_code)
    except OAuth2Error as error:
        return refusal(error)
    page = provider.settings.issuer + DEVICE_PAGE
    return answer(
        {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={user_code}",
            "expires_in": int(_LIFETIME.total_seconds()),
            "interval": _INTERVAL,
        }
    )


def check_parameters(form: Parameters) -> None:
    """RFC 6749 §3.1: no parameter more than once."""
    if form.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")


def check_grant_type(client: RegisteredClient) -> None:
    """RFC 6749 §5.2: the client must be registered for this grant."""
    if not client.check_grant_type(DEVICE_CODE):
        raise UnauthorizedClientError("The client is not registered for device codes.")


def _start(session: Session, client: RegisteredClient, form: Parameters, device_code: str) -> str:
    drawn = "".join(secrets.choice(_LETTERS) for _ in range(8))
    row = _DEVICES.insert(
        session,
        fingerprint=fingerprint(device_code),
        user_code=f"{drawn[:4]}-{drawn[4:]}",
        client_id=client.row.id,
        scope=client.get_allowed_scope(form.get("scope") or ""),
        interval=_INTERVAL,
        expires_at=now() + _LIFETIME,
    )
    return row.user_code


def typed_user_code(typed: str) -> str:
    """Return a user code as it is stored, however it was typed (RFC 8628 §6.1)."""
    letters = "".join(letter for letter in typed.upper() if letter in _LETTERS)
    return f"{letters[:4]}-{letters[4:]}"

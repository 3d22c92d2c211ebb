"""How a client proves who it is (RFC 6749 §2.3, OIDC Core §9), at every endpoint it calls."""

from base64 import b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from sqlmodel import col, select
from starlette.datastructures import Headers

from idp.oidc.client_assertion import ASSERTION_TYPE, check_assertion, claimed_client_id
from idp.oidc.clients import RegisteredClient
from idp.oidc.parameters import Parameters
from idp.storage import Database
from idp.storage.lookups import Lookup
from idp.storage.secrets import fingerprint
from idp.storage.tables import Client, ClientSecret, now

if TYPE_CHECKING:
    from idp.oidc.provider import Provider

_FIND = Lookup[tuple[Client, str | None, datetime | None]](
    select(Client, ClientSecret.fingerprint, ClientSecret.expires_at).outerjoin(
        ClientSecret, col(ClientSecret.client_id) == col(Client.id)
    ),
    col(Client.id),
)


@dataclass(frozen=True)
class Credentials:
    """What a request says about the client that sent it; nobody has believed it yet."""

    client_id: str | None
    secret: str | None = None
    assertion: str | None = None


async def authenticate_client(
    provider: "Provider", headers: Headers, form: Parameters
) -> RegisteredClient:
    """Return the client that sent a request; raises OAuth2Error unless it proved that, in one way.

    A signed assertion is good for one request and counts as used from here on.
    """
    said = read_credentials(headers, form)
    client, has_proven_secret = await _find(provider.database, said)
    if said.assertion is not None:
        keys = await provider.client_keys.find(said.client_id, said.assertion)
        await provider.database.run(
            check_assertion, provider.settings, client, said.assertion, keys
        )
    elif client.is_public:
        _require(said.secret is None, "This client has no secret.")
    else:
        _require(not client.uses_assertions, "The client must authenticate with private_key_jwt.")
        _require(said.secret is not None, "The client did not authenticate.")
        _require(has_proven_secret, "The client_secret is wrong or has expired.")
    return client


async def authenticate_confidential_client(
    provider: "Provider", headers: Headers, form: Parameters
) -> RegisteredClient:
    """Return the client; raises InvalidClientError for public ones too, which prove nothing."""
    client = await authenticate_client(provider, headers, form)
    _require(not client.is_public, "Only clients with a secret or a key may ask.")
    return client


async def _find(database: Database, said: Credentials) -> tuple[RegisteredClient, bool]:
    client_id = (said.client_id or "").replace("\0", "")  # PostgreSQL stores no NUL
    found = await _FIND.find(database, client_id)
    if not found:
        raise _refused("There is no client with this client_id.")
    presented = fingerprint(said.secret) if said.secret else ""
    proven = [ends for _, secret, ends in found if secret == presented]
    return RegisteredClient(found[0][0]), any(ends is None or ends > now() for ends in proven)


def read_credentials(headers: Headers, form: Parameters) -> Credentials:
    """Return whose request this says it is; raises OAuth2Error unless it says so in one way.

    RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
    """
    in_header = _read_basic(headers.get("authorization", ""))
    assertion, in_form = form.get("client_assertion"), form.get("client_secret")
    if sum(map(bool, (in_header, assertion, in_form))) > 1:
        raise InvalidRequestError("The client authenticates in more than one way.")
    said = in_header or _read_assertion(form) or Credentials(form.get("client_id"), in_form)
    if form.get("client_id") not in {None, said.client_id}:
        raise InvalidRequestError("The client_id is not that of the credentials.")
    return said


def _read_basic(header: str) -> Credentials | None:
    """RFC 6749 §2.3.1: name and secret are form-encoded before they are put together."""
    scheme, _, encoded = header.partition(" ")
    if not scheme:
        return None
    try:
        client_id, colon, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if scheme.lower() != "basic" or not colon:
        raise InvalidClientError("The Authorization header is malformed.", status_code=401)
    return Credentials(unquote_plus(client_id), secret=unquote_plus(secret))


def _read_assertion(form: Parameters) -> Credentials | None:
    """RFC 7521 §4.2: the assertion names the client, and its type is the one of RFC 7523."""
    assertion = form.get("client_assertion")
    if assertion is None:
        return None
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidRequestError("The client_assertion_type is missing or unknown.")
    return Credentials(claimed_client_id(assertion), assertion=assertion)


def _require(fact: bool, otherwise: str) -> None:
    if not fact:
        raise _refused(otherwise)


def _refused(why: str) -> InvalidClientError:
    return InvalidClientError(why, status_code=401)

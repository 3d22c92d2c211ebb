"""How a client proves who it is (RFC 6749 §2.3, OIDC Core §9), at every endpoint it calls."""

from base64 import b64decode
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from joserfc.jwk import KeySet
from sqlalchemy import and_, bindparam, or_
from sqlmodel import Session, col, select
from starlette.datastructures import Headers

from idp.oidc.client_assertion import ASSERTION_TYPE, check_assertion, claimed_client_id
from idp.oidc.clients import RegisteredClient
from idp.oidc.parameters import Parameters
from idp.settings import Settings
from idp.storage.secrets import fingerprint
from idp.storage.statements import Statement
from idp.storage.tables import Client, ClientSecret, now

if TYPE_CHECKING:
    from idp.oidc.provider import Provider

_FIND = Statement[tuple[Client, str | None]](
    select(Client, ClientSecret.id)
    .outerjoin(
        ClientSecret,
        and_(
            col(ClientSecret.client_id) == col(Client.id),
            col(ClientSecret.fingerprint) == bindparam("secret"),
            or_(
                col(ClientSecret.expires_at).is_(None),
                col(ClientSecret.expires_at) > bindparam("moment"),
            ),
        ),
    )
    .where(col(Client.id) == bindparam("client_id"))
)


@dataclass(frozen=True)
class Credentials:
    """What a request says about the client that sent it; nobody has believed it yet."""

    client_id: str | None
    secret: str | None = None
    assertion: str | None = None
    keys: KeySet | None = None
    """The registered keys of the client it names, for a client that signs."""


async def present_credentials(
    provider: "Provider", headers: Headers, form: Parameters
) -> Credentials:
    """Return the credentials of a request, with the keys to verify them where they are signed."""
    said = read_credentials(headers, form)
    if said.assertion is None:
        return said
    return replace(said, keys=await provider.client_keys.find(said.client_id, said.assertion))


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


def authenticate_client(
    session: Session, settings: Settings, credentials: Credentials
) -> RegisteredClient:
    """Return the client that sent a request; raises InvalidClientError unless it proved that."""
    moment = now()
    client, has_proven_secret = _find(session, credentials, moment)
    if credentials.assertion is not None:
        check_assertion(session, settings, client, credentials.assertion, credentials.keys)
    elif client.is_public:
        _require(credentials.secret is None, "This client has no secret.")
    else:
        _require(not client.uses_assertions, "The client must authenticate with private_key_jwt.")
        _require(credentials.secret is not None, "The client did not authenticate.")
        _require(has_proven_secret, "The client_secret is wrong or has expired.")
    return client


def authenticate_confidential_client(
    session: Session, settings: Settings, credentials: Credentials
) -> RegisteredClient:
    """Return the client; raises InvalidClientError for public ones too, which prove nothing."""
    client = authenticate_client(session, settings, credentials)
    _require(not client.is_public, "Only clients with a secret or a key may ask.")
    return client


def _find(
    session: Session, credentials: Credentials, moment: datetime
) -> tuple[RegisteredClient, bool]:
    secret = fingerprint(credentials.secret) if credentials.secret else ""
    client_id = (credentials.client_id or "").replace("\0", "")  # PostgreSQL stores no NUL
    found = _FIND.first(session, client_id=client_id, secret=secret, moment=moment)
    if found is None:
        raise _refused("There is no client with this client_id.")
    return RegisteredClient(found[0]), found[1] is not None


def _require(fact: bool, otherwise: str) -> None:
    if not fact:
        raise _refused(otherwise)


def _refused(why: str) -> InvalidClientError:
    return InvalidClientError(why, status_code=401)

"""Who may use the management API: a client that acts for itself, with the scope `all`."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session

from idp.oidc.clients import add_client
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows
from idp.storage.tables import AccessToken, ApiResource, Client, now

SCOPE = "all"
MANAGEMENT_GRANTS = ("client_credentials",)

_ACCESS_TOKENS = Rows(AccessToken)


@dataclass(frozen=True)
class Caller:
    """The client behind an access token, and whether it may administer."""

    client_id: str
    may_administer: bool


def management_api(issuer: str) -> str:
    """Return the identifier of the management API, the `resource` clients name (RFC 8707)."""
    return f"{issuer}/api"


def register_management_api(session: Session, issuer: str) -> None:
    """Make the management API known as one that access tokens can be made for."""
    identifier = management_api(issuer)
    if session.get(ApiResource, identifier) is None:
        session.add(ApiResource(identifier=identifier, name="Management API", scope=SCOPE))
        session.flush()


def add_management_client(
    session: Session, issuer: str, name: str, *, client_id: str | None = None
) -> tuple[Client, str]:
    """Register a client that may use the management API; return it with its secret.

    Raises ValueError when it cannot be.
    """
    register_management_api(session, issuer)
    client, secret = add_client(
        session,
        name=name,
        redirect_uris=(),
        client_id=client_id,
        grant_types=MANAGEMENT_GRANTS,
        scope=SCOPE,
    )
    assert secret is not None  # noqa: S101 (it is neither public nor signs assertions)
    return client, secret


def issue_access_token(session: Session, issuer: str, client_id: str, lifetime: timedelta) -> str:
    """Return an opaque access token of a client, as `client_credentials` would have given it."""
    access_token = new_secret()
    _ACCESS_TOKENS.insert(
        session,
        fingerprint=fingerprint(access_token),
        client_id=client_id,
        scope=SCOPE,
        audience=management_api(issuer),
        expires_at=now() + lifetime,
    )
    return access_token


def find_caller(session: Session, issuer: str, access_token: str) -> Caller | None:
    """Return whose access token this is; None if it is unknown, has ended or is for elsewhere.

    A signed access token is looked up like an opaque one, so that it ends when it is revoked. One
    of a person never counts: what an application may do for people is not what it may do itself.
    """
    row = _ACCESS_TOKENS.get(session, fingerprint=fingerprint(access_token))
    is_live = row is not None and row.expires_at > now()
    if row is None or not is_live or row.audience not in {None, management_api(issuer)}:
        return None
    may_administer = row.grant_id is None and SCOPE in row.scope.split()
    return Caller(row.client_id, may_administer)

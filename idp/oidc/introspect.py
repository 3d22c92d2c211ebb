"""The introspection endpoint (RFC 7662): an API asks what a token it was shown is worth."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlalchemy import bindparam
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.answers import answer, refusal
from idp.oidc.client_authentication import (
    Credentials,
    authenticate_confidential_client,
    present_credentials,
)
from idp.oidc.clients import RegisteredClient
from idp.oidc.parameters import Parameters, form_parameters
from idp.oidc.provider import Provider
from idp.storage.secrets import fingerprint
from idp.storage.statements import Statement
from idp.storage.tables import AccessToken, Grant, RefreshToken, User, now

_ACCESS_TOKEN = Statement[tuple[AccessToken, str | None, datetime | None, datetime | None]](
    select(AccessToken, Grant.user_id, Grant.revoked_at, User.suspended_at)
    .outerjoin(Grant, col(Grant.id) == col(AccessToken.grant_id))
    .outerjoin(User, col(User.id) == col(Grant.user_id))
    .where(col(AccessToken.fingerprint) == bindparam("fingerprint"))
)
_REFRESH_TOKEN = Statement[tuple[RefreshToken, Grant, datetime | None]](
    select(RefreshToken, Grant, User.suspended_at)
    .join(Grant, col(Grant.id) == col(RefreshToken.grant_id))
    .join(User, col(User.id) == col(Grant.user_id))
    .where(col(RefreshToken.fingerprint) == bindparam("fingerprint"))
)


@dataclass(frozen=True)
class IssuedToken:
    """What there is to know about a token."""

    client_id: str
    scope: str
    subject: str
    expires_at: datetime
    ended: tuple[datetime | None, ...]
    """The moments that each ended it, if they have come."""
    audience: str | None = None
    issued_at: datetime | None = None
    dpop_jkt: str | None = None

    @property
    def is_active(self) -> bool:
        return not any(self.ended) and self.expires_at > now()

    def may_be_shown_to(self, client: RegisteredClient) -> bool:
        """RFC 7662 §4: applications of somebody else learn of their own tokens only."""
        return client.row.first_party or client.row.id == self.client_id


async def introspection_endpoint(provider: Provider, request: Request) -> Response:
    """Tell a client whether a token is active, and what it allows."""
    form = await form_parameters(request)
    try:
        check_parameters(form)
        credentials = await present_credentials(provider, request.headers, form)
        database = provider.database
        # An assertion is good for one request, which is written down.
        ask = database.run if credentials.assertion else database.read
        issued = await ask(_read, provider, credentials, form.data["token"])
    except OAuth2Error as error:
        return refusal(error)
    return answer(_described(provider.settings.issuer, issued) if issued else {"active": False})


def check_parameters(form: Parameters) -> None:
    """RFC 7662 §2.1, RFC 6749 §3.2: a token, and no parameter more than once."""
    if form.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")
    if form.get("token") is None:
        raise InvalidRequestError("The token is missing.")


def _read(
    session: Session, provider: Provider, credentials: Credentials, presented: str
) -> IssuedToken | None:
    client = authenticate_confidential_client(session, provider.settings, credentials)
    issued = _find_access_token(session, presented) or _find_refresh_token(session, presented)
    if issued is None or not issued.is_active or not issued.may_be_shown_to(client):
        return None
    return issued


def _find_access_token(session: Session, presented: str) -> IssuedToken | None:
    found = _ACCESS_TOKEN.first(session, fingerprint=fingerprint(presented))
    if found is None:
        return None
    row, user_id, revoked_at, suspended_at = found
    return IssuedToken(
        client_id=row.client_id,
        scope=row.scope,
        subject=user_id or row.client_id,  # RFC 9068 §2.2: a client that acts for itself
        expires_at=row.expires_at,
        ended=(revoked_at, suspended_at),
        audience=row.audience,
        issued_at=row.issued_at,
        dpop_jkt=row.dpop_jkt,
    )


def _find_refresh_token(session: Session, presented: str) -> IssuedToken | None:
    found = _REFRESH_TOKEN.first(session, fingerprint=fingerprint(presented))
    if found is None:
        return None
    row, grant, suspended_at = found
    ended = (row.used_at, grant.revoked_at, suspended_at)
    return IssuedToken(grant.client_id, grant.scope, grant.user_id, row.expires_at, ended)


def _described(issuer: str, issued: IssuedToken) -> dict[str, Any]:
    """Word it as RFC 7662 §2.2 does."""
    described = {
        "active": True,
        "iss": issuer,
        "sub": issued.subject,
        "client_id": issued.client_id,
        "scope": issued.scope,
        "exp": int(issued.expires_at.timestamp()),
    }
    if issued.issued_at is not None:
        token_type = "DPoP" if issued.dpop_jkt else "Bearer"
        described |= {"token_type": token_type, "iat": int(issued.issued_at.timestamp())}
    if issued.dpop_jkt:
        described["cnf"] = {"jkt": issued.dpop_jkt}  # RFC 9449 §6.2
    return described | {"aud": issued.audience} if issued.audience else described

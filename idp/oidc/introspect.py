"""The introspection endpoint (RFC 7662): an API asks what a token it was shown is worth."""

from datetime import datetime
from typing import Any, NamedTuple

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlmodel import col, func, select
from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.answers import answer, refusal
from idp.oidc.client_authentication import authenticate_confidential_client
from idp.oidc.clients import RegisteredClient
from idp.oidc.parameters import Parameters, form_parameters
from idp.oidc.provider import Provider
from idp.storage import Database
from idp.storage.clock import from_now
from idp.storage.lookups import Lookup
from idp.storage.secrets import fingerprint
from idp.storage.tables import AccessToken, Grant, RefreshToken, User

_ACCESS_TOKEN = Lookup[Any](
    select(  # type: ignore[call-overload]  # sqlmodel types four columns
        AccessToken.client_id,
        AccessToken.scope,
        # RFC 9068 §2.2: a client that acts for itself is the subject.
        func.coalesce(Grant.user_id, AccessToken.client_id),
        AccessToken.expires_at,
        AccessToken.audience,
        AccessToken.issued_at,
        AccessToken.dpop_jkt,
    )
    .outerjoin(Grant, col(Grant.id) == col(AccessToken.grant_id))
    .outerjoin(User, col(User.id) == col(Grant.user_id))
    .where(
        col(AccessToken.expires_at) > from_now(),
        col(Grant.revoked_at).is_(None),
        col(User.suspended_at).is_(None),
    ),
    col(AccessToken.fingerprint),
)
_REFRESH_TOKEN = Lookup[Any](
    select(Grant.client_id, Grant.scope, Grant.user_id, RefreshToken.expires_at)
    .join(Grant, col(Grant.id) == col(RefreshToken.grant_id))
    .join(User, col(User.id) == col(Grant.user_id))
    .where(
        col(RefreshToken.expires_at) > from_now(),
        col(RefreshToken.used_at).is_(None),
        col(Grant.revoked_at).is_(None),
        col(User.suspended_at).is_(None),
    ),
    col(RefreshToken.fingerprint),
)


class ActiveToken(NamedTuple):
    """What there is to know about a token that is worth something."""

    client_id: str
    scope: str
    subject: str
    expires_at: datetime
    audience: str | None = None
    issued_at: datetime | None = None
    dpop_jkt: str | None = None

    def may_be_shown_to(self, client: RegisteredClient) -> bool:
        """RFC 7662 §4: applications of somebody else learn of their own tokens only."""
        return client.row.first_party or client.row.id == self.client_id


async def introspection_endpoint(provider: Provider, request: Request) -> Response:
    """Tell a client whether a token is active, and what it allows."""
    form = await form_parameters(request)
    try:
        check_parameters(form)
        client = await authenticate_confidential_client(provider, request.headers, form)
    except OAuth2Error as error:
        return refusal(error)
    issued = await _find(provider.database, form.data["token"])
    if issued is None or not issued.may_be_shown_to(client):
        return answer({"active": False})
    return answer(_described(provider.settings.issuer, issued))


def check_parameters(form: Parameters) -> None:
    """RFC 7662 §2.1, RFC 6749 §3.2: a token, and no parameter more than once."""
    if form.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")
    if form.get("token") is None:
        raise InvalidRequestError("The token is missing.")


async def _find(database: Database, presented: str) -> ActiveToken | None:
    key = fingerprint(presented)
    for access_token in await _ACCESS_TOKEN.find(database, key):
        return ActiveToken(*access_token)
    for refresh_token in await _REFRESH_TOKEN.find(database, key):
        return ActiveToken(*refresh_token)
    return None


def _described(issuer: str, issued: ActiveToken) -> dict[str, Any]:
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

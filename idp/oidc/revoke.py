"""The revocation endpoint (RFC 7009): a client gives back a token it no longer needs."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError
from sqlalchemy import bindparam
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.answers import refusal
from idp.oidc.changes import revoke_grant
from idp.oidc.client_authentication import authenticate_client
from idp.oidc.clients import RegisteredClient
from idp.oidc.parameters import Parameters, form_parameters
from idp.oidc.provider import Provider
from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows, Statement
from idp.storage.tables import AccessToken, Grant, RefreshToken

_ACCESS_TOKENS = Rows(AccessToken)
_REFRESH_TOKEN = Statement[tuple[str, str]](
    select(Grant.id, Grant.client_id)
    .join(RefreshToken, col(RefreshToken.grant_id) == col(Grant.id))
    .where(col(RefreshToken.fingerprint) == bindparam("fingerprint"))
)


async def revocation_endpoint(provider: Provider, request: Request) -> Response:
    """End an access token, or with a refresh token everything that came from its grant."""
    form = await form_parameters(request)
    try:
        check_parameters(form)
        client = await authenticate_client(provider, request.headers, form)
        await provider.database.run(_revoke, client, form.data["token"])
    except OAuth2Error as error:
        return refusal(error)
    return Response(headers={"Cache-Control": "no-store"})


def check_parameters(form: Parameters) -> None:
    """RFC 7009 §2.1, RFC 6749 §3.2: a token, and no parameter more than once."""
    if form.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")
    if form.get("token") is None:
        raise InvalidRequestError("The token is missing.")


def check_owner(client: RegisteredClient, client_id: str) -> None:
    """RFC 7009 §2.1: a client revokes only what was issued to it."""
    if client.row.id != client_id:
        raise UnauthorizedClientError("The token was issued to another client.")


def _revoke(session: Session, client: RegisteredClient, presented: str) -> None:
    """RFC 7009 §2.2: a token that is unknown, or ended already, is as good as revoked."""
    found = fingerprint(presented)
    if access_token := _ACCESS_TOKENS.get(session, fingerprint=found):
        check_owner(client, access_token.client_id)
        _ACCESS_TOKENS.delete(session, fingerprint=found)
    elif refresh_token := _REFRESH_TOKEN.first(session, fingerprint=found):
        grant_id, client_id = refresh_token
        check_owner(client, client_id)
        revoke_grant(session, grant_id)

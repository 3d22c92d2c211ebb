"""The token endpoint (RFC 6749 §3.2)."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.access_token import InvalidTargetError, load_api
from idp.oidc.answers import answer, refusal
from idp.oidc.changes import write_changes
from idp.oidc.client_authentication import Credentials, authenticate_client, read_credentials
from idp.oidc.credentials import CodeCredential, RefreshCredential
from idp.oidc.engine import Answer, Engine, ProtocolRequest
from idp.oidc.parameters import Parameters, form_parameters
from idp.oidc.provider import Provider
from idp.oidc.redeemable import Redemption, find_presented


async def token_endpoint(provider: Provider, request: Request) -> Response:
    """Give tokens for what the grant_type says."""
    await provider.refresh_keys()
    form = await form_parameters(request)
    try:
        check_parameters(form)
        credentials = read_credentials(request.headers, form)
        decided = await provider.database.run(_redeem, provider, credentials, form)
    except OAuth2Error as error:
        return refusal(error)
    return answer(decided.body, decided.status_code)


def check_parameters(form: Parameters) -> None:
    """RFC 6749 §3.2 and §5.2: no parameter more than once, and a grant_type."""
    if form.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")
    if form.get("grant_type") is None:
        raise InvalidRequestError("The grant_type is missing.")


def check_resource(redemption: Redemption) -> None:
    """RFC 8707 §2.2: an API that the person was not asked about gets no token of theirs."""
    found, api = redemption.presented, redemption.api
    if api is None or not isinstance(found, CodeCredential | RefreshCredential):
        return
    if api.identifier not in found.grant.resource.split():
        raise InvalidTargetError("The authorization request did not name this resource.")


def _redeem(
    session: Session, provider: Provider, credentials: Credentials, form: Parameters
) -> Answer:
    """Read, decide and write in one transaction; raises OAuth2Error when nothing is to be written.

    A decision that costs somebody a grant is an answer, because it must be written.
    """
    client = authenticate_client(session, provider.settings, credentials)
    api = load_api(session, form.get("resource"))
    redemption = Redemption(client, find_presented(session, client, form), api)
    check_resource(redemption)
    request = ProtocolRequest(provider.settings.issuer, "POST", form)
    engine = Engine(provider, request, client, redemption)
    decided = engine.redeem()
    if engine.changes and not write_changes(session, engine.changes):
        return engine.lose()
    return decided

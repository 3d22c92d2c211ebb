"""The token endpoint (RFC 6749 §3.2)."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.access_token import InvalidTargetError, load_api
from idp.oidc.answers import answer, refusal
from idp.oidc.changes import write_changes, write_new_rows
from idp.oidc.client_authentication import authenticate_client
from idp.oidc.clients import RegisteredClient
from idp.oidc.credentials import CodeCredential, RefreshCredential
from idp.oidc.dpop import InvalidDpopProofError, Proof, read_proof, use_proof
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
        client = await authenticate_client(provider, request.headers, form)
        url = provider.settings.issuer + request.scope["path"]
        proof = read_proof(request.headers, "POST", url)
        decided = await _decide(provider, client, form, proof)
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


def check_required_proof(redemption: Redemption) -> None:
    """RFC 9449 §5.2: a client may be registered to get no token that is not bound to a key."""
    if redemption.client.row.dpop_bound_access_tokens and redemption.dpop_jkt is None:
        raise InvalidDpopProofError("This client must send a DPoP proof.")


def check_bound_key(redemption: Redemption) -> None:
    """RFC 9449 §5 and §10: what is bound to a key is redeemed with that key only."""
    found = redemption.presented
    if not isinstance(found, CodeCredential | RefreshCredential):
        return
    if found.row.dpop_jkt not in {None, redemption.dpop_jkt}:
        raise InvalidGrantError("It is bound to a key that the DPoP proof was not made with.")


CHECKS = (check_resource, check_required_proof, check_bound_key)


async def _decide(
    provider: Provider, client: RegisteredClient, form: Parameters, proof: Proof | None
) -> Answer:
    if form.get("grant_type") != "client_credentials" or form.get("resource") or proof:
        return await provider.database.run_shared(_redeem, provider, client, form, proof)
    # Nothing to read and one row to write: those of a moment are committed together.
    engine = _engine(provider, form, Redemption(client, None, None))
    decided = engine.redeem()
    if engine.changes:
        await provider.database.run_together(write_new_rows, engine.changes.new_rows)
    return decided


def _redeem(
    session: Session,
    provider: Provider,
    client: RegisteredClient,
    form: Parameters,
    proof: Proof | None,
) -> Answer:
    """Read, decide and write in one transaction; raises OAuth2Error when nothing is to be written.

    A decision that costs somebody a grant is an answer, because it must be written.
    """
    api = load_api(session, form.get("resource"))
    presented = find_presented(session, client, form)
    redemption = Redemption(client, presented, api, proof.jkt if proof else None)
    engine = _engine(provider, form, redemption)
    if proof:
        use_proof(session, proof)
    decided = engine.redeem()
    if engine.changes and not write_changes(session, engine.changes):
        return engine.lose()
    return decided


def _engine(provider: Provider, form: Parameters, redemption: Redemption) -> Engine:
    for check in CHECKS:
        check(redemption)
    request = ProtocolRequest(provider.settings.issuer, "POST", form)
    return Engine(provider, request, redemption.client, redemption)

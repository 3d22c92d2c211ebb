"""Pushed authorization requests (RFC 9126): sent by the client itself, out of everybody's sight."""

from collections.abc import Mapping
from datetime import timedelta

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from sqlalchemy import bindparam
from sqlmodel import Session, col, delete
from starlette.requests import Request
from starlette.responses import Response

from idp.oidc.access_token import known_apis
from idp.oidc.answers import answer, refusal
from idp.oidc.authorization_checks import CLIENT_CHECKS
from idp.oidc.authorization_request import AuthorizationRequest
from idp.oidc.client_authentication import authenticate_client
from idp.oidc.dpop import InvalidDpopProofError, Proof, read_proof, use_proof
from idp.oidc.parameters import Parameters, form_parameters
from idp.oidc.provider import Provider
from idp.oidc.request_object import request_object_keys, unpack
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows, Statement
from idp.storage.tables import PushedRequest, now

PREFIX = "urn:ietf:params:oauth:request_uri:"
LIFETIME = timedelta(seconds=90)

_PUSHED = Rows(PushedRequest)
_TAKE = Statement[PushedRequest](
    delete(PushedRequest)
    .where(
        col(PushedRequest.fingerprint) == bindparam("named"),
        col(PushedRequest.client_id) == bindparam("client_id"),
        col(PushedRequest.expires_at) > bindparam("moment"),
    )
    .returning(PushedRequest),
    returning=PushedRequest,
)
_OF_THE_CLIENT = ("client_secret", "client_assertion", "client_assertion_type")


async def pushed_authorization_request_endpoint(provider: Provider, request: Request) -> Response:
    """Check a request as far as it goes without a person, and keep it under a new name."""
    form = await form_parameters(request)
    try:
        client = await authenticate_client(provider, request.headers, form)
        keys = await request_object_keys(provider, form, client.row.id)
        sent = unpack(form, client, provider.settings.issuer, keys)
        apis = await provider.database.read(known_apis, sent.get("resource"))
        asked = AuthorizationRequest(sent, client, None, None, None, provider.keys, apis)
        for check in CHECKS:
            check(asked)
        url = provider.settings.issuer + request.scope["path"]
        proof = read_proof(request.headers, "POST", url)
        parameters = _to_keep(asked, proof)
        request_uri = await provider.database.run(_push, client.row.id, parameters, proof)
    except OAuth2Error as error:
        return refusal(error)
    return answer({"request_uri": request_uri, "expires_in": LIFETIME.seconds}, 201)


def check_request_uri(request: AuthorizationRequest) -> None:
    """RFC 9126 §2.1: a pushed request does not name another one."""
    if request.parameters.get("request_uri"):
        raise InvalidRequestError("A pushed request has no request_uri.")


def check_redirect_uri(request: AuthorizationRequest) -> None:
    """RFC 9126 §2.1: the same rules as at the authorization endpoint."""
    redirect_uri = request.parameters.get("redirect_uri")
    if redirect_uri is None or not request.client.check_redirect_uri(redirect_uri):
        raise InvalidRequestError("The redirect_uri is missing or not registered.")


CHECKS = (check_request_uri, check_redirect_uri, *CLIENT_CHECKS)


def is_pushed(parameters: Parameters) -> bool:
    """Tell whether a request only names one that was pushed."""
    return (parameters.get("request_uri") or "").startswith(PREFIX)


def take_pushed(session: Session, sent: Parameters, client_id: str) -> Parameters | None:
    """Return a pushed request to the client that pushed it, once (RFC 9126 §7.3)."""
    named = fingerprint(sent.get("request_uri") or "")
    row = _TAKE.first(session, named=named, client_id=client_id, moment=now())
    return Parameters(row.parameters.items()) if row else None


def _to_keep(asked: AuthorizationRequest, proof: Proof | None) -> dict[str, str]:
    """Return what is asked for; RFC 9449 §10.1: a proof binds it as `dpop_jkt` would."""
    sent = asked.parameters.data
    parameters = {name: sent[name] for name in sent if name not in _OF_THE_CLIENT}
    parameters["client_id"] = asked.client.row.id
    if proof and parameters.setdefault("dpop_jkt", proof.jkt) != proof.jkt:
        raise InvalidDpopProofError("The DPoP proof is not made with the key of dpop_jkt.")
    return parameters


def _push(
    session: Session, client_id: str, parameters: Mapping[str, str], proof: Proof | None
) -> str:
    if proof:
        use_proof(session, proof)
    request_uri = PREFIX + new_secret()
    _PUSHED.insert(
        session,
        fingerprint=fingerprint(request_uri),
        client_id=client_id,
        parameters=dict(parameters),
        expires_at=now() + LIFETIME,
    )
    return request_uri

"""The token endpoint (RFC 6749 §3.2)."""

from collections.abc import Iterable
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.util import extract_basic_authorization
from sqlmodel import Session
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.oidc.changes import write_changes
from idp.oidc.clients import RegisteredClient, load_client
from idp.oidc.credentials import CodeCredential, Redeemable, RefreshCredential, find_credential
from idp.oidc.engine import Engine, ProtocolRequest
from idp.oidc.parameters import Parameters, form_parameters
from idp.oidc.provider import Provider
from idp.storage.tables import AuthorizationCode, RefreshToken


async def token_endpoint(provider: Provider, request: Request) -> Response:
    """Exchange an authorization code or a refresh token for tokens."""
    form = await form_parameters(request)
    try:
        check_parameters(form)
        client_id = check_client_id(request.headers, form)
    except OAuth2Error as error:
        return _json(*error())
    client, credential = await provider.database.run(_read, client_id, form)
    protocol_request = ProtocolRequest(provider.settings.issuer, "POST", form, request.headers)
    engine = Engine(provider, protocol_request, client, credential)
    answer = engine.redeem()
    if engine.changes and not await provider.database.run(write_changes, engine.changes):
        return _json(*InvalidGrantError("The code was used already.")())
    return _json(answer.status_code, answer.body, answer.headers)


def check_parameters(form: Parameters) -> None:
    """RFC 6749 §3.2 and §5.2: no parameter more than once, and a grant_type."""
    if form.are_repeated:
        raise InvalidRequestError("A parameter is repeated.")
    if form.get("grant_type") is None:
        raise InvalidRequestError("The grant_type is missing.")


def check_client_id(headers: Headers, form: Parameters) -> str | None:
    """RFC 6749 §2.3: return whose request this says it is, in one way of saying so."""
    try:
        client_id, _ = extract_basic_authorization(
            {"Authorization": headers.get("authorization", "")}
        )
    except ValueError as error:
        message = "The Authorization header is malformed."
        raise InvalidClientError(message, status_code=401) from error
    if client_id is None:
        return form.get("client_id")
    if form.get("client_secret") or form.get("client_id") not in {None, client_id}:
        raise InvalidRequestError("The client authenticates in more than one way.")
    return client_id


def _read(
    session: Session, client_id: str | None, form: Parameters
) -> tuple[RegisteredClient | None, Redeemable | None]:
    return load_client(session, client_id), _find_credential(session, form)


def _find_credential(session: Session, form: Parameters) -> Redeemable | None:
    if form.get("grant_type") == "authorization_code":
        code_rows = find_credential(session, AuthorizationCode, form.get("code") or "")
        return CodeCredential(*code_rows) if code_rows else None
    rows = find_credential(session, RefreshToken, form.get("refresh_token") or "")
    return RefreshCredential(*rows) if rows else None


def _json(status_code: int, body: Any, headers: Iterable[tuple[str, str]]) -> Response:
    response = JSONResponse(body, status_code, dict(headers))
    if status_code == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="clients"'  # RFC 7617 §2
    return response

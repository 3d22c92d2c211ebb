"""The authorization endpoint (OIDC Core §3.1.2)."""

from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from idp.accounts.sessions import load_session
from idp.oidc.authorization_request import CHECKS, AuthorizationRequest
from idp.oidc.changes import Changes, write_changes
from idp.oidc.clients import load_client
from idp.oidc.engine import Engine, ProtocolRequest
from idp.oidc.interactions import (
    end_interaction,
    first_page,
    load_interaction,
    start_interaction,
)
from idp.oidc.parameters import Parameters, form_parameters, query_parameters
from idp.oidc.provider import Provider
from idp.storage.secrets import new_secret
from idp.storage.tables import Interaction
from idp.web.cookies import browser_cookie, session_cookie
from idp.web.i18n import mark


class UnprovenError(Exception):
    """Nobody knows yet that the redirect_uri is the client's, so only the person may be told."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title
        self.message = message


async def authorization_endpoint(provider: Provider, request: Request) -> Response:
    """Answer an authorization request, or one that was set aside until the person signed in."""
    if request.method == "POST":
        # A POST from another site comes without our SameSite=Lax cookies, a GET with them.
        form = await form_parameters(request)
        return _see_other(f"{request.url.path}?{urlencode(form.datalist, doseq=True)}")
    try:
        asked = await provider.database.run(_read, provider, request)
    except UnprovenError as error:
        return provider.pages.error(request, error.title, error.message)
    protocol_request = ProtocolRequest(provider.settings.issuer, "GET", asked.parameters)
    engine = Engine(provider, protocol_request, asked.client)
    try:
        for check in CHECKS:
            check(asked)
        grant = engine.validate_authorization_request(asked.signed_in)
    except OAuth2Error as error:
        return _see_other(engine.refuse(error).location)
    if asked.needs_sign_in:
        return await _ask_person(provider, request, asked)
    answer = engine.authorize(grant)
    await provider.database.run(_write, engine.changes, asked.interaction)
    return _see_other(answer.location)


def _read(session: Session, provider: Provider, request: Request) -> AuthorizationRequest:
    parameters, interaction = query_parameters(request), None
    if (interaction_id := parameters.get("interaction")) and not parameters.get("client_id"):
        browser = browser_cookie(provider.settings).read(request)
        interaction = load_interaction(session, interaction_id, browser)
        parameters = _set_aside(interaction)
    client = load_client(session, parameters.get("client_id"))
    redirect_uri = parameters.get("redirect_uri")
    if client is None:
        raise UnprovenError(
            mark("Unknown application"),
            mark(
                "The application that sent you here is not registered with this server: "
                "its client_id is missing or wrong."
            ),
        )
    if redirect_uri is None or not client.check_redirect_uri(redirect_uri):
        raise UnprovenError(
            mark("Unknown return address"),
            mark(
                "The application that sent you here wants you back at an address that is not "
                "registered for it: its redirect_uri is missing or wrong."
            ),
        )
    cookie = session_cookie(provider.settings).read(request)
    signed_in = load_session(session, cookie, provider.settings)
    return AuthorizationRequest(parameters, client, signed_in, interaction, provider.keys)


def _set_aside(interaction: Interaction | None) -> Parameters:
    if interaction is None:
        raise UnprovenError(
            mark("This sign-in is no longer valid"),
            mark(
                "It took too long, is finished already, or was begun in another browser. "
                "Go back to the application and start again."
            ),
        )
    return Parameters(interaction.parameters.items())


async def _ask_person(
    provider: Provider, request: Request, asked: AuthorizationRequest
) -> Response:
    cookie = browser_cookie(provider.settings)
    browser = cookie.read(request) or new_secret()
    interaction = asked.interaction
    if interaction is None:
        interaction = await provider.database.run(start_interaction, asked, browser)
    response = _see_other(first_page(asked, interaction))
    cookie.write(response, browser)
    return response


def _write(session: Session, changes: Changes, interaction: Interaction | None) -> None:
    write_changes(session, changes)
    if interaction is not None:
        end_interaction(session, interaction)


def _see_other(location: str) -> Response:
    return RedirectResponse(location, 303, headers={"Cache-Control": "no-store"})

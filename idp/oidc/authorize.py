"""The authorization endpoint (OIDC Core §3.1.2)."""

from collections.abc import Mapping
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from joserfc.jwk import KeySet
from sqlalchemy import and_, bindparam
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from idp.accounts.sessions import admit
from idp.oidc.access_token import known_apis
from idp.oidc.authorization_checks import CHECKS
from idp.oidc.authorization_request import AuthorizationRequest
from idp.oidc.changes import write_changes
from idp.oidc.clients import RegisteredClient
from idp.oidc.device_authorization import DEVICE_PAGE
from idp.oidc.engine import Engine, ProtocolRequest
from idp.oidc.form_post import form_post
from idp.oidc.interactions import (
    end_interaction,
    load_interaction,
    needed_page,
    page_address,
    start_interaction,
)
from idp.oidc.par import is_pushed, take_pushed
from idp.oidc.parameters import Parameters, form_parameters, query_parameters
from idp.oidc.provider import Provider
from idp.oidc.request_object import request_object_keys, unpack
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Statement
from idp.storage.tables import BrowserSession, Client, Consent, Interaction, User
from idp.web.cookies import browser_cookie, session_cookie
from idp.web.i18n import mark

_FIND = Statement[tuple[Client, BrowserSession | None, User | None, Consent | None]](
    select(Client, BrowserSession, User, Consent)
    .select_from(Client)
    .outerjoin(BrowserSession, col(BrowserSession.fingerprint) == bindparam("fingerprint"))
    .outerjoin(User, col(User.id) == col(BrowserSession.user_id))
    .outerjoin(
        Consent,
        and_(col(Consent.user_id) == col(User.id), col(Consent.client_id) == col(Client.id)),
    )
    .where(col(Client.id) == bindparam("client_id"))
)
_UNKNOWN_CLIENT = (
    mark("Unknown application"),
    mark(
        "The application that sent you here is not registered with this server: "
        "its client_id is missing or wrong."
    ),
)
_UNKNOWN_REDIRECT_URI = (
    mark("Unknown return address"),
    mark(
        "The application that sent you here wants you back at an address that is not "
        "registered for it: its redirect_uri is missing or wrong."
    ),
)
_NO_LONGER_VALID = (
    mark("This sign-in is no longer valid"),
    mark(
        "It took too long, is finished already, or was begun in another browser. "
        "Go back to the application and start again."
    ),
)


class UnprovenError(Exception):
    """Nobody knows yet that the redirect_uri is the client's, so only the person may be told."""

    def __init__(self, title: str, message: str) -> None:
        super().__init__(message)
        self.title = title
        self.message = message


class OfDeviceError(UnprovenError):
    """No application waits: the person signed in to go on at the page for devices."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        super().__init__(*_NO_LONGER_VALID)
        self.location = f"{DEVICE_PAGE}?{urlencode(parameters)}"


async def authorization_endpoint(provider: Provider, request: Request) -> Response:
    """Answer an authorization request, or one that was set aside until the person acted."""
    if request.method == "POST":
        # A POST from another site comes without our SameSite=Lax cookies, a GET with them.
        form = await form_parameters(request)
        return see_other(f"{request.url.path}?{urlencode(form.datalist, doseq=True)}")
    sent = query_parameters(request)
    keys = await request_object_keys(provider, sent, sent.get("client_id"))
    try:
        asked, location = await provider.database.run_shared(_decide, provider, request, sent, keys)
    except OfDeviceError as device:
        return see_other(device.location)
    except UnprovenError as error:
        return provider.pages.error(request, error.title, error.message)
    if location is None:
        return await _ask_person(provider, request, asked)
    return respond(provider, request, asked, location)


def _decide(
    session: Session,
    provider: Provider,
    request: Request,
    parameters: Parameters,
    keys: KeySet | None,
) -> tuple[AuthorizationRequest, str | None]:
    """Read, decide and write in one transaction; raises UnprovenError.

    Returns where the client gets its answer, or None while the person must act first.
    """
    asked = read_request(session, provider, request, parameters, keys)
    engine = engine_for(provider, asked)
    try:
        for check in CHECKS:
            check(asked)
        grant = engine.validate_authorization_request(asked)
    except OAuth2Error as error:
        return asked, engine.refuse(error).location
    if needed_page(asked):
        return asked, None
    answer = engine.authorize(grant)
    write_changes(session, engine.changes)
    if asked.interaction is not None:
        end_interaction(session, asked.interaction)
    return asked, answer.location


def read_request(
    session: Session,
    provider: Provider,
    request: Request,
    parameters: Parameters,
    keys: KeySet | None = None,
) -> AuthorizationRequest:
    """Read all that decides the answer; raises UnprovenError.

    `keys` are those a request object may be signed with.
    """
    parameters, interaction = _find_request(session, provider, request, parameters)
    cookie = session_cookie(provider.settings).read(request)
    found = _FIND.first(
        session,
        client_id=parameters.get("client_id") or "",
        fingerprint=fingerprint(cookie or ""),
    )
    if found is None:
        raise UnprovenError(*_UNKNOWN_CLIENT)
    row, browser_session, user, consent = found
    client = RegisteredClient(row)
    parameters = unpack(parameters, client, provider.settings.issuer, keys)
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or not client.check_redirect_uri(redirect_uri):
        raise UnprovenError(*_UNKNOWN_REDIRECT_URI)
    signed_in = None
    if browser_session and user:
        signed_in = admit(session, browser_session, user, provider.settings)
    resource = parameters.get("resource")
    apis = known_apis(session, resource) if resource else frozenset()
    return AuthorizationRequest(
        parameters, client, signed_in, interaction, consent, provider.keys, apis
    )


def _find_request(
    session: Session, provider: Provider, request: Request, sent: Parameters
) -> tuple[Parameters, Interaction | None]:
    """Return the request as it was sent now, set aside before, or pushed by the client."""
    client_id, interaction_id = sent.get("client_id"), sent.get("interaction")
    if interaction_id and not client_id:
        browser = browser_cookie(provider.settings).read(request)
        interaction = load_interaction(session, interaction_id, browser)
        if interaction is None:
            raise UnprovenError(*_NO_LONGER_VALID)
        if interaction.client_id is None:
            raise OfDeviceError(interaction.parameters)
        return Parameters(interaction.parameters.items()), interaction
    if client_id and is_pushed(sent):
        pushed = take_pushed(session, sent, client_id)
        if pushed is None:
            raise UnprovenError(*_NO_LONGER_VALID)
        return pushed, None
    return sent, None


def engine_for(provider: Provider, asked: AuthorizationRequest) -> Engine:
    """Return authlib's rules for one request."""
    protocol_request = ProtocolRequest(provider.settings.issuer, "GET", asked.parameters)
    return Engine(provider, protocol_request, asked.client)


def respond(
    provider: Provider, request: Request, asked: AuthorizationRequest, location: str
) -> Response:
    """Send the browser to the client with its answer, in the way the client wants it."""
    redirect_uri = asked.parameters.get("redirect_uri") or ""
    is_form_post = asked.parameters.get("response_mode") == "form_post"
    if is_form_post and redirect_uri.startswith(("https://", "http://")):
        return form_post(provider.pages, request, redirect_uri, location)
    return see_other(location)


async def _ask_person(
    provider: Provider, request: Request, asked: AuthorizationRequest
) -> Response:
    cookie = browser_cookie(provider.settings)
    browser = cookie.read(request) or new_secret()
    interaction = asked.interaction
    if interaction is None:
        interaction = await provider.database.run(start_interaction, asked, browser)
    response = see_other(page_address(asked, interaction))
    cookie.write(response, browser)
    return response


def see_other(location: str) -> Response:
    """Send the browser on with GET, which nobody may remember."""
    return RedirectResponse(location, 303, headers={"Cache-Control": "no-store"})

"""Interactions: an authorization request set aside while its person acts on our pages."""

import secrets
from datetime import timedelta
from urllib.parse import urlencode

from sqlmodel import Session

from idp.oidc.authorization_request import AuthorizationRequest
from idp.oidc.parameters import Parameters
from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows
from idp.storage.tables import Interaction, now

LIFETIME = timedelta(hours=1)
SELECT_ACCOUNT = "/oidc/select-account"
CONSENT = "/oidc/consent"

_INTERACTIONS = Rows(Interaction)
_SIGN_IN = "/sign-in"
_FIRST_SCREENS = {
    "register": "/register",
    "sign_in": _SIGN_IN,
    "forgot_password": "/forgot-password",
    "reset_password": "/forgot-password",
}
"""Where `first_screen` may lead; the last name is Logto's."""


def start_interaction(session: Session, request: AuthorizationRequest, browser: str) -> Interaction:
    """Set a request aside for the browser it came from."""
    return _INTERACTIONS.insert(
        session,
        id=secrets.token_urlsafe(16),
        browser=fingerprint(browser),
        client_id=request.client.row.id,
        parameters=request.parameters.data,
        expires_at=now() + LIFETIME,
    )


def await_sign_in(session: Session, parameters: dict[str, str], browser: str) -> str:
    """Set the page for devices aside until the person has signed in; return where they do."""
    interaction = _INTERACTIONS.insert(
        session,
        id=secrets.token_urlsafe(16),
        browser=fingerprint(browser),
        parameters=parameters,
        expires_at=now() + LIFETIME,
    )
    return f"{_SIGN_IN}?{urlencode({'interaction': interaction.id})}"


def load_interaction(
    session: Session, interaction_id: str, browser: str | None
) -> Interaction | None:
    """Return a request set aside, to the browser that made it and not for ever."""
    interaction = _INTERACTIONS.get(session, id=interaction_id)
    if interaction is None or browser is None or interaction.browser != fingerprint(browser):
        return None
    return interaction if interaction.expires_at > now() else None


def needed_page(request: AuthorizationRequest) -> str | None:
    """Return the path of the page the person must see next; None if the client can be answered."""
    if request.needs_sign_in:
        if "create" in request.prompts:
            return _FIRST_SCREENS["register"]
        return _FIRST_SCREENS.get(request.parameters.get("first_screen") or "", _SIGN_IN)
    if request.needs_account:
        return SELECT_ACCOUNT
    return CONSENT if request.needs_consent else None


def page_address(request: AuthorizationRequest, interaction: Interaction) -> str:
    """Return the address of the page needed next, with what the client says about the person."""
    query = {"interaction": interaction.id}
    for name in ("login_hint", "ui_locales"):
        if value := request.parameters.get(name):
            query[name] = value
    return f"{needed_page(request)}?{urlencode(query)}"


def interaction_only(sent: Parameters) -> Parameters:
    """Return what names a request set aside; our pages take nothing else of it from a form."""
    return Parameters([("interaction", sent.get("interaction") or "none")])


def resumption(named: Parameters) -> str:
    """Return the address where a request set aside goes on."""
    return f"/oidc/authorize?{urlencode(named.data)}"


def choose_account(session: Session, interaction: Interaction, account_id: str) -> None:
    """Note whom the person wants to be for this request."""
    _INTERACTIONS.update(session, {"id": interaction.id}, account_id=account_id)


def end_interaction(session: Session, interaction: Interaction) -> None:
    """Forget a request that was answered."""
    _INTERACTIONS.delete(session, id=interaction.id)

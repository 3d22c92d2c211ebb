"""Interactions: an authorization request set aside while its person signs in."""

import secrets
from datetime import timedelta
from urllib.parse import urlencode

from sqlmodel import Session

from idp.oidc.authorization_request import AuthorizationRequest
from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows
from idp.storage.tables import Interaction, now

LIFETIME = timedelta(hours=1)

_INTERACTIONS = Rows(Interaction)


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


def load_interaction(
    session: Session, interaction_id: str, browser: str | None
) -> Interaction | None:
    """Return a request set aside, to the browser that made it and not for ever."""
    interaction = _INTERACTIONS.get(session, id=interaction_id)
    if interaction is None or browser is None or interaction.browser != fingerprint(browser):
        return None
    return interaction if interaction.expires_at > now() else None


def first_page(request: AuthorizationRequest, interaction: Interaction) -> str:
    """Return the page where the person begins, with what the client says about them."""
    path = "/register" if "create" in request.prompts else "/sign-in"
    query = {"interaction": interaction.id}
    for name in ("login_hint", "ui_locales"):
        if value := request.parameters.get(name):
            query[name] = value
    return f"{path}?{urlencode(query)}"


def end_interaction(session: Session, interaction: Interaction) -> None:
    """Forget a request that was answered."""
    _INTERACTIONS.delete(session, id=interaction.id)

"""The console as a client of this server: registered at start, first-party, with a fixed id."""

from sqlmodel import Session

from idp.administration.overview import CONSOLE
from idp.oidc.client_metadata import ClientMetadata
from idp.oidc.clients import add_client
from idp.settings import Settings
from idp.storage.tables import Client

CLIENT_ID = CONSOLE
CALLBACK = "/console/callback"


def ensure_client(session: Session, settings: Settings) -> None:
    """Register the console, or tell its registration where the server is now.

    It is a public client: a secret would lie in the same database as what it opens.
    """
    redirect_uris = [settings.issuer + CALLBACK]
    client = session.get(Client, CLIENT_ID)
    if client is None:
        metadata = ClientMetadata(
            name="Console",
            public=True,
            redirect_uris=redirect_uris,
            grant_types=["authorization_code"],
            scope="openid",
        )
        add_client(session, metadata, client_id=CLIENT_ID)
    elif client.redirect_uris != redirect_uris:
        client.redirect_uris = redirect_uris

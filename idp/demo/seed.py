"""What a demo starts with: a client, connectors to the mailbox, wording, a few accounts."""

from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, select

from idp.accounts.passwords import Passwords
from idp.accounts.users import address_key, create_user, find_user
from idp.administration.access import add_management_client, issue_access_token
from idp.administration.administrators import issue_administrator_link
from idp.app import Server
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates
from idp.connectors import save_connector
from idp.demo.mailbox import FAILING, SLOW
from idp.oidc.client_metadata import ClientMetadata
from idp.oidc.clients import add_client
from idp.outbox.wording import save_shipped_templates
from idp.plugins import ConnectorClass
from idp.settings import SetupError
from idp.storage import Secrets
from idp.storage.tables import Client, Connector

CLIENT_ID = "sample-app"
API_CLIENT_ID = "management-script"
USERS = ("alice@example.com", "bob@example.com", "carol@example.com")
ADMINISTRATOR = "admin@example.com"
PASSWORD = "lanterns over a quiet harbour"

_ADMIN_LINK_LIFETIME = timedelta(days=1)
_API_TOKEN_LIFETIME = timedelta(days=7)
_SENDER = "Demo <no-reply@example.com>"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where the other parts of the demo are this time."""

    sample_app: str
    client_secret: str
    smtp_host: str
    smtp_port: int

    @property
    def redirect_uri(self) -> str:
        return f"{self.sample_app}/callback"


async def seed(server: Server, surroundings: Surroundings, *, with_users: bool) -> None:
    """Write what the demo needs; what is there already is kept and told where the rest is now."""
    connector = server.plugins.by_target("smtp")
    if connector is None:
        message = "The SMTP connector is not installed: pip install idp-smtp-email"
        raise SetupError(message)
    run = server.database.run
    await run(_seed_client, surroundings)
    await run(_seed_connectors, server.secrets, connector, surroundings)
    # Custom templates are chosen by language, so a mail speaks the language of the page.
    await run(save_shipped_templates, shipped_locales(), replace=False)
    if with_users:
        await run(_seed_users, await Passwords(server.settings).hash(PASSWORD))


async def issue_admin_link(server: Server) -> str:
    """Return a link that opens the console, once, to the demo's administrator."""
    issue = issue_administrator_link
    return await server.database.run(issue, server.settings, ADMINISTRATOR, _ADMIN_LINK_LIFETIME)


async def issue_api_token(server: Server) -> str:
    """Return an access token for the management API; its client is made if need be."""
    return await server.database.run(_issue_api_token, server.settings.issuer)


def _issue_api_token(session: Session, issuer: str) -> str:
    if session.get(Client, API_CLIENT_ID) is None:
        add_management_client(session, issuer, "Management script", client_id=API_CLIENT_ID)
    return issue_access_token(session, issuer, API_CLIENT_ID, _API_TOKEN_LIFETIME)


def _seed_client(session: Session, surroundings: Surroundings) -> None:
    redirect_uris = [surroundings.redirect_uri]
    post_logout_redirect_uris = [f"{surroundings.sample_app}/"]
    client = session.get(Client, CLIENT_ID)
    if client is not None:
        client.redirect_uris = redirect_uris
        client.post_logout_redirect_uris = post_logout_redirect_uris
        return
    add_client(
        session,
        ClientMetadata(
            name="Sample app",
            redirect_uris=redirect_uris,
            post_logout_redirect_uris=post_logout_redirect_uris,
        ),
        client_id=CLIENT_ID,
        secret=surroundings.client_secret,
    )


def _seed_connectors(
    session: Session, secrets: Secrets, connector: ConnectorClass, surroundings: Surroundings
) -> None:
    """Save one that works, one that always fails and a slow one; they follow the mailbox."""
    mailbox = {"host": surroundings.smtp_host, "port": surroundings.smtp_port}
    same_class = select(Connector).where(Connector.connector_id == connector.metadata.id)
    known = list(session.exec(same_class))
    for instance in known:
        config = secrets.open_json(instance.config)
        if config.get("host") == surroundings.smtp_host:
            instance.config = secrets.seal_json(config | mailbox)
            instance.version += 1
    for name in () if known else ({}, {"name": FAILING}, {"name": SLOW}):
        save_connector(session, secrets, connector, _config() | mailbox | name, append=True)


def _config() -> dict[str, object]:
    templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
    return {"fromEmail": _SENDER, "templates": templates}


def _seed_users(session: Session, password_hash: str) -> None:
    for email in USERS:
        if find_user(session, address_key(email)) is None:
            create_user(session, email, password_hash=password_hash)

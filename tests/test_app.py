"""The server as a whole: what is mounted, what every answer carries, who carries its mails."""

import asyncio
from collections.abc import Iterator

import pytest
from people import Person
from starlette.testclient import TestClient

from idp import hookimpl
from idp.app import create_app
from idp.connector_kit import (
    ConnectorConfig,
    ConnectorMetadata,
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
)
from idp.connectors import delete_connector, list_connectors, save_connector
from idp.oidc.routes import PAGES
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets

EMAIL = "reader@example.test"


class PigeonConfig(ConnectorConfig):
    loft: str


class PigeonConnector(EmailConnector[PigeonConfig]):
    """Carries mails as notes; knows nothing of SMTP."""

    metadata = ConnectorMetadata(
        id="pigeon",
        target="pigeon",
        name={"en": "Pigeon"},
        description={"en": "Notes."},
        example_config={"loft": "<loft>"},
    )
    config_model = PigeonConfig
    notes: list[tuple[str, str, object]] = []  # noqa: RUF012 (what the pigeons of this test carried)

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        self.notes.append((self.config.loft, request.to, request.payload["code"]))
        return DeliveryReceipt()


class PigeonPlugin:
    @hookimpl
    def idp_register_email_connectors(self) -> list[type[PigeonConnector]]:
        return [PigeonConnector]


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, plugins=[PigeonPlugin()])
    with TestClient(app, base_url=settings.issuer) as client:
        yield client


async def use(database: Database, secrets: Secrets, target: str, config: dict[str, object]) -> None:
    """Replace whatever connector is saved, as an administrator does."""
    for instance in await database.run(list_connectors):
        await database.run(delete_connector, instance.id)
    connector = load_plugins([PigeonPlugin()]).by_target(target)
    assert connector
    await database.run(save_connector, secrets, connector, config)


async def test_a_plugin_replaces_smtp_while_the_server_runs(
    client: TestClient, database: Database, secrets: Secrets
) -> None:
    example = load_plugins().connectors["simple-mail-transfer-protocol"].metadata.example_config
    filled_in = {**example, "host": "127.0.0.1", "port": 9, "fromEmail": "a@b.test"}
    await use(database, secrets, "smtp", filled_in | {"replyTo": "", "auth": {}})
    person = Person(client, lambda _: [])
    person.open("/register")
    assert person.fill(email=EMAIL).status_code == 200
    await use(database, secrets, "pigeon", {"loft": "north"})
    while not PigeonConnector.notes:
        await asyncio.sleep(0.05)
    [(loft, recipient, verification_code)] = PigeonConnector.notes
    assert (loft, recipient) == ("north", EMAIL)
    assert person.fill(verification_code=str(verification_code)).url.path == "/account"


@pytest.mark.parametrize("path", ["/register", "/sign-in", "/sign-in/password", "/no-such-page"])
def test_every_page_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert "form-action" not in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_a_page_that_is_not_there_says_so_like_any_other_page(client: TestClient) -> None:
    answer = client.get("/no-such-page", headers={"Accept-Language": "de"})
    assert answer.status_code == 404
    assert "<h1>Diese Seite gibt es nicht</h1>" in answer.text


def test_a_page_has_nothing_inline(client: TestClient) -> None:
    page = client.get("/sign-in").text
    for inline in ("<style", " style=", "<script>", " onclick", "javascript:"):
        assert inline not in page


def test_a_form_posted_from_another_site_is_refused(client: TestClient) -> None:
    form = {"email": EMAIL}
    answer = client.post("/register", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_a_huge_form_is_refused(client: TestClient) -> None:
    assert client.post("/register", data={"email": "x" * 100_000}).status_code == 413


def test_the_server_says_that_it_is_alive_and_what_it_is(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok"
    assert client.get("/version").json()["version"]


def test_the_discovery_document_lists_exactly_what_is_mounted(client: TestClient) -> None:
    document = client.get("/.well-known/openid-configuration").json()
    issuer = document["issuer"]
    listed = {
        value.removeprefix(issuer)
        for name, value in document.items()
        if name.endswith("_endpoint") or name == "jwks_uri"
    }
    mounted = {route.path for route in client.app.routes if hasattr(route, "path")}  # type: ignore[attr-defined]
    assert listed == {path for path in mounted if path.startswith("/oidc/")} - set(PAGES)

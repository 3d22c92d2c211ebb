"""Whatever happens to mails, nothing anybody reads of them holds an address, code or password."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest
from postman import mail
from pydantic import SecretStr
from scripted import plugin_of
from sqlmodel import Session, SQLModel

from idp import hookimpl
from idp.app import Server, create_app
from idp.cli import main
from idp.cli.logs import configure_logs
from idp.connector_kit import (
    ConnectorConfig,
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
    PermanentFailure,
    ProviderReply,
    TransientFailure,
)
from idp.connector_kit.testing import MemoryEmailConnector
from idp.connectors import save_connector
from idp.outbox import Outbox
from idp.settings import Settings

CODE = "907351"
PASSWORD = "hunter2-of-the-provider"
ADDRESSES = [f"{end}.q.canary@example.org" for end in ("good", "later", "never", "crash")]
"""What becomes of a mail stands in its address."""


class Config(ConnectorConfig):
    password: SecretStr


class Indiscreet(EmailConnector[Config]):
    """A stranger's connector that repeats whatever it was told, and crashes with it."""

    metadata = replace(MemoryEmailConnector.metadata, id="indiscreet", target="indiscreet")
    config_model = Config

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        said = f"{request.to} with code {request.payload['code']}"
        reply = ProviderReply(text=said, stage=said, reply_code=450, enhanced_code="4.2.0")
        end = request.to.partition(".")[0]
        if end == "later":
            raise TransientFailure(said, reply=reply)
        if end == "never":
            raise PermanentFailure(said, reply=reply)
        if end == "crash":
            raise ValueError(said, self.config.password.get_secret_value())
        return DeliveryReceipt(reply=said)

    def gauges(self) -> dict[str, float]:
        raise ValueError(self.config.password.get_secret_value())

    async def aclose(self) -> None:
        raise ValueError(self.config.password.get_secret_value())


class Unopened(Indiscreet):
    """One that cannot even be made."""

    metadata = replace(Indiscreet.metadata, id="unopened", target="unopened")

    def __init__(self, config: Config) -> None:
        raise ValueError(config.password.get_secret_value())


class Gossip:
    """A plugin whose hook fails with what it was given."""

    @hookimpl
    def idp_email_payload(self, user: object) -> None:
        raise LookupError(user)


def promise_all(session: Session, outbox: Outbox) -> list[str]:
    payload = {"code": CODE, "expiresInMinutes": 10}
    mails = [mail(to=address, payload=payload, user={"email": address}) for address in ADDRESSES]
    return [outbox.promise(session, each).id for each in mails]


def rows(session: Session) -> str:
    """Return every value in the database as text."""
    tables = SQLModel.metadata.sorted_tables
    return repr([session.connection().execute(table.select()).all() for table in tables])


async def deliver_and_watch(settings: Settings) -> tuple[list[str], str]:
    """Try a mail for every end there is; return their ids and all that monitoring can read."""
    app = create_app(settings, plugins=[plugin_of(Unopened, Indiscreet), Gossip()])
    server: Server = app.state.server
    run, secrets = server.database.run, server.secrets
    outbox = Outbox(settings, secrets, server.plugins, server.carrier.defer)
    for connector in (Unopened, Indiscreet):
        await run(save_connector, secrets, connector, {"password": PASSWORD})
    message_ids = await run(promise_all, outbox)
    for message_id in message_ids:
        await server.courier.deliver(message_id)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url=settings.issuer) as client:
        watched = [(await client.get(path)).text for path in ("/metrics", "/readyz")]
    seen = "".join([*watched, await run(rows)])
    await server.connectors.aclose()
    await server.database.aclose()
    return message_ids, seen


@pytest.fixture
def idp(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a command on the same deployment."""
    [key] = settings.secret_keys
    monkeypatch.setenv("IDP_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("IDP_SECRET_KEYS", key.get_secret_value())

    def run(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["idp", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code

    return run


def test_nothing_that_can_be_read_gives_anybody_away(
    settings: Settings, idp: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs()
    message_ids, seen = asyncio.run(deliver_and_watch(settings))
    logged = capsys.readouterr().err
    idp("messages", "list", "--json")
    idp("connectors", "list", "--json")
    for message_id in message_ids:
        idp("messages", "show", message_id, "--json")
    shown = capsys.readouterr().out
    for secret in (*ADDRESSES, CODE, PASSWORD):
        assert secret not in seen
        assert secret not in logged
        assert secret not in shown
    # What was kept from them did come this far.
    assert logged.count('"connector defect"') >= 3
    assert '"plugin failed"' in logged
    assert shown.count("*** with code ***") >= 3


def test_every_delivery_is_logged_with_its_connector_outcome_and_codes(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs()
    message_ids, _ = asyncio.run(deliver_and_watch(settings))
    entries = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    deliveries = {entry["message"]: entry for entry in entries if entry["event"] == "mail delivery"}
    assert deliveries.keys() == set(message_ids)
    states = [deliveries[message_id]["state"] for message_id in message_ids]
    assert states == ["sent", "promised", "failed", "promised"]
    later = deliveries[message_ids[1]]
    assert (later["outcome"], later["reply_code"]) == ("TransientFailure", 450)
    assert later["enhanced_code"] == "4.2.0"
    passed_on = [entry for entry in entries if entry["event"] == "mail passed on"]
    assert {entry["message"] for entry in passed_on} == set(message_ids)
    assert {entry["outcome"] for entry in passed_on} == {"InvalidConfig", "skipped"}

"""Connectors: saved settings become one opened connector, until the settings change."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from scripted import ScriptedConnector, plugin_of
from sqlmodel import Session
from structlog.testing import capture_logs

from idp.connector_kit import DeliveryReceipt, EmailConnector, EmailRequest, InvalidConfig
from idp.connector_kit.testing import MemoryConfig
from idp.connectors import (
    Connectors,
    delete_connector,
    list_connectors,
    open_connector,
    save_connector,
)
from idp.plugins import ConnectorClass, Plugins, load_plugins
from idp.storage import Database, Secrets, open_database
from idp.storage.tables import Connector

SENDER = {"fromEmail": "idp@example.com"}


class SecretConfig(MemoryConfig):
    api_key: SecretStr


class WithSecret(EmailConnector[SecretConfig]):
    metadata = replace(ScriptedConnector.metadata, id="secretive", target="secretive")
    config_model = SecretConfig

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        return DeliveryReceipt()


class CannotBeMade(ScriptedConnector, target="defective"):
    def __init__(self, config: MemoryConfig) -> None:
        raise KeyError("region")


class CannotBeClosed(ScriptedConnector, target="clingy"):
    async def aclose(self) -> None:
        raise ConnectionResetError


@pytest.fixture
def scripted() -> type[ScriptedConnector]:
    class Scripted(ScriptedConnector):
        pass

    return Scripted


@pytest.fixture
def plugins(scripted: type[ScriptedConnector]) -> Plugins:
    return load_plugins([plugin_of(scripted, WithSecret, CannotBeMade, CannotBeClosed)])


@pytest.fixture
async def connectors(
    database: Database, secrets: Secrets, plugins: Plugins
) -> AsyncIterator[Connectors]:
    connectors = Connectors(database, secrets, plugins)
    yield connectors
    await connectors.aclose()


@pytest.fixture
def save(database: Database, secrets: Secrets) -> Any:
    async def saved(
        connector: ConnectorClass, config: Mapping[str, object] = SENDER, **options: bool
    ) -> Connector:
        return await database.run(save_connector, secrets, connector, config, **options)

    return saved


def write(session: Session, connector_id: str, config: str, position: int = 0) -> Connector:
    """Save without the checks, as an older version or another plugin may have done."""
    row = Connector(connector_id=connector_id, config=config, position=position)
    session.add(row)
    return row


async def test_the_same_connector_serves_until_its_settings_change(
    connectors: Connectors, scripted: type[ScriptedConnector], save: Any
) -> None:
    await save(scripted)
    [first], [again] = await connectors.in_order(), await connectors.in_order()
    assert first.connector is again.connector
    await save(scripted, {"fromEmail": "new@example.com"})
    [changed] = await connectors.in_order()
    assert changed.connector is not first.connector
    assert changed.connector.config.from_email == "new@example.com"
    await connectors.aclose()
    assert scripted.closed == [first.connector, changed.connector]


async def test_settings_can_be_saved_by_another_process(
    connectors: Connectors, scripted: type[ScriptedConnector], save: Any, database_url: str
) -> None:
    instance = await save(scripted)
    await connectors.in_order()
    other = open_database(database_url)
    await other.run(delete_connector, instance.id)
    await other.aclose()
    assert await connectors.in_order() == []
    await asyncio.sleep(0)
    assert len(scripted.closed) == 1


async def test_deleting_tells_whether_there_was_one(database: Database, save: Any) -> None:
    instance = await save(CannotBeMade)
    assert await database.run(delete_connector, instance.id)
    assert not await database.run(delete_connector, instance.id)


async def test_saving_again_replaces_and_append_adds_at_the_end(
    scripted: type[ScriptedConnector], save: Any, database: Database
) -> None:
    first, second = await save(scripted), await save(scripted)
    assert (first.id, second.version) == (second.id, 2)
    third = await save(scripted, append=True)
    await database.run(delete_connector, first.id)
    fourth = await save(scripted, append=True)
    rows = await database.run(list_connectors)
    assert [row.id for row in rows] == [third.id, fourth.id]


async def test_an_instance_added_after_deletions_is_still_the_last(
    scripted: type[ScriptedConnector], save: Any, database: Database
) -> None:
    rows = [await save(scripted, append=True) for _ in range(3)]
    for row in rows[:2]:
        await database.run(delete_connector, row.id)
    await save(scripted, append=True)
    assert (await database.run(list_connectors))[0].id == rows[2].id


async def test_wrong_settings_are_not_saved(
    scripted: type[ScriptedConnector], save: Any, database: Database
) -> None:
    with pytest.raises(InvalidConfig, match="fromEmial: is not a known key"):
        await save(scripted, {"fromEmial": "idp@example.com"})
    assert await database.run(list_connectors) == []


async def test_saved_settings_are_sealed(save: Any, secrets: Secrets) -> None:
    instance = await save(WithSecret, {"apiKey": "hunter2"})
    assert "hunter2" not in instance.config
    assert secrets.open_json(instance.config) == {"apiKey": "hunter2"}


@pytest.mark.parametrize(
    ("connector_id", "config", "reason"),
    [
        ("secretive", {"apiKey": "hunter2", "apiKye": "hunter2"}, "apiKye: is not a known key"),
        ("pigeon", {"apiKey": "hunter2"}, "No installed plugin provides the connector 'pigeon'."),
        ("defective", SENDER, None),
    ],
)
async def test_an_unusable_instance_is_skipped_and_logged_without_secrets(
    connectors: Connectors,
    database: Database,
    secrets: Secrets,
    scripted: type[ScriptedConnector],
    save: Any,
    connector_id: str,
    config: dict[str, object],
    reason: str | None,
) -> None:
    await database.run(write, connector_id, secrets.seal_json(config), position=-1)
    await save(scripted)
    with capture_logs() as logs:
        [usable] = await connectors.in_order()
    assert isinstance(usable.connector, scripted)
    [entry] = logs
    assert reason is None or reason in entry["reason"]
    assert "hunter2" not in str(entry)


async def test_settings_sealed_with_a_lost_key_are_skipped(
    connectors: Connectors, database: Database, scripted: type[ScriptedConnector], save: Any
) -> None:
    foreign = Secrets([Fernet.generate_key().decode()])
    await database.run(write, "scripted", foreign.seal_json(SENDER), position=-1)
    await save(scripted, append=True)
    with capture_logs() as logs:
        assert len(await connectors.in_order()) == 1
    assert "does not hold the key" in logs[0]["reason"]


async def test_a_connector_whose_new_settings_cannot_be_used_is_closed(
    connectors: Connectors,
    database: Database,
    scripted: type[ScriptedConnector],
    secrets: Secrets,
    save: Any,
) -> None:
    instance = await save(scripted)
    await connectors.in_order()

    def spoil(session: Session) -> None:
        row = session.get_one(Connector, instance.id)
        row.config, row.version = secrets.seal_json({"colour": "red"}), 2

    await database.run(spoil)
    assert await connectors.in_order() == []
    await connectors.aclose()
    assert len(scripted.closed) == 1


async def test_a_connector_that_cannot_be_closed_stops_nobody(
    connectors: Connectors, save: Any
) -> None:
    await save(CannotBeClosed)
    await connectors.in_order()
    with capture_logs() as logs:
        await connectors.aclose()
    assert [entry["connector"] for entry in logs] == ["clingy"]


def test_an_unknown_connector_cannot_be_opened(plugins: Plugins) -> None:
    with pytest.raises(InvalidConfig, match="No installed plugin provides the connector 'x'"):
        open_connector(plugins, "x", {})

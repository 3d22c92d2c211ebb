"""Connectors: saved settings become one opened connector, until the settings change."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from login_server import USER, running_login_server
from oauth2_endpoint import running_token_endpoint
from pydantic import SecretStr
from scripted import ScriptedConnector, plugin_of
from sqlmodel import Session
from structlog.testing import capture_logs

from idp.connector_kit import (
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
    InvalidConfig,
    UsageType,
)
from idp.connector_kit.testing import MemoryConfig
from idp.connectors import (
    Connectors,
    change_connector,
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


class RotatingConfig(MemoryConfig):
    auth: dict[str, str]


class Rotating(ScriptedConnector, target="rotating"):
    config_model = RotatingConfig


ROTATING = {"fromEmail": "idp@example.com", "auth": {"user": "idp", "refreshToken": "r1"}}


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
    return load_plugins([plugin_of(scripted, WithSecret, Rotating, CannotBeMade, CannotBeClosed)])


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


@pytest.fixture
def saved_config(database: Database, secrets: Secrets) -> Any:
    async def read() -> dict[str, Any]:
        [row] = await database.run(list_connectors)
        return secrets.open_json(row.config)

    return read


async def test_settings_a_connector_changes_are_saved_sealed_and_it_stays_open(
    connectors: Connectors, database: Database, save: Any, saved_config: Any
) -> None:
    await save(Rotating, ROTATING)
    [opened] = await connectors.in_order()
    await opened.connector.change_config({"auth": {"refreshToken": "r2"}})
    await opened.connector.change_config({"auth": {"refreshToken": "r3"}})
    assert await saved_config() == {**ROTATING, "auth": {"user": "idp", "refreshToken": "r3"}}
    [again] = await connectors.in_order()
    assert again.connector is opened.connector
    [row] = await database.run(list_connectors)
    assert (row.version, "refreshToken" in row.config) == (3, False)


async def test_another_process_opens_with_the_changed_settings(
    connectors: Connectors, database: Database, secrets: Secrets, plugins: Plugins, save: Any
) -> None:
    await save(Rotating, ROTATING)
    other = Connectors(database, secrets, plugins)
    [opened], [elsewhere] = await connectors.in_order(), await other.in_order()
    await opened.connector.change_config({"auth": {"refreshToken": "r2"}})
    [reopened] = await other.in_order()
    assert reopened.connector is not elsewhere.connector
    assert reopened.connector.config.auth["refreshToken"] == "r2"
    await other.aclose()


async def test_a_change_and_an_administrators_new_settings_are_both_kept(
    connectors: Connectors, save: Any, saved_config: Any
) -> None:
    await save(Rotating, ROTATING)
    [opened] = await connectors.in_order()
    await save(Rotating, {**ROTATING, "fromEmail": "new@example.com"})
    await opened.connector.change_config({"auth": {"refreshToken": "r2"}})
    kept = {"fromEmail": "new@example.com", "auth": {"user": "idp", "refreshToken": "r2"}}
    assert await saved_config() == kept
    [reopened] = await connectors.in_order()
    assert reopened.connector is not opened.connector
    assert reopened.connector.config.from_email == "new@example.com"


@pytest.mark.parametrize("auth", [{"user": "x", "refreshToken": "other"}, {"user": "x"}, {}])
async def test_what_an_administrator_changed_is_not_changed_back(
    connectors: Connectors, save: Any, saved_config: Any, auth: dict[str, str]
) -> None:
    await save(Rotating, ROTATING)
    [opened] = await connectors.in_order()
    await save(Rotating, {**ROTATING, "auth": auth})
    await opened.connector.change_config({"auth": {"refreshToken": "r2"}})
    assert (await saved_config())["auth"] == auth


async def test_changes_at_the_same_time_are_all_saved(
    connectors: Connectors, save: Any, saved_config: Any, tmp_path: Path
) -> None:
    await save(Rotating, ROTATING)
    [opened] = await connectors.in_order()
    changes = [{"auth": {"refreshToken": f"r{number}"}} for number in range(2, 5)]
    with closing(sqlite3.connect(tmp_path / "idp.db", isolation_level=None)) as other_process:
        other_process.execute("BEGIN IMMEDIATE")
        saving = [asyncio.create_task(opened.connector.change_config(each)) for each in changes]
        await asyncio.sleep(0.05)
        other_process.execute("ROLLBACK")
    await asyncio.gather(*saving)
    assert (await saved_config())["auth"]["refreshToken"] == "r4"


async def test_a_change_after_the_instance_is_deleted_is_forgotten(
    connectors: Connectors, database: Database, save: Any
) -> None:
    instance = await save(Rotating, ROTATING)
    [opened] = await connectors.in_order()
    await database.run(delete_connector, instance.id)
    await opened.connector.change_config({"auth": {"refreshToken": "r2"}})
    assert await database.run(list_connectors) == []


async def test_a_change_that_cannot_be_saved_is_logged_without_secrets(
    connectors: Connectors, database: Database, save: Any, saved_config: Any
) -> None:
    await save(Rotating, ROTATING)
    [opened] = await connectors.in_order()
    with capture_logs() as logs:
        await opened.connector.change_config({"auth": {"refreshToken": object()}})
    assert [entry["event"] for entry in logs] == ["changed settings not saved"]
    assert "r1" not in str(logs)
    await opened.connector.change_config({"auth": {"refreshToken": "r3"}})
    assert (await saved_config())["auth"]["refreshToken"] == "r3"


async def test_a_refresh_token_rotated_during_a_login_is_saved(
    database: Database, secrets: Secrets, save: Any, saved_config: Any
) -> None:
    plugins = load_plugins()
    smtp = plugins.by_target("smtp")
    assert smtp is not None
    async with running_login_server() as server, running_token_endpoint() as endpoint:
        server.access_tokens = {"access-1"}
        granted = {"access_token": "access-1", "expires_in": 3600, "refresh_token": "r2"}
        endpoint.answers = [(200, granted)]
        client = {"clientId": "c", "clientSecret": "s", "accessUrl": endpoint.url}
        auth = {"type": "OAuth2", "user": USER, "refreshToken": "r1", **client}
        config = {**smtp.metadata.example_config, "host": "127.0.0.1", "port": server.port}
        config |= {"fromEmail": "idp@example.com", "replyTo": "", "requireTLS": False}
        await save(smtp, {**config, "ignoreTLS": True, "auth": auth})
        connectors = Connectors(database, secrets, plugins)
        [opened] = await connectors.in_order()
        request = EmailRequest(to="reader@example.com", usage_type=UsageType.SIGN_IN, payload={})
        await opened.connector.send(request)
        await connectors.aclose()
    assert (await saved_config())["auth"] == {**auth, "refreshToken": "r2"}


async def test_a_change_of_nothing_makes_no_new_version(
    database: Database, secrets: Secrets, save: Any
) -> None:
    instance = await save(Rotating, ROTATING)
    same = {"auth": {"refreshToken": "r1"}}
    change = database.run(change_connector, secrets, instance.id, ROTATING, same)
    assert await change is None


async def test_a_connector_outside_the_server_changes_nothing(plugins: Plugins) -> None:
    await open_connector(plugins, "rotating", ROTATING).change_config({"auth": {}})


def test_an_unknown_connector_cannot_be_opened(plugins: Plugins) -> None:
    with pytest.raises(InvalidConfig, match="No installed plugin provides the connector 'x'"):
        open_connector(plugins, "x", {})

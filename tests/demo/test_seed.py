"""A demo starts with what it needs, and finds it again after a restart."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pluggy import PluginManager
from sqlmodel import Session, SQLModel, func, select

from idp.app import Server, create_app
from idp.connector_kit.shipped_templates import shipped_locales
from idp.connectors import list_connectors
from idp.demo.mailbox import FAILING, SLOW
from idp.demo.seed import USERS, Surroundings, seed
from idp.plugins import Plugins
from idp.settings import Settings, SetupError
from idp.storage.migrations import upgrade
from idp.storage.tables import Client, CustomTemplate, User

HERE = Surroundings(
    sample_app="http://localhost:9000",
    client_secret="s" * 43,
    smtp_host="127.0.0.1",
    smtp_port=1025,
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    settings = Settings.load(
        database_url=f"sqlite:///{tmp_path / 'idp.db'}",
        secret_keys=[Fernet.generate_key().decode()],
    )
    upgrade(settings.database_url)
    server: Server = create_app(settings).state.server
    yield server
    await server.database.aclose()


def count(session: Session, table: type[SQLModel]) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


async def test_nothing_is_seeded_twice(server: Server) -> None:
    for _ in range(2):
        await seed(server, HERE, with_users=True)
    assert await server.database.run(count, User) == len(USERS)
    assert await server.database.run(count, Client) == 1
    assert len(await server.database.run(list_connectors)) == 3


async def test_every_language_has_its_wording(server: Server) -> None:
    await seed(server, HERE, with_users=False)
    rows = await server.database.run(lambda session: list(session.exec(select(CustomTemplate))))
    assert {row.language_tag for row in rows} == set(shipped_locales())
    assert await server.database.run(count, User) == 0


async def test_after_a_restart_everything_is_found_at_its_new_place(server: Server) -> None:
    await seed(server, HERE, with_users=False)
    elsewhere = replace(HERE, sample_app="http://localhost:9001", smtp_port=1026)
    await seed(server, elsewhere, with_users=False)
    instances = await server.database.run(list_connectors)
    configs = [server.secrets.open_json(instance.config) for instance in instances]
    assert [config["port"] for config in configs] == [1026, 1026, 1026]
    assert [config.get("name") for config in configs] == [None, FAILING, SLOW]
    client = await server.database.run(lambda session: session.get_one(Client, "sample-app"))
    assert client.redirect_uris == ["http://localhost:9001/callback"]
    assert client.post_logout_redirect_uris == ["http://localhost:9001/"]


async def test_wording_an_administrator_changed_is_kept(server: Server) -> None:
    await seed(server, HERE, with_users=False)
    await server.database.run(reword, "ours")
    await seed(server, HERE, with_users=False)
    template = await server.database.run(
        lambda session: session.get_one(CustomTemplate, ("en", "SignIn")).template
    )
    assert template["subject"] == "ours"


def reword(session: Session, subject: str) -> None:
    row = session.get_one(CustomTemplate, ("en", "SignIn"))
    row.template = row.template | {"subject": subject}


async def test_a_missing_smtp_plugin_is_named(server: Server) -> None:
    without = replace(server, plugins=Plugins(PluginManager("idp")))
    with pytest.raises(SetupError, match="pip install idp-smtp-email"):
        await seed(without, HERE, with_users=True)

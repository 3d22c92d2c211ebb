"""A whole server with a connector that keeps its mails."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from people import ISSUER, Person, Site
from starlette.testclient import TestClient

from idp import hookimpl
from idp.app import create_app
from idp.connector_kit.testing import MemoryEmailConnector
from idp.connectors import save_connector
from idp.oidc.keys import ensure_signing_keys
from idp.settings import Settings
from idp.storage import Secrets, open_database
from idp.storage.migrations import upgrade
from idp.verification import Limits

KEY = Fernet.generate_key().decode()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with its tables and a signing key, to copy for each test."""
    file = tmp_path_factory.mktemp("prepared") / "idp.db"
    url = f"sqlite:///{file}"
    upgrade(url)

    async def prepare() -> None:
        database = open_database(url)
        await database.run(ensure_signing_keys, Secrets([KEY]))
        await database.aclose()

    asyncio.run(prepare())
    return file


@pytest.fixture
def make_site(tmp_path: Path, prepared: Path) -> Iterator[Callable[..., Site]]:
    clients: list[TestClient] = []

    def make(
        limits: Limits | None = None,
        connector: type[MemoryEmailConnector] = MemoryEmailConnector,
        plugins: Sequence[object] = (),
        **values: Any,
    ) -> Site:
        class Keeper(connector):  # type: ignore[valid-type, misc]
            pass

        class Plugin:
            @hookimpl
            def idp_register_email_connectors(self) -> list[type[MemoryEmailConnector]]:
                return [Keeper]

        shutil.copy(prepared, tmp_path / "idp.db")
        url = values.pop("database_url", f"sqlite:///{tmp_path / 'idp.db'}")
        settings = Settings.load(issuer=ISSUER, database_url=url, secret_keys=[KEY], **values)
        client = TestClient(
            create_app(settings, plugins=[Plugin(), *plugins], limits=limits), base_url=ISSUER
        )
        clients.append(client)
        client.__enter__()
        site = Site(client, Keeper)
        site.work(save_connector, site.server.secrets, Keeper, {})
        return site

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@pytest.fixture
def person(site: Site) -> Person:
    return site.person()

"""What every room's tests share: settings, an empty database with its tables, keys, plugins."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from cryptography.fernet import Fernet
from postgresql import PostgreSQL, find_binaries, running_postgresql
from sqlmodel import SQLModel

from idp.plugins import Plugins, load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets, open_database
from idp.storage.migrations import upgrade

ISSUER = "http://localhost:8000"

# A busy machine may take its time over one example.
hypothesis.settings.register_profile("patient", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("IDP_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logs_of_this_test_only() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def secret_key() -> str:
    return Fernet.generate_key().decode()


@pytest.fixture
def settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, secret_key: str
) -> Settings:
    monkeypatch.chdir(tmp_path)  # where no idp.toml is
    return Settings.load(issuer=ISSUER, database_url=database_url, secret_keys=[secret_key])


@pytest.fixture
def secrets(secret_key: str) -> Secrets:
    return Secrets([secret_key])


@pytest.fixture
def plugins() -> Plugins:
    return load_plugins()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = open_database(database_url)
    yield database
    await database.aclose()


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Return the address of a database with its tables; rooms may say which database."""
    return sqlite_url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "idp.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'idp.db')}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    binaries = find_binaries()
    if binaries is None:
        missing = "The PostgreSQL server is not installed; on Debian: apt install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with running_postgresql(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_database(postgresql: PostgreSQL) -> str:
    name = postgresql.create()
    upgrade(postgresql.url(name))
    return name


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL, postgresql_database: str) -> Iterator[str]:
    yield postgresql.url(postgresql_database)
    tables = [table.name for table in reversed(SQLModel.metadata.sorted_tables)]
    jobs = [f"procrastinate_{name}" for name in ("periodic_defers", "jobs", "workers")]
    postgresql.empty(postgresql_database, [*tables, *jobs])

"""The history of the tables, applied with alembic."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

from idp.settings import SetupError
from idp.storage.database import describe_database_error, driver_url, sqlite_engine

_ONE_AT_A_TIME = 1768187236  # any number nobody else uses; the lock ends with the connection


def upgrade(url: str) -> None:
    """Bring a database to the tables of this version; raises SetupError when it cannot be used."""
    with _connected(url, begin="BEGIN IMMEDIATE") as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_lock({_ONE_AT_A_TIME})"))
        try:
            command.upgrade(alembic_config(connection), "head")
        except CommandError as error:
            message = "The tables in IDP_DATABASE_URL are of a newer version of idp: install it."
            raise SetupError(message) from error


def check_current(url: str) -> None:
    """Raise SetupError unless the tables are exactly those of this version."""
    with _connected(url) as connection:
        current = is_current(connection)
    if not current:
        raise SetupError("The tables in IDP_DATABASE_URL are not current: run `idp db upgrade`.")


def is_current(connection: Connection) -> bool:
    """Tell whether the tables are exactly those of this version."""
    return MigrationContext.configure(connection).get_current_revision() == _newest()


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def alembic_config(connection: Connection | None = None) -> Config:
    """Return alembic's configuration for these migrations; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: str, begin: str = "BEGIN") -> Iterator[Connection]:
    if url.startswith("sqlite"):
        engine = sqlite_engine(url, begin=begin, timeout=5)
    else:
        engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise describe_database_error(url, error) from error
    finally:
        engine.dispose()

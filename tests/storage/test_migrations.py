"""Migrations: from nothing to the tables of this version, and one line when that cannot be."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgresql import PostgreSQL
from sqlalchemy import create_engine, inspect, text
from sqlmodel import SQLModel

import idp.storage.tables  # noqa: F401 (fills the metadata)
from idp.settings import SetupError
from idp.storage.database import driver_url
from idp.storage.migrations import check_current, upgrade


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = server.create()
    yield server.url(name)
    server.drop(name)


def problem_of(url: str) -> str:
    with pytest.raises(SetupError) as caught:
        upgrade(url)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_upgrade_makes_every_table_from_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_engine(driver_url(empty_url))
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    carried = {name for name in names if name.startswith("procrastinate_")}
    assert names - carried == {"alembic_version", *SQLModel.metadata.tables}
    assert bool(carried) is empty_url.startswith("postgresql")


def test_the_tables_of_procrastinate_are_those_of_the_version_in_use() -> None:
    """A newer one needs a migration of its own, which applies what procrastinate changed."""
    assert version("procrastinate").startswith("3.10.")


@pytest.mark.postgresql
def test_two_upgrades_at_once_do_not_collide(postgresql: PostgreSQL) -> None:
    name = postgresql.create()
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(upgrade, postgresql.url(name)) for _ in range(3)]:
            done.result(timeout=30)
    check_current(postgresql.url(name))
    postgresql.drop(name)


def test_the_migrations_match_the_models(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_engine(driver_url(empty_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, SQLModel.metadata)
    engine.dispose()
    assert [each for each in differences if "procrastinate_" not in repr(each)] == []


def test_a_second_upgrade_changes_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    upgrade(empty_url)
    check_current(empty_url)


def test_a_database_without_tables_is_not_current(empty_url: str) -> None:
    with pytest.raises(SetupError, match="run `idp db upgrade`"):
        check_current(empty_url)


def test_tables_of_another_version_are_not_current(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_engine(driver_url(empty_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SetupError, match="run `idp db upgrade`"):
        check_current(empty_url)


def test_a_database_of_a_newer_version_is_refused(empty_url: str) -> None:
    upgrade(empty_url)
    engine = create_engine(driver_url(empty_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert problem_of(empty_url).startswith("The tables in IDP_DATABASE_URL are of a newer version")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "gone" / "idp.db"
    assert problem_of(f"sqlite:///{file}") == (
        f"IDP_DATABASE_URL: the database file {file} cannot be used: its folder does not exist."
    )


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    assert problem_of(f"sqlite:///{tmp_path}") == (
        f"IDP_DATABASE_URL: the database file {tmp_path} cannot be used: "
        "unable to open database file."
    )


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Buy milk. " * 100)
    problem = problem_of(f"sqlite:///{tmp_path / 'notes.txt'}")
    assert problem.endswith("cannot be used: file is not a database.")


def test_an_unreachable_server_is_named_without_its_password() -> None:
    problem = problem_of("postgresql://idp:hunter2@127.0.0.1:1/idp")
    assert problem.startswith("IDP_DATABASE_URL: postgresql://idp:***@127.0.0.1:1/idp cannot be re")
    assert "hunter2" not in problem


@pytest.mark.postgresql
def test_a_database_that_does_not_exist_is_named(postgresql: PostgreSQL) -> None:
    assert 'database "nowhere" does not exist' in problem_of(postgresql.url("nowhere"))


def test_an_upgrade_waits_for_another_process_that_writes(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "idp.db", isolation_level=None, check_same_thread=False)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("CREATE TABLE other (id INTEGER)")
    later = threading.Timer(0.3, holder.execute, ["COMMIT"])
    later.start()
    upgrade(f"sqlite:///{tmp_path / 'idp.db'}")
    later.join()
    holder.close()
    check_current(f"sqlite:///{tmp_path / 'idp.db'}")

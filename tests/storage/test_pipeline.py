"""Statements that wait: on PostgreSQL they travel with the next one, and are undone with it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from sqlalchemy import bindparam, func
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import Session, col, select, update

from idp.storage import Database, open_database
from idp.storage.database import connection_of
from idp.storage.pipeline import pipeline_of
from idp.storage.statements import Rows, Statement
from idp.storage.tables import CodeSend

pytestmark = pytest.mark.postgresql

SENDS = Rows(CodeSend)
ADDRESSES = Statement[str](select(CodeSend.address).order_by(col(CodeSend.address)))
LOCKED = Statement[CodeSend](
    select(CodeSend).where(col(CodeSend.id) == bindparam("id")).with_for_update()
)
RENAME = Statement[None](
    update(CodeSend).where(col(CodeSend.id) == bindparam("of")).values(address=bindparam("new"))
)
SLEEP = Statement[None](select(func.pg_sleep(bindparam("seconds"))))
PROCESS = Statement[int](select(func.pg_backend_pid()))
CUT_OFF = Statement[bool](select(func.pg_terminate_backend(func.pg_backend_pid())))


@pytest.fixture
async def database(postgresql_url: str) -> AsyncIterator[Database]:
    database = open_database(postgresql_url)
    yield database
    await database.aclose()


def is_in_transaction(session: Session) -> bool:
    return not pipeline_of(connection_of(session)).is_idle


def add(session: Session, *ids: str) -> None:
    for each in ids:
        SENDS.insert(session, id=each, address=each)


async def written(database: Database) -> list[str]:
    return await database.read(ADDRESSES.all)


async def test_reading_begins_no_transaction_and_the_first_change_or_lock_does(
    database: Database,
) -> None:
    def work(session: Session, first: Callable[[Session], object]) -> tuple[bool, bool]:
        ADDRESSES.all(session)
        before = is_in_transaction(session)
        first(session)
        ADDRESSES.all(session)
        return before, is_in_transaction(session)

    def rename(session: Session) -> int:
        return RENAME.run(session, of="x", new="y")

    def lock(session: Session) -> CodeSend | None:
        return LOCKED.first(session, id="x")

    assert await database.run(work, ADDRESSES.all) == (False, False)
    for begins in (add_one, rename, lock):
        assert await database.run(work, begins) == (False, True)


def add_one(session: Session) -> None:
    add(session, "1")


async def test_a_change_waits_until_something_is_read(database: Database) -> None:
    def work(session: Session) -> tuple[bool, list[str], int]:
        add(session, "1", "2")
        is_sent = is_in_transaction(session)
        return is_sent, ADDRESSES.all(session), RENAME.run(session, of="2", new="3")

    assert await database.run(work) == (False, ["1", "2"], 1)
    assert await written(database) == ["1", "3"]


async def test_changes_that_only_the_commit_sends_are_all_or_nothing(database: Database) -> None:
    await database.run(add, "1", "2")
    with pytest.raises(IntegrityError):
        await database.run(add, "3", "1", "4")
    assert await written(database) == ["1", "2"]


async def test_a_failed_change_shows_at_the_next_statement_and_undoes_everything(
    database: Database,
) -> None:
    def work(session: Session) -> None:
        add(session, "1")
        ADDRESSES.all(session)
        add(session, "1", "2")
        with pytest.raises(IntegrityError):
            ADDRESSES.all(session)
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(work)
    assert await written(database) == []


async def test_the_error_is_the_one_of_the_statement_at_fault(database: Database) -> None:
    """However much was given up after it, and whenever the database's answers arrive."""
    await database.run(add, "taken")
    for _ in range(20):
        with pytest.raises(IntegrityError, match="pk_code_send"):
            await database.run(add, "taken", *map(str, range(20)))
    assert await written(database) == ["taken"]


async def test_a_statement_that_was_skipped_can_be_sent_later(database: Database) -> None:
    """psycopg prepares what it sends often, and may not notice that it was skipped."""
    await database.run(add, "taken")
    for number in range(20):
        with pytest.raises(IntegrityError):
            await database.run(add, "taken", str(number), str(number + 100))
        await database.run(add, str(number))
    assert len(await written(database)) == 21


async def test_a_unit_that_fails_leaves_nothing_that_waits(database: Database) -> None:
    def fail(session: Session) -> int | None:
        process = PROCESS.first(session)
        add(session, "1")
        if process:
            raise LookupError(process)
        return process

    with pytest.raises(LookupError) as failed:
        await database.run(fail)
    assert await database.run(PROCESS.first) == failed.value.args[0]  # the same connection
    assert await written(database) == []


async def test_an_error_that_was_caught_is_no_success(database: Database) -> None:
    def work(session: Session) -> None:
        add(session, "1", "1")
        with pytest.raises(IntegrityError):
            ADDRESSES.all(session)

    with pytest.raises(RuntimeError, match="went on after"):
        await database.run(work)
    assert await written(database) == []


async def test_a_session_and_what_waits_are_one_transaction(database: Database) -> None:
    def work(session: Session, *, fails: bool) -> list[str]:
        add(session, "1")
        session.add(CodeSend(address="2"))
        session.flush()
        add(session, "3")
        found = sorted(session.exec(select(CodeSend.address)))
        add(session, "1" if fails else "4")
        return found

    with pytest.raises(IntegrityError):
        await database.run(work, fails=True)
    assert await written(database) == []
    assert await database.run(work, fails=False) == ["1", "2", "3"]
    assert await written(database) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("waiting", [0, 1, 5])
async def test_a_unit_cancelled_in_the_middle_leaves_nothing(
    database: Database, waiting: int
) -> None:
    def work(session: Session) -> None:
        SENDS.insert(session, id="first", address="first")
        ADDRESSES.all(session)
        add(session, *map(str, range(waiting)))
        SLEEP.all(session, seconds=30)

    for _ in range(3):
        unit = asyncio.create_task(database.run(work))
        await asyncio.sleep(0.1)
        unit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(unit, 5)
        assert await written(database) == []
    await database.run(add, "after")
    assert await written(database) == ["after"]


async def test_people_who_wait_for_a_connection_get_one_when_others_are_cancelled(
    database: Database,
) -> None:
    units = [asyncio.create_task(database.run(SLEEP.all, seconds=30)) for _ in range(30)]
    await asyncio.sleep(0.3)
    for unit in units:
        unit.cancel()
    ended = await asyncio.gather(*units, return_exceptions=True)
    assert {type(each) for each in ended} == {asyncio.CancelledError}
    await asyncio.wait_for(asyncio.gather(*(written(database) for _ in range(30))), 5)


@pytest.mark.parametrize("waiting", [0, 5])
async def test_a_connection_cut_in_the_middle_is_not_used_again(
    database: Database, waiting: int
) -> None:
    def work(session: Session) -> None:
        add(session, *map(str, range(waiting)))
        CUT_OFF.all(session)

    with pytest.raises(OperationalError):
        await database.run(work)
    assert await written(database) == []


async def test_a_session_cut_in_the_middle_is_not_used_again(database: Database) -> None:
    def work(session: Session) -> None:
        session.add(CodeSend(address="1"))
        session.flush()
        session.exec(select(func.pg_terminate_backend(func.pg_backend_pid())))

    with pytest.raises(DBAPIError):
        await database.run(work)
    assert await written(database) == []


async def test_connections_are_kept_and_no_more_than_so_many_are_opened(
    database: Database, postgresql_url: str
) -> None:
    for _ in range(3):
        await asyncio.gather(*(database.run(SLEEP.all, seconds=0.01) for _ in range(40)))
    async with await psycopg.AsyncConnection.connect(postgresql_url) as connection:
        counted = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert await counted.fetchone() == (12,)

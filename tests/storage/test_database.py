"""Units of work: all or nothing, on either kind of database."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlmodel import Session, col, func, select, update

from idp.storage import Database, after_commit, open_database
from idp.storage.statements import Rows
from idp.storage.tables import CodeSend, Verification, VerificationCode, now

SENDS = Rows(CodeSend)
CODES = Rows(VerificationCode)
WRITER = """
import asyncio, sys
from sqlmodel import Session, col, select
from idp.storage import open_database
from idp.storage.tables import Verification

def count_up(session: Session) -> None:
    verification = session.exec(select(Verification)).one()
    verification.attempts += 1
    session.add(verification)

async def write() -> None:
    database = open_database(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[2])):
        await database.run(count_up)
    await database.aclose()

asyncio.run(write())
"""


def add(session: Session, address: str) -> CodeSend:
    row = CodeSend(address=address)
    session.add(row)
    return row


def count(session: Session) -> int:
    return session.exec(select(func.count()).select_from(CodeSend)).one()


def add_verification(session: Session) -> None:
    session.add(Verification(usage_type="SignIn", address="a", sent_at=now(), expires_at=now()))


async def test_an_error_repeats_nothing_that_was_written(database: Database) -> None:
    def add_twice(session: Session) -> None:
        for _ in range(2):
            session.connection().execute(
                insert(CodeSend).values(id="same", address="alice@example.com", sent_at=now())
            )

    with pytest.raises(IntegrityError) as caught:
        await database.run(add_twice)
    assert "alice" not in str(caught.value)


async def test_a_unit_of_work_is_committed_and_its_rows_are_plain_values(
    database: Database,
) -> None:
    row = await database.run(add, "a")
    assert row.address == "a"
    assert row.sent_at.tzinfo is not None
    assert await database.run(count) == 1


async def test_a_read_sees_what_is_committed_and_holds_nobody_up(database: Database) -> None:
    for expected in (1, 2, 3):
        await database.run(add, "a")
        assert await database.read(count) == expected


async def test_times_come_back_aware_and_in_utc(database: Database) -> None:
    await database.run(add, "a")
    moment = await database.run(lambda session: session.exec(select(CodeSend.sent_at)).one())
    assert abs((now() - moment).total_seconds()) < 60


async def test_an_exception_rolls_everything_back_and_calls_nobody(database: Database) -> None:
    called: list[str] = []

    def fail(session: Session) -> None:
        add(session, "a")
        session.flush()
        after_commit(session, lambda: called.append("committed"))
        raise LookupError("changed my mind")

    with pytest.raises(LookupError, match="changed my mind"):
        await database.run(fail)
    assert await database.run(count) == 0
    assert called == []


async def test_a_commit_that_fails_does_not_stop_the_next(database: Database) -> None:
    """As on a full disk; here it is a row that refers to none."""

    def refer_to_nothing(session: Session) -> None:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("PRAGMA defer_foreign_keys = ON"))
        add(session, "a")
        session.flush()
        CODES.insert(session, keyed_hash="x", verification_id="none", expires_at=now())

    for _ in range(2):
        with pytest.raises(IntegrityError):
            await database.run(refer_to_nothing)
    await database.run(add, "b")
    assert await database.run(count) == 1


async def test_a_callback_runs_after_the_commit_on_the_event_loop(
    database: Database, database_url: str
) -> None:
    seen: list[asyncio.Task[int]] = []
    other = open_database(database_url)

    def work(session: Session) -> None:
        add(session, "a")
        after_commit(session, lambda: seen.append(asyncio.create_task(other.run(count))))

    await database.run(work)
    assert await seen[0] == 1
    await other.aclose()


async def test_many_units_at_once_lose_nothing(database: Database) -> None:
    def count_up(session: Session) -> None:
        session.exec(update(Verification).values(attempts=col(Verification.attempts) + 1))

    await database.run(add_verification)
    await asyncio.gather(*(database.run(count_up) for _ in range(50)))
    assert await database.run(lambda s: s.exec(select(Verification.attempts)).one()) == 50


async def test_two_processes_writing_at_once_lose_nothing(sqlite_url: str) -> None:
    database = open_database(sqlite_url)
    await database.run(add_verification)
    command = [sys.executable, "-c", WRITER, sqlite_url, "150"]
    pipe = subprocess.PIPE
    writers = [subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) for _ in range(2)]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
    done = [await asyncio.to_thread(writer.communicate, "go\n", 30) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], done
    assert await database.run(lambda s: s.exec(select(Verification.attempts)).one()) == 300
    await database.aclose()


def count_and_add(session: Session) -> int:
    found = count(session)
    add(session, "a")
    session.flush()
    return found


async def test_a_lock_held_elsewhere_delays_the_unit_but_not_the_event_loop(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = open_database(sqlite_url)
    await database.run(count)
    holder = sqlite3.connect(tmp_path / "idp.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("INSERT INTO code_send VALUES ('x', 'held', '2026-01-01 00:00:00.000000')")
    writing = asyncio.create_task(database.run(count_and_add))
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert not writing.done()
    assert await asyncio.wait_for(database.run(count), 1) == 0  # readers do not wait
    holder.execute("COMMIT")
    holder.close()
    assert await asyncio.wait_for(writing, 5) == 1  # it read after the other had written
    assert await database.run(count) == 2
    await database.aclose()


async def test_a_unit_that_read_before_another_wrote_runs_again(sqlite_url: str) -> None:
    """SQLITE_BUSY_SNAPSHOT: a read transaction cannot become a writing one once it is outdated."""
    database, other = open_database(sqlite_url), open_database(sqlite_url)
    runs: list[int] = []

    def read_then_write(session: Session) -> int:
        runs.append(count(session))
        if len(runs) == 1:
            interfere()
        add(session, "late")
        session.flush()
        return runs[-1]

    interfere = _writer(other)
    assert await database.run(read_then_write) == 1
    assert runs == [0, 1]
    for opened in (database, other):
        await opened.aclose()


def _writer(database: Database) -> Callable[[], None]:
    """Return a function that writes at once, in the middle of somebody else's transaction."""

    def write() -> None:
        step: Awaitable[CodeSend] = database.run(add, "early")
        with pytest.raises(StopIteration):
            step.__await__().send(None)

    return write


async def test_other_errors_are_not_tried_again(sqlite_url: str, tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/empty.db")
    runs: list[int] = []

    def work(session: Session) -> int:
        runs.append(1)
        return count(session)

    with pytest.raises(OperationalError, match="no such table"):
        await database.run(work)
    assert len(runs) == 1
    await database.aclose()


async def test_deleting_a_row_deletes_what_belongs_to_it(database: Database) -> None:
    def begin(session: Session) -> None:
        verification = Verification(
            usage_type="SignIn", address="a", sent_at=now(), expires_at=now()
        )
        session.add(verification)
        session.flush()
        row = VerificationCode(
            keyed_hash="x", verification_id=verification.id, expires_at=verification.expires_at
        )
        session.add(row)
        session.flush()
        session.delete(verification)

    await database.run(begin)
    found = await database.run(lambda s: s.exec(select(VerificationCode)).all())
    assert list(found) == []


@pytest.mark.postgresql
@pytest.mark.parametrize("read", [count, SENDS.get], ids=["session", "statement"])
async def test_a_unit_of_work_survives_a_restart_of_the_database(
    postgresql_url: str, read: Callable[..., object]
) -> None:
    database = open_database(postgresql_url)
    values = {"id": "x"} if read == SENDS.get else {}
    await asyncio.gather(*(database.run(read, **values) for _ in range(3)))
    cut = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    )
    with psycopg.connect(postgresql_url) as connection:
        connection.execute(cut + " AND datname = current_database()")
    await asyncio.gather(*(database.run(read, **values) for _ in range(3)))
    await database.aclose()

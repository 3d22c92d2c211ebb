"""Work that shares a transaction: what one does wrong is undone for that one alone."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from idp.storage import Database, open_database
from idp.storage.statements import Rows
from idp.storage.tables import CodeSend

SENDS = Rows(CodeSend)


def add(session: Session, address: str) -> str:
    SENDS.insert(session, address=address)
    if address == "mallory":
        raise LookupError("not this one")
    return address.title()


def add_each(session: Session, addresses: Sequence[str]) -> Sequence[int]:
    SENDS.add_all(session, [SENDS.make(id=address, address=address) for address in addresses])
    return [len(addresses)] * len(addresses)


def addresses(session: Session) -> list[str]:
    return sorted(session.exec(select(CodeSend.address)))


async def test_everybody_gets_the_answer_to_their_own_work(database: Database) -> None:
    names = ["alice", "bob", "carol"]
    done = await asyncio.gather(*(database.run_shared(add, name) for name in names))
    assert done == ["Alice", "Bob", "Carol"]
    assert await database.run(addresses) == names


async def test_an_exception_undoes_the_work_that_raised_it_only(database: Database) -> None:
    names = ["alice", "mallory", "bob"]
    done = await asyncio.gather(
        *(database.run_shared(add, name) for name in names), return_exceptions=True
    )
    assert (done[0], done[2]) == ("Alice", "Bob")
    assert isinstance(done[1], LookupError)
    assert await database.run(addresses) == ["alice", "bob"]


async def test_shared_work_is_committed_before_it_is_answered(
    database: Database, database_url: str
) -> None:
    other = open_database(database_url)
    await database.run_shared(add, "alice")
    assert await other.run(addresses) == ["alice"]
    await other.aclose()


async def test_rows_of_one_moment_are_written_together(database: Database) -> None:
    names = [str(number) for number in range(20)]
    sizes = await asyncio.gather(*(database.run_together(add_each, name) for name in names))
    assert max(sizes) > 1
    assert await database.run(addresses) == sorted(names)


async def test_a_row_that_cannot_be_written_keeps_no_other_back(database: Database) -> None:
    await database.run_together(add_each, "taken")
    names = ["alice", "taken", "bob"]
    done = await asyncio.gather(
        *(database.run_together(add_each, name) for name in names), return_exceptions=True
    )
    assert [type(each) for each in done] == [int, IntegrityError, int]
    assert await database.run(addresses) == ["alice", "bob", "taken"]


async def test_shared_work_waits_for_another_process_that_writes(
    sqlite_url: str, tmp_path: Path
) -> None:
    database = open_database(sqlite_url)
    await database.run(addresses)
    holder = sqlite3.connect(tmp_path / "idp.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writing = [asyncio.create_task(database.run_shared(add, name)) for name in ("alice", "bob")]
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert not any(each.done() for each in writing)
    holder.execute("COMMIT")
    holder.close()
    assert await asyncio.wait_for(asyncio.gather(*writing), 5) == ["Alice", "Bob"]
    assert await database.run(addresses) == ["alice", "bob"]
    await database.aclose()

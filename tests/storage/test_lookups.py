"""Lookups: everybody gets the rows of their own key, however many ask at once."""

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from idp.storage import Database, open_database
from idp.storage.lookups import Lookup
from idp.storage.statements import Rows
from idp.storage.tables import CodeSend

SENDS = Rows(CodeSend)
BY_ADDRESS = Lookup[CodeSend](select(CodeSend), col(CodeSend.address))
ID_AND_ADDRESS = Lookup[tuple[str, str]](
    select(CodeSend.id, CodeSend.address), col(CodeSend.address)
)


def add(session: Session) -> None:
    for number, address in enumerate(("alice", "bob", "bob")):
        SENDS.insert(session, id=str(number), address=address)


async def test_who_looks_up_alone_finds_every_row_of_the_key(database: Database) -> None:
    await database.run(add)
    assert [row.address for row in await BY_ADDRESS.find(database, "alice")] == ["alice"]
    assert len(await BY_ADDRESS.find(database, "bob")) == 2


async def test_those_who_look_up_together_find_the_same(database: Database) -> None:
    await database.run(add)
    keys = ["bob", "alice", "carol", "bob"]
    found = await asyncio.gather(*(ID_AND_ADDRESS.find(database, key) for key in keys))
    assert [sorted(rows) for rows in found] == [
        [("1", "bob"), ("2", "bob")],
        [("0", "alice")],
        [],
        [("1", "bob"), ("2", "bob")],
    ]


async def test_rows_are_whole_when_they_are_found_together(database: Database) -> None:
    await database.run(add)
    (alice,), bobs = await asyncio.gather(
        BY_ADDRESS.find(database, "alice"), BY_ADDRESS.find(database, "bob")
    )
    assert (alice.id, alice.sent_at.tzinfo is not None) == ("0", True)
    assert {bob.id for bob in bobs} == {"1", "2"}


async def test_a_change_is_seen_by_the_next_lookup(database: Database) -> None:
    assert await BY_ADDRESS.find(database, "alice") == []
    await database.run(add)
    assert len(await BY_ADDRESS.find(database, "alice")) == 1


@pytest.mark.postgresql
async def test_a_key_the_database_cannot_read_spoils_no_other(postgresql_url: str) -> None:
    database = open_database(postgresql_url)
    await database.run(add)
    keys = ("bo\0b", "alice", "bob")
    found = await asyncio.gather(
        *(BY_ADDRESS.find(database, key) for key in keys), return_exceptions=True
    )
    assert isinstance(found[0], DBAPIError)
    assert [len(rows) for rows in found if not isinstance(rows, BaseException)] == [1, 2]
    await database.aclose()

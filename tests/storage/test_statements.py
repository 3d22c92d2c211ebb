"""Statements without a session: the same rows, in the same transaction, on either database."""

from datetime import timedelta

import pytest
from sqlalchemy import bindparam, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from idp.storage import Database
from idp.storage.statements import Rows, Statement
from idp.storage.tables import BrowserSession, CodeSend, Flow, FlowKind, User, now

USERS = Rows(User)
SENDS = Rows(CodeSend)
FLOWS = Rows(Flow)
SESSIONS = Statement[tuple[BrowserSession, User]](
    select(BrowserSession, User)
    .join(User, col(User.id) == col(BrowserSession.user_id))
    .where(col(User.email) == bindparam("email"))
)
ADDRESSES = Statement[str](select(CodeSend.address).order_by(col(CodeSend.address)))
RENAME = Statement[CodeSend](
    update(CodeSend)
    .where(col(CodeSend.address) == bindparam("old"))
    .values(address=bindparam("new"))
    .returning(CodeSend),
    returning=CodeSend,
)


def new_user(session: Session, email: str = "a@b.example") -> User:
    claims = {"name": "Änne", "address": {"country": "DE"}}
    return USERS.insert(session, email=email, email_key=email, claims=claims)


async def test_a_row_comes_back_as_it_was_written(database: Database) -> None:
    written = await database.run(new_user)
    read = await database.run(USERS.get, id=written.id)
    assert read is not None
    assert read.model_dump() == written.model_dump()
    assert read.created_at.tzinfo is not None


async def test_a_session_reads_what_a_statement_wrote(database: Database) -> None:
    written = await database.run(new_user)
    read = await database.run(lambda session: session.get_one(User, written.id))
    assert read.claims == {"name": "Änne", "address": {"country": "DE"}}


async def test_an_enumeration_comes_back_as_one(database: Database) -> None:
    later = now() + timedelta(hours=1)
    values = {"kind": FlowKind.SIGN_IN, "browser": "b", "email": "e", "email_key": "e"}
    await database.run(FLOWS.insert, id="f", locale="en", expires_at=later, **values)
    flow = await database.run(FLOWS.get, id="f")
    assert flow is not None
    assert flow.kind is FlowKind.SIGN_IN


async def test_a_row_that_is_not_there_is_none(database: Database) -> None:
    assert await database.run(USERS.get, id="nobody") is None


async def test_a_row_that_nobody_tracks_cannot_be_changed_by_mistake(database: Database) -> None:
    user = await database.run(new_user)
    with pytest.raises(AttributeError):
        user.locale = "de"


async def test_a_change_meets_only_the_rows_with_its_key(database: Database) -> None:
    user = await database.run(new_user)
    await database.run(USERS.update, {"id": user.id, "locale": "en"}, locale="de")
    await database.run(USERS.update, {"id": user.id}, claims={})
    changed = await database.run(USERS.get, id=user.id)
    assert changed is not None
    assert (changed.locale, changed.claims) == (None, {})
    await database.run(USERS.delete, id=user.id)
    assert await database.run(USERS.get, id=user.id) is None


async def test_a_row_that_may_be_there_is_written_once(database: Database) -> None:
    row = {"id": "same", "address": "first"}
    assert await database.run(SENDS.insert_if_absent, **row) is True
    assert await database.run(SENDS.insert_if_absent, **row | {"address": "second"}) is False
    assert await database.run(ADDRESSES.all) == ["first"]


async def test_a_join_gives_one_row_of_each_table(database: Database) -> None:
    user = await database.run(new_user)
    sessions = Rows(BrowserSession)
    await database.run(sessions.insert, fingerprint="f", user_id=user.id, expires_at=now())
    found = await database.run(SESSIONS.first, email="a@b.example")
    assert found is not None
    assert (found[0].fingerprint, found[0].amr, found[1].id) == ("f", [], user.id)


async def test_one_column_gives_plain_values(database: Database) -> None:
    for address in ("b", "a"):
        await database.run(SENDS.insert, address=address)
    assert await database.run(ADDRESSES.all) == ["a", "b"]


async def test_a_change_can_return_its_rows(database: Database) -> None:
    await database.run(SENDS.insert, address="old")
    renamed = await database.run(RENAME.first, old="old", new="new")
    assert renamed is not None
    assert renamed.address == "new"
    assert await database.run(ADDRESSES.all) == ["new"]


async def test_an_error_undoes_statements_and_session_alike(database: Database) -> None:
    def fail(session: Session) -> None:
        SENDS.insert(session, address="by a statement")
        session.add(CodeSend(address="by the session"))
        session.flush()
        raise LookupError

    with pytest.raises(LookupError):
        await database.run(fail)
    assert await database.run(ADDRESSES.all) == []


async def test_statements_and_session_see_each_other_within_a_transaction(
    database: Database,
) -> None:
    def work(session: Session) -> tuple[list[str], list[str]]:
        SENDS.insert(session, address="1")
        session.add(CodeSend(address="2"))
        session.flush()
        return ADDRESSES.all(session), sorted(session.exec(select(CodeSend.address)))

    assert await database.run(work) == (["1", "2"], ["1", "2"])


async def test_an_instance_can_be_written_too(database: Database) -> None:
    await database.run(SENDS.add, CodeSend(address="given"))
    assert await database.run(ADDRESSES.all) == ["given"]


async def test_a_broken_rule_is_told_as_by_a_session_and_without_the_values(
    database: Database,
) -> None:
    await database.run(new_user, "secret@b.example")
    with pytest.raises(IntegrityError) as caught:
        await database.run(new_user, "secret@b.example")
    assert caught.value.params is None

"""The embedded carrier: woken by each commit, asleep without work, never in a hurry."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from postman import Postman, mail
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session
from structlog.testing import capture_logs

from idp.outbox import Courier, EmbeddedCarrier
from idp.plugins import load_plugins
from idp.storage import Database, Secrets
from idp.storage.tables import MessageState
from tests.outbox.test_carriers import running, until


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


class Unreliable(Database):
    """A database that cannot be reached until it is told so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_down = True
        self.refused = 0

    async def _run(self, unit: Callable[[Session], Any]) -> Any:
        if self.is_down:
            self.refused += 1
            raise OperationalError("SELECT", {}, Exception("down"))
        return await self._database._run(unit)

    async def aclose(self) -> None:
        """Leave it to the owner."""


async def test_the_carrier_is_woken_after_the_commit_and_not_before(postman: Postman) -> None:
    assert isinstance(postman.carrier, EmbeddedCarrier)
    woken: list[bool] = []
    wake = postman.carrier._wake

    def promise(session: Session) -> None:
        postman.promise_in(session, mail())
        woken.append(wake.is_set())

    await postman.database.run(promise)
    assert [*woken, wake.is_set()] == [False, True]


async def test_without_work_the_carrier_sleeps(postman: Postman) -> None:
    statements: list[str] = []

    def executed(*arguments: Any) -> None:
        statements.append(arguments[2])

    await postman.save(postman.first)
    async with running(postman):
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1)
        await asyncio.sleep(0.2)
        event.listen(Engine, "before_cursor_execute", executed)
        await asyncio.sleep(0.5)
        event.remove(Engine, "before_cursor_execute", executed)
    assert statements == []


async def test_an_unreachable_database_only_delays(postman: Postman, secrets: Secrets) -> None:
    unreliable = Unreliable(postman.database)
    courier = Courier(unreliable, secrets, postman.connectors, load_plugins())
    await postman.save(postman.first)
    with capture_logs() as logs:
        async with running(replace(postman, courier=courier)):
            await postman.promise()
            await until(lambda: unreliable.refused >= 3)
            unreliable.is_down = False
            await postman.promise()  # the next commit, or five seconds
            await until(lambda: len(postman.first.sent) == 2)
    assert {entry["log_level"] for entry in logs} == {"error", "info"}


async def test_a_mail_that_was_sent_is_not_sent_again_because_the_database_was_away(
    postman: Postman, secrets: Secrets
) -> None:
    """Who cannot write "sent" keeps trying for as long as nobody else may take the mail."""
    unreliable = Unreliable(postman.database)
    unreliable.is_down = False
    courier = Courier(unreliable, secrets, postman.connectors, load_plugins())
    await postman.save(postman.first)

    async def lose_the_database() -> None:
        unreliable.is_down = True

    postman.first.script.append(lose_the_database)
    message_id = await postman.promise()
    with capture_logs():
        delivering = asyncio.create_task(courier.deliver(message_id))
        await until(lambda: unreliable.refused >= 2)
        unreliable.is_down = False
        await delivering
    assert (await postman.message(message_id)).state is MessageState.SENT
    assert len(postman.first.requests) == 1


async def test_what_takes_too_long_is_left_to_the_next_start(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(asyncio.Event().wait)
    async with running(postman):
        message_id = await postman.promise()
        await until(lambda: bool(postman.first.under_way))
    await until(lambda: not postman.first.under_way)
    assert (await postman.message(message_id)).state is MessageState.SENDING
    async with running(replace(postman, carrier=EmbeddedCarrier())):
        await until(lambda: len(postman.first.sent) == 1)

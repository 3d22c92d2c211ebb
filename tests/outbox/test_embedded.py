"""The embedded carrier: woken by each commit, asleep without work, never in a hurry."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from postman import Postman, mail
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session
from structlog.testing import capture_logs

from idp.connector_kit import TransientFailure
from idp.outbox import Courier, EmbeddedCarrier
from idp.plugins import load_plugins
from idp.storage import Database, Secrets
from idp.storage.tables import MessageState, now


class Unreliable(Database):
    """A database that cannot be reached until it is told so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_down = True
        self.refused = 0

    async def _run(self, unit: Callable[[Connection], Any]) -> Any:
        if self.is_down:
            self.refused += 1
            raise OperationalError("SELECT", {}, Exception("down"))
        return await self._database._run(unit)

    async def aclose(self) -> None:
        """Leave it to the owner."""


@asynccontextmanager
async def running(
    postman: Postman, courier: Courier | None = None, concurrency: int = 20
) -> AsyncIterator[None]:
    carrying = asyncio.create_task(postman.carrier.run(courier or postman.courier, concurrency))
    try:
        yield
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await postman.carrier.aclose()


async def until(condition: Callable[[], bool], seconds: float = 3) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_commit_wakes_the_carrier(postman: Postman) -> None:
    await postman.save(postman.first)
    async with running(postman):
        await asyncio.sleep(0.05)
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1, seconds=1)


async def test_a_rolled_back_promise_is_never_sent(postman: Postman) -> None:
    def promise_and_fail(session: Session) -> None:
        postman.promise_in(session, mail())
        session.flush()
        raise LookupError

    await postman.save(postman.first)
    async with running(postman):
        with pytest.raises(LookupError):
            await postman.database.run(promise_and_fail)
        await asyncio.sleep(0.1)
    assert postman.first.requests == []


async def test_the_carrier_is_woken_after_the_commit_and_not_before(postman: Postman) -> None:
    woken: list[bool] = []

    def promise(session: Session) -> None:
        postman.promise_in(session, mail())
        woken.append(postman.carrier._wake.is_set())

    await postman.database.run(promise)
    assert [*woken, postman.carrier._wake.is_set()] == [False, True]


async def test_what_was_promised_before_the_start_is_delivered(postman: Postman) -> None:
    await postman.save(postman.first)
    await postman.promise()
    async with running(postman):
        await until(lambda: len(postman.first.sent) == 1)


async def test_what_a_dead_process_had_claimed_is_delivered_after_a_restart(
    postman: Postman,
) -> None:
    killed = subprocess.Popen(["true"])
    killed.wait()
    await postman.save(postman.first)
    message_id = await postman.promise()
    await postman.change(
        message_id,
        state=MessageState.SENDING,
        claimed_by=f"{socket.gethostname()}/{killed.pid}/abcd",
        due_at=now() + timedelta(seconds=20),
    )
    async with running(postman):
        await until(lambda: len(postman.first.sent) == 1)


async def test_a_mail_put_off_goes_out_when_its_time_has_come(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(TransientFailure("busy"))
    started = now()
    async with running(postman):
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1)
    assert 0.8 <= (now() - started).total_seconds() < 2.5


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


async def test_many_mails_go_out_at_once_but_not_more_than_allowed(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.extend([partial(asyncio.sleep, 0.01)] * 30)
    for _ in range(30):
        await postman.promise()
    async with running(postman, concurrency=4):
        await until(lambda: len(postman.first.sent) == 30)
    assert len(postman.first.requests) == 30
    assert postman.first.most_at_once == 4


async def test_one_slow_mail_holds_no_other_back(postman: Postman) -> None:
    await postman.save(postman.first)
    gate = asyncio.Event()
    postman.first.script.append(gate.wait)
    async with running(postman, concurrency=2):
        for _ in range(5):
            await postman.promise()
        await until(lambda: len(postman.first.sent) == 4)
        gate.set()
        await until(lambda: len(postman.first.sent) == 5)


async def test_an_unreachable_database_only_delays(postman: Postman, secrets: Secrets) -> None:
    unreliable, plugins = Unreliable(postman.database), load_plugins()
    courier = Courier(unreliable, secrets, postman.connectors, plugins)
    await postman.save(postman.first)
    with capture_logs() as logs:
        async with running(postman, courier):
            await postman.promise()
            await until(lambda: unreliable.refused == 2)
            unreliable.is_down = False
            await postman.promise()  # the next commit, or five seconds
            await until(lambda: len(postman.first.sent) == 2)
    assert {entry["log_level"] for entry in logs} == {"error", "info"}


async def test_a_delivery_that_is_interrupted_is_logged_and_stops_no_other(
    postman: Postman,
) -> None:
    await postman.save(postman.first)
    spoiled, sound = await postman.promise(), await postman.promise()
    await postman.change(spoiled, payload="v1:nonsense")
    with capture_logs() as logs:
        async with running(postman):
            await until(lambda: len(postman.first.sent) == 1)
    [entry] = [entry for entry in logs if entry["event"] == "delivery interrupted"]
    assert entry["message"] == spoiled
    assert (await postman.message(sound)).state is MessageState.SENT
    assert (await postman.message(spoiled)).state is MessageState.SENDING


async def test_stopping_lets_deliveries_under_way_finish(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(partial(asyncio.sleep, 0.2))
    async with running(postman):
        message_id = await postman.promise()
        await until(lambda: bool(postman.first.under_way))
    assert (await postman.message(message_id)).state is MessageState.SENT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_takes_too_long_is_left_to_the_next_start(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(asyncio.Event().wait)
    async with running(postman):
        message_id = await postman.promise()
        await until(lambda: bool(postman.first.under_way))
    await until(lambda: not postman.first.under_way)
    assert (await postman.message(message_id)).state is MessageState.SENDING
    restarted = replace(postman, carrier=EmbeddedCarrier())
    async with running(restarted):
        await until(lambda: len(postman.first.sent) == 1)


async def test_a_delivery_not_claimed_yet_hides_no_other(postman: Postman) -> None:
    """Two slots; the first mail's claim is slow, so it is still due when the second is promised."""
    await postman.save(postman.first)
    gate = asyncio.Event()
    postman.first.script.append(gate.wait)
    async with running(postman, concurrency=2):
        await postman.promise()
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1, seconds=2)
        gate.set()
        await until(lambda: len(postman.first.sent) == 2)

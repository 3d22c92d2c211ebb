"""The contract of a carrier, the same for the one on SQLite and the one on PostgreSQL."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest
from postman import Postman, mail
from sqlmodel import Session, select
from structlog.testing import capture_logs

from idp.connector_kit import TransientFailure, UsageType
from idp.outbox import log
from idp.storage.tables import Message, MessageState, Priority, now


@asynccontextmanager
async def running(postman: Postman, concurrency: int = 20) -> AsyncIterator[None]:
    carrying = asyncio.create_task(postman.carrier.run(postman.courier, concurrency))
    try:
        yield
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await postman.carrier.aclose()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_the_database_decides_who_carries(postman: Postman, database_url: str) -> None:
    expected = "embedded" if database_url.startswith("sqlite") else "procrastinate"
    assert postman.carrier.name == expected


async def test_a_commit_wakes_the_carrier(postman: Postman) -> None:
    await postman.save(postman.first)
    async with running(postman):
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1)
        for count in range(2, 6):  # quicker than any polling
            await postman.promise()
            await until(lambda count=count: len(postman.first.sent) == count, seconds=1.5)  # type: ignore[misc]


async def test_a_rolled_back_promise_is_never_sent(postman: Postman) -> None:
    def promise_and_fail(session: Session) -> None:
        postman.promise_in(session, mail())
        session.flush()
        raise LookupError

    await postman.save(postman.first)
    async with running(postman):
        with pytest.raises(LookupError):
            await postman.database.run(promise_and_fail)
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1)
    assert len(postman.first.requests) == 1


async def test_what_was_promised_before_the_start_is_delivered(postman: Postman) -> None:
    await postman.save(postman.first)
    await postman.promise()
    async with running(postman):
        await until(lambda: len(postman.first.sent) == 1)


async def test_what_a_dead_process_had_claimed_is_delivered_before_its_lease_ends(
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
        due_at=now() + timedelta(seconds=13),
    )
    async with running(postman):
        await until(lambda: len(postman.first.sent) == 1)


async def test_a_mail_put_off_goes_out_when_its_time_has_come(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(TransientFailure("busy"))
    async with running(postman):
        await postman.promise()
        await until(lambda: len(postman.first.requests) == 1)
        started = now()
        await until(lambda: len(postman.first.sent) == 1)
    assert 0.7 <= (now() - started).total_seconds() < 3.5


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


async def test_codes_overtake_what_waits_already(postman: Postman) -> None:
    await postman.save(postman.first)
    for priority in (Priority.BULK, Priority.NOTICE, Priority.CODE):
        await postman.promise(priority=priority, usage_type=list(UsageType)[priority])
    async with running(postman, concurrency=1):
        await until(lambda: len(postman.first.sent) == 3)
    order = [request.usage_type for request in postman.first.requests]
    assert order == list(UsageType)[:3]


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


async def test_a_mail_an_operator_wants_sent_now_is_sent_now(postman: Postman) -> None:
    await postman.save(postman.first)
    message_id = await postman.promise()
    await postman.change(message_id, due_at=now() + timedelta(minutes=5))
    async with running(postman):
        await asyncio.sleep(0.3)
        await postman.database.run(log.retry_now, message_id, postman.carrier.defer)
        await until(lambda: len(postman.first.sent) == 1)


async def test_a_silent_mail_costs_the_same_and_is_not_sent(postman: Postman) -> None:
    await postman.save(postman.first)
    async with running(postman):
        await postman.database.run(partial(postman.outbox.promise, mail=mail(), silent=True))
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1)
    states = await postman.database.run(lambda s: s.exec(select(Message.state)).all())
    assert sorted(states) == [MessageState.CANCELLED, MessageState.SENT]
    assert len(postman.first.requests) == 1


async def test_a_worker_shows_that_it_lives_and_what_its_connectors_use(postman: Postman) -> None:
    [connector_id] = await postman.save(postman.first)
    await postman.connectors.in_order()
    async with running(postman):
        async with asyncio.timeout(3):
            while not (workers := await postman.database.run(log.workers)):
                await asyncio.sleep(0.02)
        [worker] = workers
    assert (worker.name, worker.carrier) == (postman.courier.name, postman.carrier.name)
    assert worker.gauges == {connector_id: {"mails_under_way": 0}}

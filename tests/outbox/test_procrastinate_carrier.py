"""The carrier over PostgreSQL: jobs only wake, and what they miss is found all the same."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from postman import Postman, mail
from sqlalchemy import text
from sqlmodel import Session
from structlog.testing import capture_logs

from idp.connector_kit import TransientFailure
from idp.outbox import Courier
from idp.outbox.procrastinate_carrier import ProcrastinateCarrier
from idp.plugins import load_plugins
from idp.storage.tables import now
from tests.outbox.test_carriers import running, until

pytestmark = pytest.mark.postgresql

NOTIFIES = "procrastinate_jobs_notify_queue_job_inserted_v1"


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    return postgresql_url


@pytest.fixture
def carrier(postman: Postman) -> ProcrastinateCarrier:
    assert isinstance(postman.carrier, ProcrastinateCarrier)
    return postman.carrier


async def execute(postman: Postman, statement: str) -> None:
    await postman.database.run(lambda session: session.execute(text(statement)) and None)


async def jobs(postman: Postman) -> list[tuple[str, int, bool]]:
    """Return status, priority, and whether it is for later, of every job for a mail."""
    query = text(
        "SELECT status::text, priority, scheduled_at IS NOT NULL FROM procrastinate_jobs"
        " WHERE task_name = 'deliver' ORDER BY id"
    )
    rows = await postman.database.run(lambda session: session.execute(query).all())
    return [(str(row[0]), int(row[1]), bool(row[2])) for row in rows]


async def test_the_job_is_written_in_the_callers_transaction(postman: Postman) -> None:
    def promise_and_fail(session: Session) -> None:
        postman.promise_in(session, mail())
        session.flush()
        raise LookupError

    with pytest.raises(LookupError):
        await postman.database.run(promise_and_fail)
    assert await jobs(postman) == []
    await postman.promise()
    assert await jobs(postman) == [("todo", 0, False)]


async def test_mails_promised_together_share_their_jobs_and_all_go_out(postman: Postman) -> None:
    def promise_many(session: Session) -> None:
        for number in range(70):
            postman.promise_in(session, mail(to=f"person{number}@example.test"))

    await postman.save(postman.first)
    await postman.database.run(promise_many)
    assert await jobs(postman) == [("todo", 0, False)] * 2
    async with running(postman):
        await until(lambda: len(postman.first.sent) == 70)


async def test_the_job_of_a_mail_that_ended_is_dropped(postman: Postman) -> None:
    await postman.save(postman.first)
    await postman.deliver(await postman.promise())
    assert await jobs(postman) == []


async def test_a_retry_is_a_job_for_later(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(TransientFailure("busy"))
    await postman.deliver(await postman.promise())
    assert await jobs(postman) == [("todo", 0, True)]


async def test_what_no_job_was_run_for_is_swept_up(
    postman: Postman, carrier: ProcrastinateCarrier
) -> None:
    carrier.sweep_every = 0.2
    await postman.save(postman.first)
    message_id = await postman.promise()
    await execute(postman, "DELETE FROM procrastinate_jobs")
    async with running(postman):
        await asyncio.sleep(0.6)
        assert postman.first.requests == []  # a job may still be on its way
        await postman.change(message_id, due_at=now() - timedelta(seconds=11))
        await until(lambda: len(postman.first.sent) == 1)


async def test_a_job_is_found_by_polling_when_nobody_is_woken(
    postman: Postman, carrier: ProcrastinateCarrier
) -> None:
    await postman.save(postman.first)
    async with running(postman):
        await asyncio.sleep(0.5)
        await execute(postman, f"ALTER TABLE procrastinate_jobs DISABLE TRIGGER {NOTIFIES}")
        try:
            await postman.promise()
            await until(lambda: len(postman.first.sent) == 1, seconds=2.5)
        finally:
            await execute(postman, f"ALTER TABLE procrastinate_jobs ENABLE TRIGGER {NOTIFIES}")


async def test_jobs_a_dead_worker_had_begun_do_not_stay_for_ever(
    postman: Postman, carrier: ProcrastinateCarrier
) -> None:
    await postman.save(postman.first)
    await postman.promise()
    await execute(
        postman,
        "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)"
        " VALUES (now() - interval '1 minute') RETURNING id)"
        " UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)",
    )
    carrier.heartbeat = 0.2
    async with running(postman):
        async with asyncio.timeout(5):
            while await jobs(postman):
                await asyncio.sleep(0.05)
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 2)


async def test_lost_connections_are_noticed_and_made_again(
    postman: Postman, carrier: ProcrastinateCarrier, database_url: str
) -> None:
    """The LISTEN, too: without a periodic task procrastinate would go on deaf."""
    carrier.wake_every = 0.3
    await postman.save(postman.first)
    with capture_logs():
        async with running(postman):
            await until(lambda: carrier.wake_seconds is not None)
            await _cut_connections(postman)
            await asyncio.sleep(2.5)
            for count in range(1, 4):
                await postman.promise()
                await until(lambda count=count: len(postman.first.sent) == count, 0.9)  # type: ignore[misc]


async def _cut_connections(postman: Postman) -> None:
    await execute(
        postman,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


async def test_a_wake_up_is_timed_and_a_lost_one_is_told(
    postman: Postman, carrier: ProcrastinateCarrier
) -> None:
    carrier.wake_every = carrier.longest_wake = 0.3
    async with running(postman):
        await until(lambda: carrier.wake_seconds is not None)
        assert carrier.wake_seconds
        assert carrier.wake_seconds < 0.3
        carrier._connector.echo_channel = "nobody_listens_here"
        with capture_logs() as logs:
            await until(lambda: carrier.wake_seconds is None)
    assert logs[0]["event"] == "wake-ups are lost, jobs are found by polling"


async def test_a_worker_that_ends_is_started_again(
    postman: Postman, carrier: ProcrastinateCarrier
) -> None:
    await postman.save(postman.first)
    async with running(postman):
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 1)
        await execute(postman, "ALTER TABLE procrastinate_jobs RENAME TO hidden")
        with capture_logs() as logs:
            await until(lambda: any("starting it again" in entry["event"] for entry in logs))
            await execute(postman, "ALTER TABLE hidden RENAME TO procrastinate_jobs")
        await postman.promise()
        await until(lambda: len(postman.first.sent) == 2)


async def test_two_workers_send_each_mail_once(postman: Postman, database_url: str) -> None:
    carrier = ProcrastinateCarrier(database_url)
    courier = Courier(
        postman.database, postman.secrets, postman.connectors, load_plugins(), carrier.follow_up
    )
    await postman.save(postman.first)
    for _ in range(60):
        await postman.promise()
    async with running(postman, 5), running(replace(postman, carrier=carrier, courier=courier), 5):
        await until(lambda: len(postman.first.sent) == 60)
        await asyncio.sleep(0.2)
    assert len(postman.first.requests) == 60

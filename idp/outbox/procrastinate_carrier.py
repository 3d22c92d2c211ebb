"""The carrier over PostgreSQL: a job with the promise, run by any of many workers.

A job only says that some rows are due, so losing one, or running it twice, does no harm: the rows
that no job reached are swept up. Who runs one takes all that is due, up to its limit.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

import procrastinate
import structlog
from procrastinate.connector import Notify
from procrastinate.exceptions import AppNotOpen, ConnectorException
from procrastinate.jobs import Status
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import inspect, text
from sqlmodel import Session

from idp.outbox import ledger
from idp.outbox.carrier import Carrier
from idp.outbox.courier import Courier
from idp.outbox.dispatcher import Dispatcher
from idp.outbox.ledger import Outcome
from idp.storage.statements import Statement
from idp.storage.tables import Message

log = structlog.get_logger(__name__)

_QUEUE = "mail"
_DEFER = Statement[None](
    text(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW("
        f"'{_QUEUE}', 'deliver', :priority, NULL, :message_id, '{{}}',"
        " COALESCE(CAST(:due_at AS timestamptz), CASE WHEN :delay > 0 THEN"
        " statement_timestamp() + make_interval(secs => :delay) END)"
        ")]::procrastinate_job_to_defer_v1[])"
    )
)
_FORGET = Statement[None](
    text(
        "SELECT procrastinate_cancel_job_v1(id, false, true) FROM procrastinate_jobs"
        " WHERE status = 'todo' AND queueing_lock = ANY(:message_ids)"
    )
)
_JOBS_AT_ONCE = 4
_MAILS_A_JOB = 64
"""Of those promised in one transaction."""
_OVERDUE_BY = 10.0  # seconds
_PAUSE_AFTER_FAILURE = 1.0


class ProcrastinateCarrier(Carrier):
    """Shares the work with every process on the same database."""

    name = "procrastinate"
    grace = 11.0  # longer than a connector may take

    heartbeat = 2.0
    """Seconds between signs of life, and between looks for workers that give none."""
    poll_every = 1.0
    """Seconds after which a job is found although nobody was woken for it."""
    sweep_every = 15.0
    """Seconds between looks for messages that no job was run for."""
    wake_every = 10.0
    """Seconds between trials of the wake-up."""
    longest_wake = 5.0
    """Seconds after which a wake-up is taken for lost."""

    def __init__(self, url: str) -> None:
        self._connector = _Connector(
            conninfo=url,
            min_size=2,
            max_size=8,
            # A job lost in a crash is swept up, so no commit of procrastinate's waits for the disk.
            kwargs={"options": "-c synchronous_commit=off"},
            configure=_autocommit,
            pool_factory=_pool,
        )
        self._app = procrastinate.App(connector=self._connector)
        self._dispatcher: Dispatcher
        self._wake_seconds: float | None = None
        self._register_tasks()
        # It logs each job at INFO; what becomes of a mail is logged by the courier.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)

    @property
    def wake_seconds(self) -> float | None:
        return self._wake_seconds

    def defer(self, session: Session, message: Message, delay: float = 0.0) -> None:
        """Write a job in the caller's transaction; its commit wakes a worker."""
        known = inspect(message, raiseerr=False)
        if known and known.persistent:  # promised before, so a job for later may wait
            _FORGET.send(session, message_ids=[message.id])
        if delay or _needs_job(session, message):
            _DEFER.send(session, **_job(message, None, delay))

    def follow_up(self, session: Session, outcomes: Sequence[tuple[Message, Outcome]]) -> None:
        """Drop the jobs of messages that others delivered; have a worker woken for a retry."""
        _FORGET.send(session, message_ids=[message.id for message, _ in outcomes])
        retries = [_job(message, outcome.due_at) for message, outcome in outcomes if outcome.due_at]
        for retry in retries:
            _DEFER.send(session, **retry)

    async def aclose(self) -> None:
        """Do nothing: `run` lets deliveries finish when it is cancelled."""

    async def run(self, courier: Courier, concurrency: int = 64) -> None:
        """Deliver until cancelled; an unreachable database only delays."""
        self._dispatcher = dispatcher = Dispatcher(courier, concurrency)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.report(courier, self.heartbeat))
                tasks.create_task(self._work(courier))
                tasks.create_task(_again(self.heartbeat, self._rescue, courier))
                tasks.create_task(_again(self.sweep_every, self._sweep))
                tasks.create_task(_again(self.wake_every, self._time_wake, courier))
        finally:
            await dispatcher.finish(self.grace)

    async def _work(self, courier: Courier) -> None:
        """Run procrastinate's worker, again however it ends: without it mails are late."""
        while True:
            try:
                async with self._app.open_async():
                    await self._app.run_worker_async(
                        queues=[_QUEUE],
                        name=courier.name,
                        concurrency=_JOBS_AT_ONCE,
                        fetch_job_polling_interval=self.poll_every,
                        update_heartbeat_interval=self.heartbeat,
                        stalled_worker_timeout=ledger.DEAD_AFTER.total_seconds(),
                        shutdown_graceful_timeout=self.grace,
                        delete_jobs="always",
                        install_signal_handlers=False,
                    )
                log.warning("worker ended, starting it again")
            except Exception:
                log.exception("worker failed, starting it again")
            await asyncio.sleep(_PAUSE_AFTER_FAILURE)

    async def _rescue(self, courier: Courier) -> None:
        """Deliver what a dead worker had begun, or was woken for; it never happens by itself."""
        released = await courier.database.run(ledger.release_dead)
        if await self._drop_stalled_jobs() or released:
            await self._dispatcher.start_due()

    async def _drop_stalled_jobs(self) -> bool:
        jobs, silence = self._app.job_manager, ledger.DEAD_AFTER.total_seconds()
        try:
            stalled = await jobs.get_stalled_jobs(queue=_QUEUE, seconds_since_heartbeat=silence)
        except AppNotOpen:  # our own worker is just being started again
            return False
        dropped = False
        for job in stalled:
            with suppress(ConnectorException):  # another worker was quicker
                await jobs.finish_job(job, Status.FAILED, delete_job=True)
                dropped = True
        return dropped

    async def _sweep(self) -> None:
        """Deliver what no job was run for."""
        await self._dispatcher.start_due(overdue_by=_OVERDUE_BY)

    async def _time_wake(self, courier: Courier) -> None:
        """Wake ourselves through the database: a lost LISTEN would otherwise go unseen."""
        token, started = uuid4().hex, perf_counter()
        heard = self._connector.expect(token)
        await courier.database.run(_notify, self._connector.echo_channel, token)
        try:
            async with asyncio.timeout(self.longest_wake):
                await heard.wait()
        except TimeoutError:
            self._wake_seconds = None
            log.warning("wake-ups are lost, jobs are found by polling")
        else:
            self._wake_seconds = perf_counter() - started

    def _register_tasks(self) -> None:
        @self._app.task(name="deliver", queue=_QUEUE)
        async def deliver() -> None:
            await self._dispatcher.start_due()

        @self._app.periodic(cron="*/10 * * * *")
        @self._app.task(name="keep_watch", queue=_QUEUE)
        async def keep_watch(timestamp: int) -> None:
            """Exist: a worker without a periodic task does not notice that its LISTEN ended."""


def _needs_job(session: Session, message: Message) -> bool:
    """Tell whether this message needs a worker to wake: one takes many that came together."""
    alike = session.info.setdefault("deferred", Counter())
    alike[message.priority] += 1
    return int(alike[message.priority]) % _MAILS_A_JOB == 1


def _job(message: Message, due_at: datetime | None, delay: float = 0.0) -> dict[str, object]:
    job = {"message_id": message.id, "priority": -message.priority}
    return {**job, "due_at": due_at, "delay": delay}


class _Connector(procrastinate.PsycopgConnector):
    """Listens on a channel of its own, too, over the connection that hears of new jobs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.echo_channel = f"idp_wake_{uuid4().hex}"
        self._expected = ("", asyncio.Event())

    def expect(self, token: str) -> asyncio.Event:
        """Return an event that is set once this token is heard."""
        self._expected = (token, asyncio.Event())
        return self._expected[1]

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        async def hear(*, channel: str, payload: str) -> None:
            if channel != self.echo_channel:
                await on_notification(channel=channel, payload=payload)
            elif payload == self._expected[0]:
                self._expected[1].set()

        await super().listen_notify(hear, [*channels, self.echo_channel])


def _pool(*, check: object, **options: Any) -> AsyncConnectionPool:
    """Open connections without asking each before use: a broken one only restarts the worker."""
    del check
    return AsyncConnectionPool(**options)


async def _autocommit(connection: AsyncConnection[Any]) -> None:
    """Save each of procrastinate's single statements the round trips of a transaction."""
    await connection.set_autocommit(True)


async def _again(every: float, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
    """Do something every so many seconds; a failure is logged and waits for the next time."""
    while True:
        await asyncio.sleep(every)
        try:
            await work(*arguments)
        except Exception:
            log.exception("delivery is not watched over just now", task=work.__name__)


def _notify(session: Session, channel: str, payload: str) -> None:
    statement = text("SELECT pg_notify(:channel, :payload)")
    session.execute(statement, {"channel": channel, "payload": payload})

"""The carrier inside the web process: woken by each commit, it delivers what is due."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog
from sqlmodel import Session

from idp.outbox import ledger
from idp.outbox.carrier import Carrier
from idp.outbox.courier import Courier
from idp.outbox.dispatcher import Dispatcher
from idp.storage import after_commit
from idp.storage.tables import Message, now

log = structlog.get_logger(__name__)

_LONGEST_SLEEP = timedelta(seconds=5)
"""Another process may promise mails this one is not woken for."""

_REPORT_EVERY = 10.0  # seconds


class EmbeddedCarrier(Carrier):
    """Runs deliveries as tasks of the event loop it lives in."""

    name = "embedded"

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self._dispatcher: Dispatcher | None = None

    def defer(self, session: Session, message: Message, delay: float = 0.0) -> None:
        """Have the message delivered once the caller's transaction is committed."""
        del message, delay  # the row says it all
        after_commit(session, self._wake.set)

    async def aclose(self) -> None:
        """Let deliveries under way finish; what takes too long is left to the next start."""
        if self._dispatcher:
            await self._dispatcher.finish(self.grace)

    async def run(self, courier: Courier, concurrency: int = 64) -> None:
        """Deliver until cancelled; an unreachable database only delays."""
        dispatcher = self._dispatcher = Dispatcher(courier, concurrency, self._wake.set)
        try:
            await courier.database.run(ledger.release_orphans)
        except Exception:
            log.exception("deliveries a dead process began wait for its lease to end")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.report(courier, _REPORT_EVERY))
            tasks.create_task(self._dispatch(courier, dispatcher))

    async def _dispatch(self, courier: Courier, dispatcher: Dispatcher) -> None:
        while True:
            self._wake.clear()
            try:
                pause = await self._start_due(courier, dispatcher)
            except Exception:
                log.exception("deliveries are delayed")
                pause = _LONGEST_SLEEP
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._wake.wait()

    async def _start_due(self, courier: Courier, dispatcher: Dispatcher) -> timedelta:
        """Start what is due; return how long to sleep unless woken."""
        moment = now()
        await dispatcher.start_due()
        due_at = await courier.database.run(ledger.next_due, moment)
        return min(due_at - now(), _LONGEST_SLEEP) if due_at else _LONGEST_SLEEP

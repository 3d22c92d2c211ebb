"""The carrier inside the web process: woken by each commit, it delivers what is due."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog
from sqlmodel import Session

from idp.outbox import ledger
from idp.outbox.courier import Courier
from idp.storage import after_commit
from idp.storage.tables import now

log = structlog.get_logger(__name__)

_LONGEST_SLEEP = timedelta(seconds=5)
"""Another process may promise mails this one is not woken for."""

_GRACE = 3.0  # seconds


class EmbeddedCarrier:
    """Runs deliveries as tasks of the event loop it lives in."""

    def __init__(self) -> None:
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}

    def defer(self, session: Session, message_id: str) -> None:
        """Have the message delivered once the caller's transaction is committed."""
        del message_id  # the row says it all
        after_commit(session, self._wake.set)

    async def aclose(self) -> None:
        """Let deliveries under way finish; what takes too long is left to the next start."""
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=_GRACE)
            for task in late:
                task.cancel()

    async def run(self, courier: Courier, concurrency: int = 20) -> None:
        """Deliver until cancelled; an unreachable database only delays."""
        try:
            await courier.database.run(ledger.release_orphans)
        except Exception:
            log.exception("deliveries a dead process began wait for its lease to end")
        while True:
            self._wake.clear()
            try:
                pause = await self._start_due(courier, concurrency)
            except Exception:
                log.exception("deliveries are delayed")
                pause = _LONGEST_SLEEP
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self._wake.wait()

    async def _start_due(self, courier: Courier, concurrency: int) -> timedelta:
        """Start as many due deliveries as there is room for; return when to look again."""
        moment = now()
        # What was started counts as due until it is claimed, so ask for all there could be.
        due = await courier.database.run(ledger.due, moment, concurrency)
        waiting = [message_id for message_id in due if message_id not in self._running]
        for message_id in waiting[: concurrency - len(self._running)]:
            task = asyncio.create_task(self._deliver(courier, message_id))
            self._running[message_id] = task
        if len(self._running) == concurrency:
            return _LONGEST_SLEEP  # or until one has finished
        due_at = await courier.database.run(ledger.next_due, moment)
        return min(due_at - now(), _LONGEST_SLEEP) if due_at else _LONGEST_SLEEP

    async def _deliver(self, courier: Courier, message_id: str) -> None:
        try:
            await courier.deliver(message_id)
        except Exception:
            log.exception("delivery interrupted", message=message_id)
        finally:
            del self._running[message_id]
            self._wake.set()

"""Starts deliveries for rows that are due, as tasks of the event loop it lives in."""

import asyncio
from collections.abc import Callable

import structlog

from idp.outbox.channel import Claim
from idp.outbox.courier import Courier

log = structlog.get_logger(__name__)


class Dispatcher:
    """Keeps at most `concurrency` deliveries under way; calls `finished` after each."""

    def __init__(
        self, courier: Courier, concurrency: int, finished: Callable[[], None] = lambda: None
    ) -> None:
        self._courier = courier
        self._concurrency = concurrency
        self._finished = finished
        self._running: set[asyncio.Task[None]] = set()
        self._one_ended = asyncio.Event()
        self._starting = asyncio.Lock()

    async def start_due(self, *, overdue_by: float = 0.0) -> None:
        """Start every delivery that is due, waiting for room; return once no more is due."""
        async with self._starting:
            while await self._start_some(overdue_by):
                pass

    async def _start_some(self, overdue_by: float) -> bool:
        """Start as many as there is room for; tell whether there may be more."""
        while len(self._running) >= self._concurrency:
            self._one_ended.clear()
            await self._one_ended.wait()
        room = self._concurrency - len(self._running)
        claims = await self._courier.claim_due(room, overdue_by=overdue_by)
        for claim in claims:
            task = asyncio.create_task(self._carry_out(claim))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return len(claims) == room

    async def _carry_out(self, claim: Claim) -> None:
        try:
            await self._courier.carry_out(claim)
        except Exception:
            log.exception("delivery interrupted", message=claim.message.id)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.remove(task)
        self._one_ended.set()
        self._finished()

    async def finish(self, grace: float) -> None:
        """Let deliveries under way finish for so many seconds; the rest is left to its lease."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

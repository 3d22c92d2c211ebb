"""What every carrier does: it decides when a promised mail is delivered, never whether."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import structlog
from sqlmodel import Session

from idp.outbox import ledger
from idp.outbox.courier import Courier
from idp.outbox.ledger import Outcome
from idp.storage.tables import Message, Worker

log = structlog.get_logger(__name__)


class Carrier(ABC):
    """Brings promised messages to a courier."""

    name: ClassVar[str]
    grace = 3.0
    """Seconds that deliveries under way get to finish when the process stops."""

    @abstractmethod
    def defer(self, session: Session, message: Message, delay: float = 0.0) -> None:
        """Have the message delivered if, and as soon as, the caller's transaction is committed.

        `delay` is what its `due_at` waits from now, in seconds.
        """

    def follow_up(self, session: Session, outcomes: Sequence[tuple[Message, Outcome]]) -> None:
        """Note, inside the transaction that settles them, what has ended and what comes back."""

    @abstractmethod
    async def run(self, courier: Courier, concurrency: int = 64) -> None:
        """Deliver until cancelled; an unreachable database only delays."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let deliveries under way finish, then release everything."""

    async def report(self, courier: Courier, every: float) -> None:
        """Say again and again, every so many seconds, that this worker lives."""
        while True:
            try:
                await courier.database.run(ledger.report_worker, self._state(courier))
            except Exception:
                log.exception("worker not reported")
            await asyncio.sleep(every)

    def _state(self, courier: Courier) -> Worker:
        return Worker(
            name=courier.name,
            carrier=self.name,
            wake_seconds=self.wake_seconds,
            gauges=courier.connectors.gauges(),
        )

    @property
    def wake_seconds(self) -> float | None:
        """How long the last wake-up took to arrive; None when it was lost or none is needed."""
        return None

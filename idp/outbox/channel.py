"""Channels: the roads that messages leave by. Mail is one, a POST to an application another.

All of them share the rows, claims, leases, back-off and deadlines; a channel only knows how to hand
one claimed message over, and what the answer means.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from idp.connectors import Opened, Unusable
from idp.outbox.ledger import Outcome
from idp.outbox.policy import Circuit
from idp.outbox.round import Round
from idp.storage.tables import BreakerState, Message

_LONGEST_QUEUE = 1.0  # seconds a message waits for its turn at one receiver


@dataclass(frozen=True)
class Claim:
    """A message a courier holds the lease of, and what it was told to do with it."""

    message: Message
    route: Sequence[tuple[Opened | Unusable, Circuit]]
    """The connector instances a mail may take."""

    @property
    def is_last_resort(self) -> bool:
        """Whether no connector instance is known to work, so that resting one helps nobody."""
        return all(circuit.state is not BreakerState.CLOSED for _, circuit in self.route)


class Channel(ABC):
    """Hands messages over; `name` is what their rows call it."""

    name: ClassVar[str]

    @abstractmethod
    async def carry(self, claim: Claim, round_: Round) -> Outcome:
        """Make what attempts there is time for, note each in the round, and say what follows."""

    async def aclose(self) -> None:
        """Release what is held open."""


class Turns:
    """Lets a receiver have so many messages under way, so that a slow one holds no other back."""

    def __init__(self, at_once: int) -> None:
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(at_once))

    @asynccontextmanager
    async def wait(self, receiver: str) -> AsyncIterator[bool]:
        """Wait a while for a turn; tell whether it came."""
        turn = self._turns[receiver]
        try:
            async with asyncio.timeout(_LONGEST_QUEUE):
                await turn.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            turn.release()

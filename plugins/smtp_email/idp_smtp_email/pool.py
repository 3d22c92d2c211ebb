"""The connections of one connector: opened when needed, kept for a while, lent to one at a time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property, partial

from aiosmtplib import SMTPResponse

from idp.connector_kit import RateLimited, TransientFailure
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.connection import Connection
from idp_smtp_email.limits import TokenBucket
from idp_smtp_email.transaction import Delivery, Transaction

_MOST_WAITING = 10_000
_GRACE = 10.0  # seconds for mails under way when the pool is closed

Ending = SMTPResponse | Exception | None
"""The last reply, why there is none, or None: there is a place, open a connection yourself."""


class _Errand:
    """A delivery, where it is now, and how it ends for the task that waits for it."""

    __slots__ = ("connection", "delivery", "outcome")

    def __init__(self, delivery: Delivery, loop: asyncio.AbstractEventLoop) -> None:
        self.delivery = delivery
        self.connection: Connection | None = None
        self.outcome: asyncio.Future[SMTPResponse | None] = loop.create_future()

    def settle(self, ending: Ending) -> None:
        """Tell who waits, unless it has gone."""
        if self.outcome.done():
            return
        if isinstance(ending, Exception):
            self.outcome.set_exception(ending)
        else:
            self.outcome.set_result(ending)


class Pool:
    """Lends connections first come, first served.

    A place in the pool is either an open connection or the right to open one. What is given back
    goes straight to whoever waits longest (asyncio.Queue would let newcomers overtake): a
    connection begins with the next message in the very call that brings the last reply to the one
    before. Idle connections are taken last in, first out, so that spare ones can time out.
    """

    def __init__(
        self, config: SmtpConfig, open_connection: Callable[[Delivery], Awaitable[Connection]]
    ) -> None:
        self._config = config
        self._open = open_connection
        self._bucket = config.pool.bucket()
        self._unused_places = config.pool.max_connections
        self._idle: list[Connection] = []
        self._connections: set[Connection] = set()
        self._waiting: deque[_Errand] = deque()
        self._is_serving = False
        self._bell: asyncio.TimerHandle | None = None
        self._reaper: asyncio.TimerHandle | None = None
        self._under_way = 0
        self._is_closed = False
        self._drained = asyncio.Event()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        # Kept, because Python 3.11 makes a system call each time it is asked.
        return asyncio.get_running_loop()

    def gauges(self) -> dict[str, float]:
        """Tell how full the pool is."""
        return {
            "connections_in_use": len(self._connections) - len(self._idle),
            "connections_idle": len(self._idle),
            "mails_waiting": len(self._waiting),
        }

    async def deliver(self, delivery: Delivery) -> SMTPResponse:
        """Send over a connection of its own for that time; raises ConnectorError."""
        self._under_way += 1
        try:
            if self._bucket is not None:
                await self._await_turn(self._bucket, delivery)
            errand = _Errand(delivery, self._loop)
            self._queue(errand)
            while (reply := await self._outcome(errand)) is None:
                await self._open_for(errand)
            return reply
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._drained.set()

    async def _await_turn(self, bucket: TokenBucket, delivery: Delivery) -> None:
        now = self._loop.time()
        if (good_at := bucket.next_at(now)) > delivery.expires_at:
            message = "pool.rateLimit leaves no room for this mail before its deadline."
            raise RateLimited(message, retry_after=good_at - now)
        bucket.take(now)
        if good_at > now:
            await asyncio.sleep(good_at - now)

    async def _outcome(self, errand: _Errand) -> SMTPResponse | None:
        try:
            return await errand.outcome
        except asyncio.CancelledError:
            if errand.connection is not None:
                errand.connection.abort()
            elif errand.outcome.cancelled():
                with suppress(ValueError):
                    self._waiting.remove(errand)
            elif errand.outcome.exception() is None and errand.outcome.result() is None:
                self._return_place()  # cancelled before it woke up
            raise

    async def _open_for(self, errand: _Errand) -> None:
        try:
            connection = await self._open(errand.delivery)
        except BaseException:
            self._return_place()
            raise
        self._connections.add(connection)
        errand.outcome = self._loop.create_future()
        self._start(errand, connection)

    def _queue(self, errand: _Errand) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            raise TransientFailure("Too many mails wait for a connection.", retry_after=1)
        self._waiting.append(errand)
        self._serve()
        if self._waiting and (self._bell is None or errand.delivery.expires_at < self._bell.when()):
            self._set_bell(errand.delivery.expires_at)

    def _serve(self) -> None:
        """Give what is free to whoever waits longest."""
        if self._is_serving:
            return  # the loop below goes on with what was just given back
        self._is_serving = True
        while self._waiting and (self._idle or self._unused_places):
            errand = self._waiting.popleft()
            if not errand.outcome.done():
                self._lend(errand)
        self._is_serving = False
        if self._idle and self._reaper is None:
            self._reap()

    def _lend(self, errand: _Errand) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_idle:
                self._start(errand, connection)
                return
            self._drop(connection)  # it died while it was idle
        self._unused_places -= 1
        errand.settle(None)

    def _start(self, errand: _Errand, connection: Connection) -> None:
        errand.connection = connection
        transaction = Transaction(connection, errand.delivery, self._config)
        connection.converse(transaction.run(), partial(self._end, errand, connection))

    def _end(self, errand: _Errand, connection: Connection, ending: Ending) -> None:
        errand.connection = None
        if _was_dead(connection, ending) and not errand.outcome.done():
            self._connections.discard(connection)
            errand.settle(None)
            return
        connection.idle_since = connection.time()
        is_used_up = connection.transactions >= self._config.pool.max_messages
        if connection.is_idle and not is_used_up and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.leave()
            self._drop(connection)
        self._serve()
        errand.settle(ending)

    def _drop(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._unused_places += 1

    def _return_place(self) -> None:
        self._unused_places += 1
        self._serve()

    def _set_bell(self, at: float) -> None:
        if self._bell is not None:
            self._bell.cancel()
        self._bell = self._loop.call_at(at, self._send_the_late_away)

    def _send_the_late_away(self) -> None:
        self._bell = None
        now = self._loop.time()
        patient = []
        for errand in self._waiting:
            if errand.delivery.expires_at > now:
                patient.append(errand)
            else:
                message = "All connections were busy until it was too late for this mail."
                errand.settle(TransientFailure(message))
        self._waiting = deque(patient)
        if patient:
            self._set_bell(min(errand.delivery.expires_at for errand in patient))

    def _reap(self) -> None:
        """Close what was idle for too long; the longest idle is at the bottom of the stack."""
        seconds = self._config.pool.idle_timeout / 1000
        while self._idle and self._idle[0].idle_since + seconds <= self._loop.time():
            self._quit(self._idle.pop(0))
        self._reaper = None
        if self._idle:
            self._reaper = self._loop.call_at(self._idle[0].idle_since + seconds, self._reap)

    def _quit(self, connection: Connection) -> None:
        connection.quit()
        self._drop(connection)

    async def aclose(self, grace: float = _GRACE) -> None:
        """Close idle connections now and the others after their mail; mails may still be sent."""
        self._is_closed = True
        for timer in (self._reaper, self._bell):
            if timer is not None and not self._waiting:
                timer.cancel()
        while self._idle:
            self._quit(self._idle.pop())
        if self._under_way:
            self._drained.clear()
            try:
                async with asyncio.timeout(grace):
                    await self._drained.wait()
            except TimeoutError:
                for connection in tuple(self._connections):
                    connection.abort()


def _was_dead(connection: Connection, ending: Ending) -> bool:
    """Tell whether a kept connection broke with the server none the wiser about the message."""
    is_transient = isinstance(ending, TransientFailure)
    return (
        is_transient
        and connection.transactions > 1
        and connection.loss is not None
        and not connection.body_sent
    )

"""The connections of one connector: opened when needed, kept for a while, lent to one at a time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from aiosmtplib import SMTPResponse

from idp.connector_kit import RateLimited, TransientFailure
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.connection import Connection
from idp_smtp_email.limits import TokenBucket
from idp_smtp_email.transaction import Delivery, Transaction

_MOST_WAITING = 10_000
_GRACE = 10.0  # seconds for mails under way when the pool is closed


class _Waiter:
    """One who waits for a place, until a moment of the loop's time."""

    __slots__ = ("expires_at", "place")

    def __init__(self, expires_at: float) -> None:
        self.place: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self.expires_at = expires_at


class Pool:
    """Lends connections first come, first served.

    A place in the pool is either an open connection or the right to open one, written None. What
    is given back goes straight to whoever waits longest: asyncio.Queue would let newcomers
    overtake. Idle connections are taken last in, first out, so that spare ones can time out.
    """

    def __init__(
        self, config: SmtpConfig, open_connection: Callable[[Delivery], Awaitable[Connection]]
    ) -> None:
        self._config = config
        self._open = open_connection
        self._bucket = config.pool.bucket()
        self._unused_places = config.pool.max_connections
        self._idle: list[Connection] = []
        self._lent: set[Connection] = set()
        self._waiters: deque[_Waiter] = deque()
        self._bell: asyncio.TimerHandle | None = None
        self._reaper: asyncio.TimerHandle | None = None
        self._under_way = 0
        self._is_closed = False
        self._drained = asyncio.Event()

    async def deliver(self, delivery: Delivery) -> SMTPResponse:
        """Send over a connection of its own for that time; raises ConnectorError."""
        self._under_way += 1
        try:
            if self._bucket is not None:
                await self._await_turn(self._bucket, delivery)
            return await self._deliver_in(await self._place(delivery), delivery)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._drained.set()

    async def _deliver_in(self, connection: Connection | None, delivery: Delivery) -> SMTPResponse:
        try:
            if connection is not None and (reply := await self._reuse(connection, delivery)):
                return reply
            connection = await self._open(delivery)
            return await self._transact(connection, delivery)
        finally:
            self._take_back(connection)

    async def _reuse(self, connection: Connection, delivery: Delivery) -> SMTPResponse | None:
        """Send over a connection that was idle; None if it died with the server none the wiser."""
        try:
            return await self._transact(connection, delivery)
        except TransientFailure:
            if connection.loss is None or connection.body_sent:
                raise
            self._lent.discard(connection)
            return None

    async def _transact(self, connection: Connection, delivery: Delivery) -> SMTPResponse:
        self._lent.add(connection)
        return await Transaction(connection, delivery, self._config).run()

    async def _await_turn(self, bucket: TokenBucket, delivery: Delivery) -> None:
        now = asyncio.get_running_loop().time()
        if (good_at := bucket.next_at(now)) > delivery.expires_at:
            message = "pool.rateLimit leaves no room for this mail before its deadline."
            raise RateLimited(message, retry_after=good_at - now)
        bucket.take(now)
        if good_at > now:
            await asyncio.sleep(good_at - now)

    async def _place(self, delivery: Delivery) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_idle:
                return connection
            self._unused_places += 1  # it died while it was idle
        if self._unused_places:
            self._unused_places -= 1
            return None
        if len(self._waiters) >= _MOST_WAITING:
            raise TransientFailure("Too many mails wait for a connection.", retry_after=1)
        return await self._wait(delivery.expires_at)

    async def _wait(self, expires_at: float) -> Connection | None:
        waiter = _Waiter(expires_at)
        self._waiters.append(waiter)
        if self._bell is None or expires_at < self._bell.when():
            self._set_bell(expires_at)
        try:
            return await waiter.place
        except BaseException:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.place.cancelled() and waiter.place.exception() is None:
                self._hand_on(waiter.place.result())  # cancelled before it woke up
            raise

    def _set_bell(self, at: float) -> None:
        if self._bell is not None:
            self._bell.cancel()
        self._bell = asyncio.get_running_loop().call_at(at, self._send_the_late_away)

    def _send_the_late_away(self) -> None:
        self._bell = None
        now = asyncio.get_running_loop().time()
        for waiter in self._waiters:
            if waiter.expires_at <= now and not waiter.place.done():
                message = "All connections were busy until it was too late for this mail."
                waiter.place.set_exception(TransientFailure(message))
        if remaining := [waiter.expires_at for waiter in self._waiters if waiter.expires_at > now]:
            self._set_bell(min(remaining))

    def _take_back(self, connection: Connection | None) -> None:
        if connection is not None:
            self._lent.discard(connection)
            connection.idle_since = asyncio.get_running_loop().time()
            is_used_up = connection.transactions >= self._config.pool.max_messages
            if not connection.is_idle or is_used_up or self._is_closed:
                connection.leave()
        self._hand_on(connection if connection and connection.is_idle else None)

    def _hand_on(self, connection: Connection | None) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.place.done():
                waiter.place.set_result(connection)
                return
        if connection is None:
            self._unused_places += 1
            return
        self._idle.append(connection)
        if self._reaper is None:
            self._reap()

    def _reap(self) -> None:
        """Close what was idle for too long; the longest idle is at the bottom of the stack."""
        loop = asyncio.get_running_loop()
        seconds = self._config.pool.idle_timeout / 1000
        while self._idle and self._idle[0].idle_since + seconds <= loop.time():
            self._idle.pop(0).quit()
            self._unused_places += 1
        self._reaper = None
        if self._idle:
            self._reaper = loop.call_at(self._idle[0].idle_since + seconds, self._reap)

    async def aclose(self, grace: float = _GRACE) -> None:
        """Close idle connections now and the others after their mail; mails may still be sent."""
        self._is_closed = True
        for timer in (self._reaper, self._bell):
            if timer is not None and not self._waiters:
                timer.cancel()
        while self._idle:
            self._idle.pop().quit()
            self._unused_places += 1
        if self._under_way:
            self._drained.clear()
            try:
                async with asyncio.timeout(grace):
                    await self._drained.wait()
            except TimeoutError:
                for connection in self._lent:
                    connection.abort()

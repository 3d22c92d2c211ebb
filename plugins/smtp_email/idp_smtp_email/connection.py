"""One connection to a mail server: commands go out, framed replies come in."""

import asyncio
import re
from collections.abc import Mapping

from aiosmtplib import SMTPResponse, SMTPServerDisconnected

_BUFFER = 16 * 1024
_LONGEST_REPLY = 32 * 1024
_NOT_A_REPLY = -1
_CLOSING = 421
# RFC 5321 §4.2: three digits, then a hyphen if more lines follow.
_REPLY_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])([^\r]*))?\r?")


class Connection(asyncio.BufferedProtocol):
    """Takes over the transport of a greeted server, for many transactions one after the other.

    Whatever the server says out of turn breaks the connection: a reply that cannot be matched with
    certainty would be shown to the wrong person.
    """

    def __init__(self, transport: asyncio.Transport, extensions: Mapping[str, str]) -> None:
        self.extensions = extensions
        self.loss: Exception | None = None
        """Why the connection is broken, if it is."""
        self.transactions = 0
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._view = memoryview(bytearray(_BUFFER))
        self._rest = b""
        self._lines: list[str] = []
        self._reply_size = 0
        self._replies: list[SMTPResponse] = []
        self._awaited = 0
        self._arrived: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._in_transaction = False
        self.body_sent = False
        """Whether the server may have read a byte of the latest message."""
        transport.set_protocol(self)
        if transport.is_closing():
            self._break(SMTPServerDisconnected("The connection was lost"))

    @property
    def transport(self) -> asyncio.Transport:
        """The way to the server, for what it tells about TLS."""
        return self._transport

    @property
    def is_idle(self) -> bool:
        """Tell whether the server provably waits for the next message, and for nothing else."""
        return self.loss is None and not self._in_transaction and not self._awaited

    def begin(self) -> None:
        """Start a transaction: until it ends cleanly, nobody else may use the connection."""
        self.transactions += 1
        self._in_transaction = True
        self.body_sent = False

    def end(self) -> None:
        """Note that the server has forgotten the transaction or finished it."""
        self._in_transaction = False

    async def exchange(self, octets: bytes, count: int, due: float) -> list[SMTPResponse]:
        """Write commands and return their replies: fewer than `count` when the connection broke."""
        replies: list[SMTPResponse] = []
        self._replies = replies
        if self.loss is not None:
            return replies
        self._awaited = count
        self._arrived = self._loop.create_future()
        self._set_clock(due)
        self._transport.write(octets)
        await self._arrived
        return replies

    def leave(self) -> None:
        """Go, politely if the server waits for the next message."""
        if self.is_idle:
            self.quit()
        else:
            self.abort()

    def quit(self) -> None:
        """Say goodbye without waiting for the answer."""
        if self.loss is None:
            self.loss = SMTPServerDisconnected("The connection was closed")
            self._stop_clock()
            self._transport.write(b"QUIT\r\n")
            # close() would wait for the server's end of TLS; what was written is out by then.
            self._loop.call_soon(self._transport.abort)

    def abort(self) -> None:
        """Drop the connection with all that was not sent yet: it must not follow later."""
        self._break(SMTPServerDisconnected("The connection was given up"))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        received = self._view[:nbytes].tobytes()
        *lines, self._rest = (self._rest + received if self._rest else received).split(b"\n")
        for line in lines:
            if self.loss is not None:
                return
            if not self._awaited:
                self._break(SMTPServerDisconnected("The server spoke out of turn"))
            elif match := _REPLY_LINE.fullmatch(line):
                self._take(*match.groups())
            else:
                text = line.decode(errors="surrogateescape")
                self._complete(SMTPResponse(_NOT_A_REPLY, text))
        if self._rest and not self._awaited:
            self._break(SMTPServerDisconnected("The server spoke out of turn"))
        elif self.loss is None and self._reply_size + len(self._rest) > _LONGEST_REPLY:
            self._complete(SMTPResponse(_NOT_A_REPLY, "The reply is too long"))

    def eof_received(self) -> None:
        self._break(SMTPServerDisconnected("The server hung up"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(exc or SMTPServerDisconnected("The connection was lost"))

    def _take(self, reply_code: bytes, hyphen: bytes | None, octets: bytes | None) -> None:
        text = octets.decode(errors="surrogateescape") if octets else ""
        if hyphen == b"-":
            self._lines.append(text)
            self._reply_size += len(text)
            return
        if self._lines:
            text = "\n".join([*self._lines, text])
            self._lines = []
            self._reply_size = 0
        self._complete(SMTPResponse(int(reply_code), text))

    def _complete(self, reply: SMTPResponse) -> None:
        self._replies.append(reply)
        self._awaited -= 1
        if reply.code in {_CLOSING, _NOT_A_REPLY}:
            self._break(SMTPServerDisconnected("The server closes the connection"))
        elif not self._awaited:
            self._wake()

    def _set_clock(self, due: float) -> None:
        """Give the server until `due`; a timer that rings earlier looks again (timers cost)."""
        self._due = due
        if self._timer is None or due < self._timer.when():
            self._stop_clock()
            self._timer = self._loop.call_at(due, self._ring)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if not self._awaited:
            return
        if self._loop.time() < self._due:
            self._set_clock(self._due)
        else:
            self._break(TimeoutError("The server did not answer in time"))

    def _break(self, loss: Exception) -> None:
        if self.loss is None:
            self.loss = loss
            self._stop_clock()
            self._transport.abort()
            self._wake()

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

"""One connection to a mail server: commands go out, framed replies come in."""

import asyncio
import re
from collections.abc import Callable, Generator, Mapping
from functools import lru_cache

from aiosmtplib import SMTPResponse, SMTPServerDisconnected

_BUFFER = 16 * 1024
_LONGEST_REPLY = 32 * 1024
_NOT_A_REPLY = -1
_FAREWELLS = {421, _NOT_A_REPLY}
# RFC 5321 §4.2: three digits, then a hyphen if more lines follow.
_REPLY_LINE = re.compile(r"([2-5]\d\d)(?:([ -])([^\r]*))?\r?", re.ASCII)

Exchange = tuple[bytes, int, float]
"""What to write, how many replies it brings, and until when (loop time)."""
Conversation = Generator[Exchange, list[SMTPResponse], SMTPResponse]
"""Yields exchanges and is sent their replies: fewer than asked for once the connection broke."""
Ended = Callable[[SMTPResponse | Exception], None]


@lru_cache(maxsize=64)
def _read(octets: bytes) -> tuple[SMTPResponse, bool]:
    """Read one line, and tell whether more follow; most of what a server says it said before."""
    line = octets.decode(errors="surrogateescape")
    match = _REPLY_LINE.fullmatch(line)
    if match is None:
        return SMTPResponse(_NOT_A_REPLY, line), False
    return SMTPResponse(int(match[1]), match[3] or ""), match[2] == "-"


class Connection(asyncio.BufferedProtocol):
    """Takes over the transport of a greeted server, for many conversations one after the other.

    A conversation goes on in the very call that brings its replies: a task that had to be woken
    for each would cost more than the exchange. Whatever the server says out of turn breaks the
    connection: a reply that cannot be matched with certainty would be shown to the wrong person.
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
        self._conversation: Conversation | None = None
        self._is_proceeding = False
        self._ended: Ended | None = None
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

    def time(self) -> float:
        """Return the loop's time, in seconds."""
        return self._loop.time()

    @property
    def is_idle(self) -> bool:
        """Tell whether the server provably waits for the next message, and for nothing else."""
        return self.loss is None and not self._in_transaction and self._conversation is None

    def begin(self) -> None:
        """Start a transaction: until it ends cleanly, nobody else may use the connection."""
        self.transactions += 1
        self._in_transaction = True
        self.body_sent = False

    def end(self) -> None:
        """Note that the server has forgotten the transaction or finished it."""
        self._in_transaction = False

    def converse(self, conversation: Conversation, ended: Ended) -> None:
        """Hold a conversation; `ended` is called with what it returned or raised."""
        self._conversation = conversation
        self._ended = ended
        self._proceed(None)

    async def hold(self, conversation: Conversation) -> SMTPResponse:
        """Hold a conversation and wait for its end; raises what it raises."""
        outcome: asyncio.Future[SMTPResponse | Exception] = self._loop.create_future()

        def settle(ending: SMTPResponse | Exception) -> None:
            if not outcome.done():
                outcome.set_result(ending)

        self.converse(conversation, settle)
        if isinstance(ending := await outcome, Exception):
            raise ending
        return ending

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
        *lines, self._rest = (self._rest + self._view[:nbytes]).split(b"\n")
        for line in lines:
            if not self._awaited:
                self._break(SMTPServerDisconnected("The server spoke out of turn"))
            if self.loss is not None:
                return
            self._take(line)
        if self._rest:
            self._check_rest()
        elif not self._awaited and self.loss is None:
            self._proceed(self._replies)

    def eof_received(self) -> None:
        self._break(SMTPServerDisconnected("The server hung up"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._break(exc or SMTPServerDisconnected("The connection was lost"))

    def _check_rest(self) -> None:
        if not self._awaited:
            self._break(SMTPServerDisconnected("The server spoke out of turn"))
        elif self._reply_size + len(self._rest) > _LONGEST_REPLY:
            self._complete(SMTPResponse(_NOT_A_REPLY, "The reply is too long"))

    def _take(self, line: bytes) -> None:
        reply, goes_on = _read(line)
        if reply.code == _NOT_A_REPLY or not (goes_on or self._lines):
            self._complete(reply)
            return
        self._lines.append(reply.message)
        self._reply_size += len(reply.message)
        if self._reply_size > _LONGEST_REPLY:
            self._complete(SMTPResponse(_NOT_A_REPLY, "The reply is too long"))
        elif not goes_on:
            text = "\n".join(self._lines)
            self._lines = []
            self._reply_size = 0
            self._complete(SMTPResponse(reply.code, text))

    def _complete(self, reply: SMTPResponse) -> None:
        self._replies.append(reply)
        self._awaited -= 1
        if reply.code in _FAREWELLS:
            self._break(SMTPServerDisconnected("The server closes the connection"))

    def _proceed(self, replies: list[SMTPResponse] | None) -> None:
        """Give the conversation its replies, and write what it says next."""
        conversation = self._conversation
        if conversation is None or self._is_proceeding:
            return
        self._is_proceeding = True
        try:
            step = next(conversation) if replies is None else conversation.send(replies)
            while self.loss is not None:
                step = conversation.send([])
        except StopIteration as end:
            self._end(end.value)
        except Exception as failure:  # noqa: BLE001 - who waits for the end must learn of it
            self._end(failure)
        else:
            self._is_proceeding = False
            octets, self._awaited, due = step
            self._replies = []
            self._set_clock(due)
            self._transport.write(octets)

    def _end(self, ending: SMTPResponse | Exception) -> None:
        ended, self._conversation, self._ended = self._ended, None, None
        self._is_proceeding = False
        if ended is not None:
            ended(ending)

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
            self._awaited = 0
            self._stop_clock()
            self._transport.abort()
            self._proceed(self._replies)

"""A mail server 30 ms away: every byte in either direction is held back for half a round trip."""

import asyncio
import json
import re
import ssl
import sys
from functools import partial
from typing import Any

import uvloop

_BDAT = re.compile(rb"BDAT (\d+) LAST\r\n", re.IGNORECASE)


class FarServer(asyncio.Protocol):
    """Takes every mail; speaks PIPELINING, CHUNKING, STARTTLS and AUTH as told."""

    messages = 0

    def __init__(self, options: dict[str, Any], tls: ssl.SSLContext) -> None:
        self._options = options
        self._tls = tls
        self._unread = b""
        self._in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        if not transport.get_extra_info("sslcontext"):
            self._answer("220 far.example.com ESMTP")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while self._unread and self._read():
            pass

    def _read(self) -> bool:
        if self._in_message:
            return self._read_message()
        if match := _BDAT.match(self._unread):
            end = match.end() + int(match[1])
            if len(self._unread) < end:
                return False
            self._unread = self._unread[end:]
            self._take()
            return True
        line, end_of_line, rest = self._unread.partition(b"\r\n")
        if not end_of_line:
            return False
        self._unread = rest
        self._obey(line.split(b" ")[0].upper().decode())
        return True

    def _read_message(self) -> bool:
        _, end, rest = self._unread.partition(b"\r\n.\r\n")
        if not end:
            return False
        self._unread, self._in_message = rest, False
        self._take()
        return True

    def _take(self) -> None:
        FarServer.messages += 1
        self._answer("250 2.0.0 Ok: queued as 4F2A91C")

    def _obey(self, verb: str) -> None:
        if verb == "DATA":
            self._in_message = True
            self._answer("354 go on")
        elif verb in {"EHLO", "HELO"}:
            extensions = ["far.example.com", *self._options["extensions"], "AUTH PLAIN"]
            lines = [f"250-{extension}" for extension in extensions] + ["250 SIZE 1000000"]
            self._answer("\r\n".join(lines))
        elif verb == "STARTTLS":
            self._answer("220 go")
            loop = asyncio.get_running_loop()
            self._upgrade = loop.create_task(self._start_tls(loop))
        else:
            self._answer({"AUTH": "235 welcome", "QUIT": "221 bye"}.get(verb, "250 ok"))

    async def _start_tls(self, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = await loop.start_tls(self._transport, self, self._tls, server_side=True)

    def _answer(self, reply: str) -> None:
        self._transport.write(reply.encode() + b"\r\n")


class Half(asyncio.Protocol):
    """One end of a long wire."""

    def __init__(self, delay: float, opposite: "Half | None" = None) -> None:
        self._delay = delay
        self._waiting: list[bytes] | None = []
        self.transport: Any = None
        self.opposite = opposite

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        for data in self._waiting or []:
            self.transport.write(data)
        self._waiting = None

    def data_received(self, data: bytes) -> None:
        assert self.opposite is not None
        asyncio.get_running_loop().call_later(self._delay, self.opposite.send, data)

    def send(self, data: bytes) -> None:
        if self._waiting is not None:
            self._waiting.append(data)
        elif not self.transport.is_closing():
            self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.opposite is not None and self.opposite.transport is not None:
            asyncio.get_running_loop().call_later(self._delay, self.opposite.transport.close)


class NearHalf(Half):
    """The client's end: dials the server after the round trip that a connection costs."""

    def __init__(self, delay: float, port: int) -> None:
        super().__init__(delay)
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.opposite = Half(self._delay, self)
        loop = asyncio.get_running_loop()
        loop.call_later(2 * self._delay, lambda: loop.create_task(self._dial(loop)))

    async def _dial(self, loop: asyncio.AbstractEventLoop) -> None:
        opposite = self.opposite
        assert opposite is not None
        await loop.create_connection(lambda: opposite, "127.0.0.1", self._port)


async def _main(options: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(options["certificate"])
    server = await loop.create_server(partial(FarServer, options, tls), "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    wire = await loop.create_server(
        partial(NearHalf, options["round_trip"] / 2, port), "127.0.0.1", options["port"]
    )
    print(wire.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(FarServer.messages, flush=True)


if __name__ == "__main__":
    uvloop.run(_main(json.loads(sys.argv[1])))

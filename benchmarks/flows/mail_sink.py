"""A mail server that takes everything and hands out the codes in it."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable
from typing import cast

_RECIPIENT = re.compile(rb"RCPT TO:<([^>]*)>", re.IGNORECASE)
_TOKEN = re.compile(rb'\r\nOTP-Token: "(\d+)"')


class Codes:
    """The codes that arrived, each waited for once."""

    def __init__(self) -> None:
        self._arrived: defaultdict[str, asyncio.Future[str]] = defaultdict(
            asyncio.get_running_loop().create_future
        )

    def put(self, address: str, verification_code: str) -> None:
        self._arrived[address].set_result(verification_code)

    async def take(self, address: str) -> str:
        try:
            return await self._arrived[address]
        finally:
            del self._arrived[address]


class MailSink(asyncio.Protocol):
    """Speaks as much SMTP as a client with PIPELINING needs (RFC 2920)."""

    def __init__(self, take: Callable[[str, str], None]) -> None:
        self._take = take
        self._unread = b""
        self._recipient = ""
        self._in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while self._read():
            pass

    def _read(self) -> bool:
        octets, end, rest = self._unread.partition(b"\r\n.\r\n" if self._in_message else b"\r\n")
        if not end:
            return False
        self._unread = rest
        if self._in_message:
            self._in_message = False
            if found := _TOKEN.search(octets):
                self._take(self._recipient, found[1].decode())
            self._transport.write(b"250 2.0.0 taken\r\n")
        else:
            self._transport.write(self._answer(octets))
        return True

    def _answer(self, command: bytes) -> bytes:
        match command[:4].upper():
            case b"EHLO":
                return b"250-sink\r\n250 PIPELINING\r\n"
            case b"DATA":
                self._in_message = True
                return b"354 go on\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
        if found := _RECIPIENT.match(command):
            self._recipient = found[1].decode()
        return b"250 ok\r\n"

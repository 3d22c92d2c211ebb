"""A mail server with moods, which writes down every message before it says that it took it.

Run with `python -m chaos.mail_server OPTIONS`; OPTIONS are a JSON object: `port`, `file`, `seed`
and `mood`.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any

from chaos.records import TOLD, Taken, append
from chaos.weather import Fate, Mood, Weather

_AWAY = 1.0  # seconds
_CALM = (3.0, 8.0)  # seconds between outages


@dataclass
class MailServer:
    """Listens, goes away, comes back."""

    port: int
    file: Path
    weather: Weather
    mood: Mood
    attempts: Counter[str] = field(default_factory=Counter)
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    is_silent: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_silent = self.mood is Mood.SILENT

    def fate(self, recipient: str) -> Fate:
        """Return what happens to the next mail to an address."""
        if self.mood is Mood.GOOD:
            return Fate.TAKE
        self.attempts[recipient] += 1
        return self.weather.fate(recipient, self.attempts[recipient] - 1)

    async def serve(self) -> None:
        listening = await self._listen()
        moods = self.weather.outages()
        while self.mood is Mood.STORMY:
            await asyncio.sleep(moods.uniform(*_CALM))
            if moods.random() < 0.5:
                listening = await self._go_away(listening)
            else:
                await self._fall_silent()
        await listening.serve_forever()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._converse, "127.0.0.1", self.port)

    async def _go_away(self, listening: asyncio.Server) -> asyncio.Server:
        """Refuse connections for a while, and cut those that are open."""
        listening.close()
        for writer in list(self.open):
            writer.transport.abort()
        await asyncio.sleep(_AWAY)
        return await self._listen()

    async def _fall_silent(self) -> None:
        self.is_silent = True
        await asyncio.sleep(_AWAY)
        self.is_silent = False

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await Conversation(self, reader, writer).run()
        finally:
            self.open.discard(writer)
            writer.transport.abort()


class Dropped(ConnectionError):
    """This server hung up."""


class Conversation:
    """One connection; commands are read one by one, so pipelining (RFC 2920) comes by itself."""

    def __init__(
        self, server: MailServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._recipient = ""
        self._fate = Fate.TAKE

    async def run(self) -> None:
        if self._server.mood is Mood.REFUSING:
            await self._say("554 5.3.2 no service here")
            raise Dropped
        await self._say("220 mail.example.test ESMTP")
        while line := await self._reader.readline():
            await self._obey(line.decode().strip())

    async def _obey(self, command: str) -> None:
        verb = command.partition(" ")[0].upper()
        if verb == "EHLO":
            await self._say("250-mail.example.test\r\n250-PIPELINING\r\n250 SIZE 1000000")
        elif verb == "RCPT":
            await self._hear_recipient(command)
        elif verb == "DATA":
            await self._hear_message()
        elif verb == "QUIT":
            await self._say("221 2.0.0 bye")
            raise Dropped
        else:
            self._recipient = ""
            await self._say("250 2.0.0 ok")

    async def _hear_recipient(self, command: str) -> None:
        recipient = command.partition("<")[2].rpartition(">")[0]
        self._fate = self._server.fate(recipient)
        if self._fate is Fate.REFUSE:
            await self._say("550 5.1.1 no such mailbox here")
        elif self._fate is Fate.GREYLIST:
            await self._say("451 4.7.1 greylisted, try again later")
        else:
            self._recipient = recipient
            await self._say("250 2.1.5 ok")

    async def _hear_message(self) -> None:
        if not self._recipient:
            await self._say("503 5.5.1 no valid recipient")
            return
        await self._say("354 go on")
        message = await self._reader.readuntil(b"\r\n.\r\n")
        at = time.time()
        if self._fate is Fate.BUSY:
            await self._say("451 4.3.0 try again later")
        elif self._fate is Fate.DROP:
            raise Dropped
        elif self._fate in {Fate.TAKE_AND_DROP, Fate.TAKE_AND_HANG}:
            self._take(message, at, told=f"nothing: {self._fate}")
            if self._fate is Fate.TAKE_AND_HANG:
                await self._reader.read()  # until the client has lost its patience
            raise Dropped
        else:
            self._take(message, at, told=TOLD)
            if self._fate is Fate.SLOW:
                await asyncio.sleep(self._server.weather.slowness(self._recipient))
            await self._say(f"{TOLD} 2.0.0 taken")
        self._recipient = ""

    def _take(self, message: bytes, at: float, told: str) -> None:
        message_id = BytesHeaderParser().parsebytes(message)["Message-ID"]
        id_left = message_id.strip("<>").rpartition("@")[0]
        taken = Taken(message_id=id_left, recipient=self._recipient, at=at, told=told)
        append(self._server.file, taken)

    async def _say(self, reply: str) -> None:
        while self._server.is_silent:
            await asyncio.sleep(0.05)
        self._writer.write(f"{reply}\r\n".encode())
        await self._writer.drain()


async def main(options: dict[str, Any]) -> None:
    weather, mood = Weather(options["seed"]), Mood(options["mood"])
    await MailServer(options["port"], Path(options["file"]), weather, mood).serve()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))

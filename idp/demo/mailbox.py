"""A mailbox for development: a real SMTP server on loopback that keeps the mails in files."""

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from weakref import WeakSet

from aiosmtpd.smtp import SMTP, Envelope, Session

from idp.demo.received_mail import ReceivedMail

MAILS_KEPT = 500
FAILING, SLOW = "failing.example.com", "slow.example.com"
"""Names by which who says EHLO meets a server in trouble."""

_SLOWNESS = 3.0  # seconds
_LARGEST_MAIL = 10 * 1024 * 1024


class Mailbox:
    """The latest mails, in memory and in files: `<id>.eml`, with `<id>.json` for the envelope."""

    def __init__(self, directory: Path, *, keep: int = MAILS_KEPT) -> None:
        self._directory = directory
        self._keep = keep
        directory.mkdir(parents=True, exist_ok=True)
        mails = (_read(source) for source in sorted(directory.glob("[0-9]*.eml")))
        self._mails = {mail.id: mail for mail in mails}
        self._prune()

    def mails(self) -> list[ReceivedMail]:
        """Return the mails, newest first."""
        return list(reversed(self._mails.values()))

    def find(self, mail_id: str) -> ReceivedMail | None:
        return self._mails.get(mail_id)

    def receive(self, sender: str, recipients: Sequence[str], source: bytes) -> ReceivedMail:
        """Keep a mail; once this returns it survives the end of the process."""
        mail = ReceivedMail(self._next_id(), sender, tuple(recipients), datetime.now(UTC), source)
        envelope = {
            "sender": mail.sender,
            "recipients": mail.recipients,
            "received_at": mail.received_at.isoformat(),
        }
        # A mail exists once its .eml does, so the envelope comes first.
        _write(self._directory / f"{mail.id}.json", json.dumps(envelope).encode())
        _write(self._directory / f"{mail.id}.eml", source)
        self._mails[mail.id] = mail
        self._prune()
        return mail

    def empty(self) -> None:
        for mail_id in list(self._mails):
            self._remove(mail_id)

    def _next_id(self) -> str:
        # Ids sort by time, so the names of the files are the order of the mails.
        newest = int(next(reversed(self._mails), "0"))
        return f"{max(time.time_ns(), newest + 1):020d}"

    def _prune(self) -> None:
        for mail_id in list(self._mails)[: -self._keep]:
            self._remove(mail_id)

    def _remove(self, mail_id: str) -> None:
        del self._mails[mail_id]
        for suffix in (".eml", ".json"):
            (self._directory / (mail_id + suffix)).unlink(missing_ok=True)


class SmtpServer:
    """Speaks SMTP on a bound socket and puts every mail into a mailbox.

    To who says EHLO as `FAILING` or `SLOW` it is such a server, so that there is something to see.
    """

    def __init__(self, mailbox: Mailbox, listener: socket.socket) -> None:
        self._mailbox = mailbox
        self._listener = listener
        self._connections: WeakSet[SMTP] = WeakSet()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, sock=self._listener)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.close()

    def _connect(self) -> SMTP:
        connection = SMTP(
            self,
            hostname="localhost",
            enable_SMTPUTF8=True,
            data_size_limit=_LARGEST_MAIL,
            loop=asyncio.get_running_loop(),
        )
        self._connections.add(connection)
        return connection

    async def handle_DATA(  # noqa: N802 (aiosmtpd calls the handler of a command by this name)
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if session.host_name == FAILING:
            return "451 4.3.2 This mail server of the demo never takes a mail"
        if session.host_name == SLOW:
            await asyncio.sleep(_SLOWNESS)
        source = envelope.original_content or b""
        mail = self._mailbox.receive(envelope.mail_from or "", envelope.rcpt_tos, source)
        return f"250 2.0.0 Ok: kept as {mail.id}"


def _read(source: Path) -> ReceivedMail:
    envelope = json.loads(source.with_suffix(".json").read_bytes())
    return ReceivedMail(
        id=source.stem,
        sender=envelope["sender"],
        recipients=tuple(envelope["recipients"]),
        received_at=datetime.fromisoformat(envelope["received_at"]),
        source=source.read_bytes(),
    )


def _write(file: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    unfinished = file.with_name(f".{file.name}")
    unfinished.write_bytes(content)
    unfinished.replace(file)

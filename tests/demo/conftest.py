"""A mailbox with its SMTP server and its pages."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from email import policy
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from idp.demo.mailbox import Mailbox, SmtpServer
from idp.demo.mailbox_pages import mailbox_routes
from idp.storage import Database, open_database
from idp.storage.migrations import upgrade
from idp.web.listening import listen, port_of

Send = Callable[..., Awaitable[None]]


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mails")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'idp.db'}"
    upgrade(url)
    database = open_database(url)
    yield database
    await database.aclose()


@pytest.fixture
async def browser(mailbox: Mailbox, database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    app = Starlette(routes=mailbox_routes(mailbox, database))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def send(mailbox: Mailbox) -> AsyncIterator[Send]:
    """Return a function that sends a mail over SMTP."""
    listener = listen("127.0.0.1", 0, "--smtp-port")

    async def send(message: EmailMessage | bytes, *recipients: str) -> None:
        source = message if isinstance(message, bytes) else message.as_bytes(policy=policy.SMTP)
        await asyncio.to_thread(_send, port_of(listener), source, recipients)

    async with SmtpServer(mailbox, listener):
        yield send


def _send(port: int, source: bytes, recipients: tuple[str, ...]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        everyone = list(recipients or ["alice@example.com"])
        client.sendmail("bounces@example.com", everyone, source, ["SMTPUTF8"])


@pytest.fixture
def code_mail() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Demo <no-reply@example.com>"
    message["To"] = "alice@example.com"
    message["Subject"] = "428913 ist Ihr Code für Grün"
    message["Message-ID"] = "<019ab3f0@example.com>"
    message.set_content("Ihr Code:\n\n    428913\n\n@localhost:8000 #428913\n")
    message.add_alternative("<p>Ihr Code: <b>428913</b></p>", subtype="html")
    return message

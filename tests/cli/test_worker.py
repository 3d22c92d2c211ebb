"""`idp worker` and `idp serve --no-worker`: delivery in processes of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, Envelope, Session

from idp.connector_kit import UsageType
from idp.connector_kit.shipped_templates import shipped_templates
from idp.connectors import save_connector
from idp.outbox import Mail, Outbox, log, open_carrier
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.storage.tables import MessageState, now

Idp = Callable[..., Any]
ON_SQLITE = "On SQLite `idp serve` delivers the mails itself"


@pytest.mark.parametrize("words", [["worker"], ["serve", "--no-worker", "--port", "0"]])
def test_on_sqlite_nothing_but_serve_delivers(ready: Idp, words: list[str]) -> None:
    ran = ready(*words)
    assert ran.status == 2
    assert ran.err.startswith(f"idp: {ON_SQLITE}")


class Slow(Sink):
    """Takes every mail after a moment and counts them."""

    seconds = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.taken = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.begun += 1
        await asyncio.sleep(self.seconds)
        self.taken += 1
        return "250 OK"


@pytest.fixture
def smtp() -> Iterator[Controller]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(Slow(), hostname="127.0.0.1", port=port)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def worker(settings: Settings, secret_key: str) -> Iterator[subprocess.Popen[str]]:
    given = {"IDP_DATABASE_URL": settings.database_url, "IDP_SECRET_KEYS": secret_key}
    command = [sys.executable, "-m", "idp", "worker"]
    process = subprocess.Popen(
        command, env=os.environ | given, stderr=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stderr
    assert process.stderr.readline() == "Delivering mails.\n"
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


async def promise(settings: Settings, database: Database, secrets: Secrets) -> None:
    outbox = Outbox(settings, secrets, load_plugins(), open_carrier(settings).defer)
    mail = Mail(
        to="alice@example.com",
        usage_type=UsageType.SIGN_IN,
        deadline=now() + timedelta(minutes=5),
        locale="en",
        payload={"code": "428913", "expiresInMinutes": 10},
    )
    await database.run(outbox.promise, mail)


async def connect(database: Database, secrets: Secrets, port: int) -> None:
    templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
    config = {"host": "127.0.0.1", "port": port, "fromEmail": "idp@example.com"}
    connector = load_plugins().by_target("smtp")
    assert connector
    config |= {"templates": templates, "ignoreTLS": True}
    await database.run(save_connector, secrets, connector, config)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.postgresql
async def test_a_worker_delivers_and_finishes_what_it_has_begun_when_it_is_stopped(
    worker: "subprocess.Popen[str]",
    smtp: Controller,
    settings: Settings,
    database: Database,
    secrets: Secrets,
) -> None:
    handler = smtp.handler
    assert isinstance(handler, Slow)
    await connect(database, secrets, smtp.port)
    await promise(settings, database, secrets)
    await until(lambda: handler.taken == 1)
    handler.seconds = 1.0
    await promise(settings, database, secrets)
    await until(lambda: handler.begun == 2)
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 10) == 0
    rows = await database.run(log.list_messages)
    assert [message.state for message in rows] == [MessageState.SENT] * 2

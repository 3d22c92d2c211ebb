"""A deployment to measure: a database, saved settings for the sink, workers, promised mails."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.fernet import Fernet
from sqlmodel import Session, col, func, select

from idp.app import Server, open_server
from idp.connector_kit import UsageType
from idp.connector_kit.shipped_templates import shipped_templates
from idp.connectors import save_connector
from idp.outbox import Mail, Outbox
from idp.settings import Settings
from idp.storage.migrations import upgrade
from idp.storage.tables import DeliveryAttempt, Message, MessageState, now
from tests.support.postgresql import find_binaries, running_postgresql


@contextmanager
def sqlite() -> Iterator[str]:
    with TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'idp.db'}"


@contextmanager
def postgresql() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is missing: install the Debian package postgresql.")
    with running_postgresql(binaries) as server:
        yield server.url(server.create())


@dataclass(frozen=True)
class Deployment:
    """An opened server, and how to promise mails through it."""

    server: Server
    environment: dict[str, str]

    async def promise(self, count: int = 1) -> None:
        """Promise so many mails in one transaction."""
        await self.server.database.run(self._promise, count)

    def _promise(self, session: Session, count: int) -> None:
        server = self.server
        outbox = Outbox(server.settings, server.secrets, server.plugins, server.carrier.defer)
        for number in range(count):
            mail = Mail(
                to=f"person-{number}@example.com",
                usage_type=UsageType.SIGN_IN,
                deadline=now() + timedelta(minutes=10),
                locale="en",
                payload={"code": "428913", "expiresInMinutes": 10},
            )
            outbox.promise(session, mail)

    async def wait_until_sent(self, count: int) -> None:
        sent = 0
        while sent < count:
            sent = await self.server.database.run(_sent)
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def delivering(self, workers: int) -> AsyncIterator[list[int]]:
        """Deliver: on SQLite in this process, else in workers; gives their process ids."""
        if self.server.settings.is_sqlite:
            carrying = asyncio.create_task(self.server.carrier.run(self.server.courier))
            yield [os.getpid()]
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
            await self.server.carrier.aclose()
            return
        started = [self._start_worker() for _ in range(workers)]
        await asyncio.sleep(4)  # until they listen
        yield [process.pid for process in started]
        for process in started:
            process.terminate()
            await asyncio.to_thread(process.wait)

    def _start_worker(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "idp", "worker"],
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _sent(session: Session) -> int:
    sent = select(func.count()).where(col(Message.state) == MessageState.SENT)
    return session.exec(sent.where(col(Message.connector_id).is_not(None))).one()


@asynccontextmanager
async def deployed(url: str, smtp_port: int) -> AsyncIterator[Deployment]:
    """Prepare an empty database whose mails go to the sink."""
    given = {"IDP_DATABASE_URL": url, "IDP_SECRET_KEYS": Fernet.generate_key().decode()}
    settings = Settings.load(database_url=url, secret_keys=[given["IDP_SECRET_KEYS"]])
    upgrade(url)
    server = open_server(settings)
    connector = server.plugins.by_target("smtp")
    if connector is None:
        raise SystemExit("The SMTP connector is missing: install plugins/smtp_email.")
    templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
    config = {"host": "127.0.0.1", "port": smtp_port, "fromEmail": "idp@example.com"}
    filled = config | {"templates": templates, "ignoreTLS": True}
    await server.database.run(save_connector, server.secrets, connector, filled)
    try:
        yield Deployment(server, given)
    finally:
        await server.connectors.aclose()
        await server.database.aclose()


def waits(session: Session) -> list[float]:
    """Return the seconds from promise to acceptance of every sent mail, shortest first."""
    statement = (
        select(Message.created_at, DeliveryAttempt.started_at, DeliveryAttempt.duration)
        .join(DeliveryAttempt, col(DeliveryAttempt.message_id) == col(Message.id))
        .where(DeliveryAttempt.outcome == "sent")
    )
    rows = session.exec(statement)
    return sorted((began - promised).total_seconds() + took for promised, began, took in rows)


def drain_rate(session: Session) -> float:
    """Return mails per second between the first attempt and the last settled mail."""
    attempts = session.exec(select(DeliveryAttempt.started_at)).all()
    ends = session.exec(select(Message.ended_at)).all()
    return len(ends) / (max(filter(None, ends)) - min(attempts)).total_seconds()

"""The server that is measured, and an administrator who is signed in to it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from tempfile import TemporaryFile

import httpx2
from sqlmodel import Session, col, select

from benchmarks.console.seed import Amounts, fill
from benchmarks.delivery.deployment import deployed, postgresql
from idp.administration.administrators import issue_administrator_link
from idp.administration.applications import ApplicationType, NewApplication, add_application
from idp.administration.audit import Actor
from idp.connectors import list_connectors
from idp.settings import Settings
from idp.storage.tables import Client, Message, User

_TO_COUNT = 5  # seconds until the server has added to its metrics what it finds at its start


@dataclass(frozen=True)
class Known:
    """Some of what is there, to be looked at."""

    environment: dict[str, str]
    link: str
    connector: str
    application: str
    message: str
    older_message: str
    user: User


@dataclass(frozen=True)
class Console:
    """A console, and somebody who is signed in to it."""

    browser: httpx2.Client
    known: Known

    def open(self, path: str) -> float:
        """Open a page, which must be there; return the seconds it took."""
        started = time.perf_counter()
        answer = self.browser.get(f"/console{path}")
        seconds = time.perf_counter() - started
        if answer.status_code != HTTPStatus.OK:
            raise SystemExit(f"/console{path} answered {answer.status_code}.")
        return seconds


@contextmanager
def busy_console(amounts: Amounts) -> Iterator[Console]:
    """Run a server on a PostgreSQL of its own with so much in it, and sign in."""
    port = _free_port()
    with postgresql() as url:
        known = asyncio.run(_prepare(url, f"http://localhost:{port}", amounts))
        with _serving(port, known.environment), httpx2.Client(timeout=60) as browser:
            browser.base_url = httpx2.URL(f"http://localhost:{port}")
            _wait_until_ready(browser)
            browser.post(known.link)
            browser.get("/console", follow_redirects=True)
            time.sleep(_TO_COUNT)
            yield Console(browser, known)


async def _prepare(url: str, issuer: str, amounts: Amounts) -> Known:
    async with deployed(url, smtp_port=25) as deployment:
        server, run = deployment.server, deployment.server.database.run
        environment = deployment.environment | {"IDP_ISSUER": issuer}
        settings = Settings.load(issuer=issuer, **_lower(deployment.environment))
        [connector] = await run(list_connectors)
        await run(_add_applications)
        recipient = server.secrets.seal("reader@example.com")
        fill(url, amounts, recipient=recipient, connector=connector.id)
        hour = timedelta(hours=1)
        link = await run(issue_administrator_link, settings, "root@example.com", hour)
        return await run(_known, environment, link, connector.id, amounts.messages // 2)


def _lower(environment: dict[str, str]) -> dict[str, object]:
    keys = environment["IDP_SECRET_KEYS"].split(",")
    return {"database_url": environment["IDP_DATABASE_URL"], "secret_keys": keys}


def _add_applications(session: Session) -> None:
    for number in range(50):
        new = NewApplication(name=f"Application {number}", type=ApplicationType.TRADITIONAL)
        add_application(session, Actor("cli"), new)


def _known(
    session: Session, environment: dict[str, str], link: str, connector: str, middle: int
) -> Known:
    newest = select(Message.id).order_by(col(Message.id).desc())
    person = select(User).order_by(col(User.id).desc())
    return Known(
        environment,
        link,
        connector,
        session.exec(select(Client.id).limit(1)).one(),
        session.exec(newest.limit(1)).one(),
        session.exec(newest.offset(middle).limit(1)).one(),
        session.exec(person.limit(1)).one(),
    )


@contextmanager
def _serving(port: int, environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "idp", "serve", "--port", str(port), "--no-worker"]
    with TemporaryFile("w+") as log:
        server = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
        try:
            yield
        except BaseException:
            log.seek(0)
            print(log.read()[-3000:], file=sys.stderr)
            raise
        finally:
            server.terminate()
            server.wait()


def _wait_until_ready(browser: httpx2.Client) -> None:
    for _ in range(200):
        with suppress(httpx2.TransportError):
            browser.get("/console")
            return
        time.sleep(0.05)
    raise SystemExit("The server did not come up.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

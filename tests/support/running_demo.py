"""`idp demo` as a process of its own, known by nothing but the line it prints."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from cryptography.fernet import Fernet
from programs import need
from pydantic import SecretStr
from sqlmodel import Session

from idp.connector_kit.testing import ReceivedEmail
from idp.settings import Settings
from idp.storage import open_database

__all__ = ["FREE_PORTS", "RunningDemo", "need"]

T = TypeVar("T")

FREE_PORTS = ("--port", "0", "--app-port", "0", "--smtp-port", "0")


@dataclass
class RunningDemo:
    """A demo that has said it is ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    directory: Path | None = None
    """Where its database is, if it was told."""

    @classmethod
    def start(cls, *options: str, ports: Sequence[str] = FREE_PORTS) -> "RunningDemo":
        command = [sys.executable, "-m", "idp", "demo", "--json", *ports, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")
        assert process.stdout
        return cls(process, json.loads(process.stdout.readline()))

    @classmethod
    def start_in(cls, directory: Path) -> "RunningDemo":
        """Start one whose database tests may write to."""
        demo = cls.start("--dir", str(directory))
        demo.directory = directory
        return demo

    def write(self, work: Callable[[Session], T]) -> T:
        """Run a unit of work on its database, as another process would."""
        assert self.directory

        async def run() -> T:
            database = open_database(f"sqlite:///{self.directory}/idp.db")
            try:
                return await database.run(work)
            finally:
                await database.aclose()

        with ThreadPoolExecutor(1) as elsewhere:  # a browser test has an event loop of its own
            return elsewhere.submit(asyncio.run, run()).result()

    @property
    def settings(self) -> Settings:
        """Return settings that are right about where people find it."""
        key = SecretStr(Fernet.generate_key().decode())
        return Settings(issuer=self.ready["issuer"], secret_keys=[key])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(20)
        assert self.process.stdout
        self.process.stdout.close()
        return status

    def inbox(self, email: str) -> list[ReceivedEmail]:
        """Return the mails that came to an address, oldest first."""
        mails = httpx2.get(f"{self.ready['mailbox']}/messages.json", params={"to": email}).json()
        return [ReceivedEmail.from_bytes(mail["raw"].encode(), [email]) for mail in reversed(mails)]

    def wait_for_mail(self, email: str, count: int) -> ReceivedEmail:
        """Wait for the mail with this number to an address."""
        for _ in range(500):
            if len(found := self.inbox(email)) >= count:
                return found[count - 1]
            time.sleep(0.02)
        raise AssertionError(f"{len(found)} mails instead of {count}")

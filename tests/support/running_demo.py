"""`idp demo` as a process of its own, known by nothing but the line it prints."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from programs import need

from idp.connector_kit.testing import ReceivedEmail

__all__ = ["FREE_PORTS", "RunningDemo", "need"]

FREE_PORTS = ("--port", "0", "--app-port", "0", "--smtp-port", "0")


@dataclass
class RunningDemo:
    """A demo that has said it is ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @classmethod
    def start(cls, *options: str, ports: Sequence[str] = FREE_PORTS) -> "RunningDemo":
        command = [sys.executable, "-m", "idp", "demo", "--json", *ports, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")
        assert process.stdout
        return cls(process, json.loads(process.stdout.readline()))

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

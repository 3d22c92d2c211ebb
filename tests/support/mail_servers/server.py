"""What the tests know of any real server: where it listens, what arrived, what its log says."""

import re
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from idp.connector_kit.testing import ReceivedEmail
from mail_servers.daemon import wait_until
from mail_servers.inbox import Inbox

_KNOCK_AGAIN = 2.0  # seconds


@dataclass
class MailServer:
    """A running server; each test starts with an empty inbox and at the end of the log."""

    directory: Path
    inbox: Inbox
    ports: dict[str, int]
    _log_from: int = field(default=0, init=False)

    LOG: ClassVar = "log"
    # What the log says, as regular expressions.
    LOGIN: ClassVar[str]
    FAILED_LOGIN: ClassVar[str]
    CONNECTION: ClassVar[str]
    KNOCK: ClassVar[str]

    def started(self) -> Self:
        """Wait until the log shows that every port was tried, so that no test sees it later."""
        knocked = time.monotonic()

        def are_all_seen() -> bool:
            nonlocal knocked
            if self.count(self.KNOCK) >= len(self.ports):
                return True
            if time.monotonic() - knocked > _KNOCK_AGAIN:  # one hung up before it was noticed
                knocked = time.monotonic()
                for port in self.ports.values():
                    socket.create_connection(("127.0.0.1", port)).close()
            return False

        wait_until(are_all_seen, "the log shows not all ports")
        return self

    def forget(self) -> None:
        """Let a new test begin."""
        self.settle()
        self.inbox.empty()
        self._log_from = self._log_file.stat().st_size

    def settle(self) -> None:
        """Wait until the server has written down every mail it has taken."""

    def received(self) -> list[ReceivedEmail]:
        self.settle()
        return self.inbox.received()

    def count(self, event: str) -> int:
        """Count an event, a regular expression, in the log of this test."""
        return len(re.findall(event, self.log(), re.MULTILINE))

    def wait_for(self, event: str) -> None:
        wait_until(lambda: self.count(event) > 0, f"the log shows no {event!r}")

    def log(self) -> str:
        return self._log_file.read_bytes()[self._log_from :].decode(errors="replace")

    @property
    def _log_file(self) -> Path:
        return self.directory / self.LOG

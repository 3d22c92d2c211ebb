"""Child processes that are killed and started again."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PATIENCE = 120.0  # seconds until it must have started, on a busy machine


@dataclass
class Program:
    """A Python module run as a process of its own; what it says is kept in `log`."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    says: str = ""
    """What it says when it is about to begin its work."""
    ended_by_itself: int = 0
    _log_from: int = 0
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._log_from = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                cwd=self.log.parent,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until_it_works(self) -> None:
        """Wait until it says so, or has ended."""
        give_up_at = time.monotonic() + _PATIENCE
        while self.says.encode() not in self.log.read_bytes()[self._log_from :] and self._lives:
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"{self.name} does not get to work; see {self.log}")
            time.sleep(0.02)

    @property
    def _lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it without a chance to do anything about it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def revive(self) -> None:
        """Start it again if it has ended by itself, as a supervisor does."""
        if self._process is not None and not self._lives:
            self.ended_by_itself += 1
            self.start()

    def run(self, given: str = "") -> None:
        """Run it to its end; raises CalledProcessError."""
        command = [sys.executable, "-m", *self.arguments]
        with self.log.open("ab") as log:
            subprocess.run(
                command,
                cwd=self.log.parent,
                env=self.environment,
                input=given.encode(),
                stdout=log,
                stderr=log,
                check=True,
            )

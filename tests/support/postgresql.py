"""A private PostgreSQL server, reached through a socket in its own directory."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass
class PostgreSQL:
    """A server; as the user `postgres` if this process is root's."""

    binaries: Path
    directory: Path
    _process: "subprocess.Popen[bytes] | None" = None

    def initialize(self) -> None:
        """Write an empty cluster."""
        command = [self.binaries / "initdb", *self._data, "--username=postgres", "--auth=trust"]
        subprocess.run(
            [*command, "--no-sync", "--encoding=UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._run_as,
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [self.binaries / "postgres", *self._data, "-k", self.directory]
        options = ["-c", "listen_addresses=", "-c", "fsync=off"]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *options], stderr=log, stdout=log, **self._run_as
            )
        self._wait_until_ready(self._process)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is the "fast shutdown", which does not wait for sessions."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()

    def restart(self) -> None:
        """End it as a crash does, without a word to its clients, and start it again."""
        self.stop(signal.SIGQUIT)
        self.start()

    @property
    def _data(self) -> list[str | Path]:
        return ["-D", self.directory / "data"]

    @property
    def _run_as(self) -> dict[str, Any]:
        as_postgres = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        return {"cwd": self.directory, **as_postgres}

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        for _ in range(200):
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                if process.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.directory / "log").read_text())

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.directory}"

    def create(self, options: str = "") -> str:
        """Create a database and return its name."""
        name = f"test_{uuid4().hex}"
        self._execute("postgres", f"CREATE DATABASE {name} {options}")
        return name

    def drop(self, name: str) -> None:
        self._execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def empty(self, name: str, tables: Iterable[str]) -> None:
        """Delete every row; fails when a test has left a transaction open."""
        deletions = (f'DELETE FROM "{table}"' for table in tables)
        self._execute(name, "SET lock_timeout = '2s'", *deletions)

    def _execute(self, name: str, *statements: str) -> None:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def find_binaries() -> Path | None:
    """Return the directory of the newest installed server."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def running_postgresql(binaries: Path) -> Iterator[PostgreSQL]:
    """Run a server until the block ends."""
    directory = Path(tempfile.mkdtemp(prefix="idp-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
    server = PostgreSQL(binaries, directory)
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)

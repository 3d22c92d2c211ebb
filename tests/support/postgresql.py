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


@dataclass(frozen=True)
class PostgreSQL:
    """A running server."""

    directory: Path

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.directory}"

    def create(self) -> str:
        """Create a database and return its name."""
        name = f"test_{uuid4().hex}"
        self._execute("postgres", f"CREATE DATABASE {name}")
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
    """Run a server until the block ends; as the user `postgres` if this one is root."""
    directory = Path(tempfile.mkdtemp(prefix="idp-postgresql-"))
    run_as: dict[str, Any] = {"cwd": directory}
    if os.geteuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
        run_as |= {"user": "postgres", "group": "postgres"}
    data: list[str | Path] = ["-D", directory / "data"]
    initdb = [binaries / "initdb", *data, "--username=postgres", "--auth=trust", "--no-sync"]
    server = [binaries / "postgres", *data, "-k", directory, "-c", "listen_addresses="]
    try:
        subprocess.run(
            [*initdb, "--encoding=UTF8"], check=True, stdout=subprocess.DEVNULL, **run_as
        )
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [*server, "-c", "fsync=off"], stderr=log, stdout=log, **run_as
            )
            try:
                yield _ready(process, PostgreSQL(directory))
            finally:
                process.send_signal(signal.SIGINT)  # "fast shutdown": do not wait for sessions
                process.wait()
    finally:
        shutil.rmtree(directory)


def _ready(process: "subprocess.Popen[bytes]", server: PostgreSQL) -> PostgreSQL:
    for _ in range(200):
        try:
            psycopg.connect(server.url("postgres")).close()
        except psycopg.OperationalError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return server
    raise RuntimeError((server.directory / "log").read_text())

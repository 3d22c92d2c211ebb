"""A private PostgreSQL server, reached through a socket in its own directory."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
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
    owner = "postgres" if os.geteuid() == 0 else None
    directory = Path(tempfile.mkdtemp(prefix="idp-postgresql-"))
    if owner:
        shutil.chown(directory, owner, owner)
    data = directory / "data"
    initdb = [binaries / "initdb", "--username=postgres", "--auth=trust", "--no-sync", "-D", data]
    options = ["-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off"]
    try:
        run_as = {"user": owner, "group": owner, "cwd": directory}
        subprocess.run([*initdb, "--encoding=UTF8"], check=True, capture_output=True, **run_as)
        with (directory / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", *options], stderr=log, stdout=log, **run_as
            )
            try:
                yield _ready(server, PostgreSQL(directory))
            finally:
                server.terminate()
                server.wait()
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

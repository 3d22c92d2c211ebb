"""The deployment that is measured: database, one web process and one worker."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from benchmarks.flows.person import REDIRECT_URI, Application
from idp.connector_kit.shipped_templates import shipped_templates
from tests.support.postgresql import find_binaries, running_postgresql

IDP = str(Path(sys.executable).parent / "idp")
# The parameters of the server the seeds describe.
ARGON2 = {"IDP_ARGON2_MEMORY_KIB": "8192", "IDP_ARGON2_PASSES": "8"}


@contextmanager
def deployment(
    engine: str, smtp_port: int, *, with_password: bool
) -> Iterator[tuple[Application, list[int]]]:
    """Run everything; yields the application and the ids of the processes that are ours."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        environment = {**os.environ, "IDP_CONFIG": str(folder / "idp.toml")}
        if engine == "postgresql":
            environment["IDP_DATABASE_URL"] = stack.enter_context(_postgresql())
        if with_password:
            environment |= {"IDP_SIGN_UP_PASSWORD": "true", **ARGON2}
        port = 8000 + os.getpid() % 1000
        issuer = f"http://localhost:{port}"
        _idp(environment, "init", "--dir", str(folder), "--issuer", issuer)
        _set_connector(environment, folder, smtp_port)
        added = _idp(environment, "apps", "add", "Bench", "--redirect-uri", REDIRECT_URI, "--json")
        client = json.loads(added)
        commands = [["serve", "--port", str(port)]]
        if engine == "postgresql":
            commands = [[*commands[0], "--no-worker"], ["worker"]]
        servers = [stack.enter_context(_started(environment, *command)) for command in commands]
        yield (
            Application(issuer, client["client_id"], client["client_secret"]),
            [server.pid for server in servers],
        )


@contextmanager
def _postgresql() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL is missing: install the Debian package postgresql.")
    with running_postgresql(binaries) as server:
        yield server.url(server.create())


def _set_connector(environment: dict[str, str], folder: Path, smtp_port: int) -> None:
    templates = [each.model_dump(by_alias=True) for each in shipped_templates("en")]
    config = {
        "host": "127.0.0.1",
        "port": smtp_port,
        "ignoreTLS": True,
        "fromEmail": "Bench <no-reply@example.com>",
        "templates": templates,
    }
    path = folder / "smtp.json"
    path.write_text(json.dumps(config))
    _idp(environment, "connectors", "set", "smtp", "--config", str(path))


def _idp(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [IDP, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"idp {arguments[0]}: {done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def _started(environment: dict[str, str], *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [IDP, *arguments], env=environment, stdout=output, stderr=output, text=True
            )
        try:
            yield server
        except BaseException:
            print(_last_lines(log.open()), file=sys.stderr)
            raise
        finally:
            server.terminate()
            server.wait()


def _last_lines(log: IO[str]) -> str:
    with log:
        return "".join(log.readlines()[-20:])

"""Mail servers that are up, down, hanging and refusing, each behind an `idp serve` of its own."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
from cryptography.fernet import Fernet

from benchmarks.smtp.servers import program
from idp.connector_kit.shipped_templates import shipped_templates

SITUATIONS = ("up", "down", "hanging", "refusing")
_PATIENCE = 20.0  # seconds until a server must answer
_BACKLOG = 4096


@contextmanager
def serving(directory: Path) -> Iterator[dict[str, str]]:
    """Run a server for each situation; return their addresses."""
    with ExitStack() as stack:
        yield {
            situation: stack.enter_context(
                _served(directory / situation, stack.enter_context(_mail_server(situation)))
            )
            for situation in SITUATIONS
        }


@contextmanager
def _mail_server(situation: str) -> Iterator[int]:
    """Return the port mails are sent to."""
    if situation == "hanging":  # connections are taken by the kernel, and nobody says a word
        with socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) as listener:
            yield listener.getsockname()[1]
        return
    port = _free_port()
    if situation == "down":
        yield port
        return
    refusing = ["-r", "RCPT"] if situation == "refusing" else []
    command = [program("smtp-sink"), "-4", "-u", "nobody", *refusing, f"127.0.0.1:{port}", "1024"]
    with _running(command, {}, Path.cwd()):
        yield port


@contextmanager
def _served(directory: Path, mail_port: int) -> Iterator[str]:
    directory.mkdir()
    outside = {name: value for name, value in os.environ.items() if name[:4] != "IDP_"}
    environment = {
        **outside,
        "IDP_DATABASE_URL": f"sqlite:///{directory / 'idp.db'}",
        "IDP_SECRET_KEYS": Fernet.generate_key().decode(),
    }
    idp = [sys.executable, "-m", "idp"]
    quietly = {"check": True, "env": environment, "cwd": directory, "stdout": subprocess.DEVNULL}
    subprocess.run([*idp, "db", "upgrade"], **quietly)  # type: ignore[call-overload]
    save = [*idp, "connectors", "set", "smtp", "--config", "-"]
    subprocess.run(save, input=_config(mail_port), **quietly)  # type: ignore[call-overload]
    port = _free_port()
    with _running([*idp, "serve", "--port", str(port)], environment, directory):
        _wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"


def _config(mail_port: int) -> bytes:
    templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
    server = {"host": "127.0.0.1", "port": mail_port, "fromEmail": "idp@example.com"}
    return json.dumps({**server, "templates": templates}).encode()


@contextmanager
def _running(command: list[str], environment: Mapping[str, str], directory: Path) -> Iterator[None]:
    output = subprocess.DEVNULL
    process = subprocess.Popen(
        command, env=environment or None, cwd=directory, stdout=output, stderr=output
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _wait_for(site: str) -> None:
    give_up_at = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up_at:
        try:
            httpx2.get(f"{site}/healthz").raise_for_status()
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"No server came up at {site}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

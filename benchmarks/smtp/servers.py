"""The servers that are sent to; each tells how many messages it took."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

Count = Callable[[], int]
_SBIN = "/usr/sbin:/usr/bin:/bin"


@contextmanager
def certificate() -> Iterator[Path]:
    """Write a certificate for this machine, with its key, into a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "server.pem"
        issued = trustme.CA().issue_cert("127.0.0.1", "localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(path)
        yield path


@contextmanager
def smtp_sink() -> Iterator[tuple[int, Count]]:
    """Start Postfix's sink, which reads and forgets."""
    port = _free_port()
    with TemporaryDirectory() as folder:
        counters = Path(folder) / "counters"
        command = [program("smtp-sink"), "-c", "-4", "-u", "nobody", f"127.0.0.1:{port}", "1024"]
        with counters.open("wb") as output, _started(command, port, stdout=output):
            yield port, lambda: _messages(counters)


@contextmanager
def tls_sink(pem: Path) -> Iterator[tuple[int, Count]]:
    """Start the sink behind stunnel: TLS from the first byte; AUTH takes any password."""
    port = _free_port()
    with smtp_sink() as (inner, count), TemporaryDirectory() as folder:
        settings = Path(folder) / "stunnel.conf"
        lines = ["foreground = yes", "debug = err", "pid =", "[sink]", f"cert = {pem}"]
        lines += [f"accept = 127.0.0.1:{port}", f"connect = 127.0.0.1:{inner}"]
        settings.write_text("\n".join(lines) + "\n")
        with _started([program("stunnel4"), str(settings)], port):
            yield port, count


@contextmanager
def far_server(pem: Path, extensions: list[str], seconds: float) -> Iterator[tuple[int, Count]]:
    """Start a server that is a round trip of so many seconds away."""
    port = _free_port()
    options = {"port": port, "certificate": str(pem), "extensions": extensions}
    argument = json.dumps({**options, "round_trip": seconds})
    command = [sys.executable, "-m", "benchmarks.smtp.far_server", argument]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    server.stdout.readline()
    try:
        yield port, cache(lambda: int(server.communicate()[0]))
    finally:
        server.kill()
        server.wait()


def program(name: str) -> str:
    found = shutil.which(name, path=_SBIN)
    if found is None:
        raise SystemExit(f"{name} is missing: install the Debian packages postfix and stunnel4.")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _started(command: list[str], port: int, **options: object) -> Iterator[None]:
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    try:
        _await_listener(port)
        yield
    finally:
        server.terminate()
        server.wait()


def _await_listener(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"No server came up on port {port}.")


def _messages(counters: Path) -> int:
    time.sleep(0.2)
    found = re.findall(rb"mesg=(\d+)", counters.read_bytes())
    return int(found[-1]) if found else 0

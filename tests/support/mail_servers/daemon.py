"""A server as a child process: its ports, its directory, its log, its end."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PATIENCE = 20.0  # seconds, on a busy machine


@contextmanager
def own_directory(name: str) -> Iterator[Path]:
    """Make a directory that the server's own users may enter; those of pytest are closed to them.

    Its path is short, as the path of a Unix socket in it must be.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"idp-{name}-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def free_ports(count: int) -> list[int]:
    """Find ports nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@contextmanager
def running(command: Sequence[str | Path], directory: Path, ports: Sequence[int]) -> Iterator[None]:
    """Run a server in the foreground until the block ends; all it says goes to `log`."""
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            start_new_session=True,
        )
    try:
        for port in ports:
            _wait_for_port(port, process, directory / "log")
        yield
    finally:
        _stop(process)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Look again and again; servers finish their work after they have answered."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} within {_PATIENCE} s")
        time.sleep(0.005)


def _wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended: {log.read_text(errors='replace')}")
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        return False

    wait_until(answers, f"port {port} did not answer")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server and whatever it has started: all of them share its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_PATIENCE)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

"""What is sent in each case, and the two programs that send it."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from benchmarks.smtp.servers import Count, program
from idp.connector_kit.shipped_templates import shipped_templates

HERE = Path(__file__).parent
Server = Callable[[], AbstractContextManager[tuple[int, Count]]]


@dataclass(frozen=True)
class Case:
    """One row: the same task for every client, each against a server of its own."""

    name: str
    server: Server
    messages: dict[str, int]
    connections: int = 5
    in_flight: int = 20
    options: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What one client needed in one run."""

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def run(case: Case, client: str) -> Measured:
    """Send the messages of one run, and see that the server took every one."""
    task = _task(case, case.messages[client])
    with case.server() as (port, count):
        # The far server counts once it is told to stop, so it is asked only at the end.
        printed = _call(client, {**task, "port": port})
        taken = count()
    sent = task["messages"] + task["warm_up"]
    if taken != sent:
        raise SystemExit(f"{client} says it sent {sent} mails, the server took {taken}.")
    return _measured(printed, task["messages"])


def smtp_source(case: Case, messages: int) -> float:
    """Return the rate of Postfix's own load generator, which sends what it has ready."""
    with case.server() as (port, _):
        options = ["-d", "-4", "-s", str(case.connections), "-m", str(messages), "-l", "4000"]
        started = time.perf_counter()
        subprocess.run([program("smtp-source"), *options, f"127.0.0.1:{port}"], check=True)
        return messages / (time.perf_counter() - started)


def memory(case: Case, messages: int) -> tuple[float, float]:
    """Return the memory after the first mails, and what was added by all the others, in MB."""
    task = {**_task(case, messages), "warm_up": 2000}
    with case.server() as (port, _):
        printed = _call("connector", {**task, "port": port})
    return printed["memory"], printed["memory_grown"]


def _task(case: Case, messages: int) -> dict[str, Any]:
    defaults = {"secure": False, "starttls": False, "login": False, "pool": True}
    sign_in = next(each for each in shipped_templates("en") if each.usage_type == "SignIn")
    words = {"subject": sign_in.subject, "text": sign_in.text, "html": sign_in.content}
    issuer = {"issuer": "https://idp.example.com", "issuerHost": "idp.example.com"}
    return {
        **defaults,
        **case.options,
        "messages": messages,
        "warm_up": case.in_flight * 5,
        "connections": case.connections,
        "in_flight": case.in_flight,
        "sender": "Example <no-reply@example.com>",
        "template": words,
        "payload": {**issuer, "expiresInMinutes": 10, "application": {"name": "Acme"}},
    }


def _call(client: str, task: dict[str, Any]) -> dict[str, Any]:
    argument = json.dumps(task)
    if client == "connector":
        command = [sys.executable, "-m", "benchmarks.smtp.connector_client", argument]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    else:
        command = [program("node"), str(HERE / "nodemailer_client.mjs"), argument]
        folder = install_nodemailer()
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def install_nodemailer() -> Path:
    """Fetch nodemailer from npm once, outside the source tree."""
    folder = Path(gettempdir()) / "idp-bench-smtp"
    if not (folder / "node_modules" / "nodemailer").exists():
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text((HERE / "package.json").read_text())
        subprocess.run([program("npm"), "install", "--silent"], cwd=folder, check=True)
    return folder


def _measured(printed: dict[str, Any], messages: int) -> Measured:
    latencies = sorted(printed["latencies"])
    return Measured(
        rate=messages / printed["elapsed"],
        cpu_us=printed["cpu"] / messages * 1e6,
        p50_ms=statistics.median(latencies) * 1000,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1000,
    )

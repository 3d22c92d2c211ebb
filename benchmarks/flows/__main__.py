"""Run with `python -m benchmarks.flows`; --write keeps the table in docs/performance.md."""

import argparse
import asyncio
import os
import platform
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from benchmarks.flows.deployment import deployment
from benchmarks.flows.mail_sink import Codes, MailSink
from benchmarks.flows.person import Application, register

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(r"(?<=<!-- flows -->\n).*?(?=<!-- /flows -->)", re.DOTALL)
PASSWORD = "violet-anchor-9-tundra"


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    engine: str
    with_password: bool
    goal: str
    at_once: int | None = None
    """So many people come at the same moment, once; otherwise as the options say."""


@dataclass(frozen=True)
class Measured:
    """What one run gave.

    People per second, their waiting in ms, the memory of the largest process in MB, and what our
    processes worked for each person, in ms.
    """

    rate: float
    p50: float
    p99: float
    memory: float
    cpu: float


CASES = (
    Case("PostgreSQL, code only", "postgresql", with_password=False, goal=">= 100"),
    Case("PostgreSQL, with a password", "postgresql", with_password=True, goal=">= 25"),
    Case("SQLite, code only", "sqlite", with_password=False, goal=""),
    Case("PostgreSQL, 200 people at once", "postgresql", False, "< 300 MB", at_once=200),
)


def main() -> None:
    """Measure case after case and print the rows as they come."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flows", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--people", type=int, default=1000, help="in each run")
    parser.add_argument("--at-once", type=int, default=100)
    parser.add_argument("--case", default="", help="only the cases whose name holds this")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    lines = [
        "| case | registrations/s | goal | p50, ms | p99, ms | largest process, MB "
        "| our CPU per person, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n")
    for line in _rows(options):
        lines.append(line)
        print(line, flush=True)
    if options.write:
        table = "\n".join(["", _machine(options), "", *lines, ""]) + "\n"
        PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")


def _rows(options: argparse.Namespace) -> Iterator[str]:
    for case in CASES:
        if options.case not in case.name:
            continue
        people = case.at_once or options.people // (4 if case.with_password else 1)
        at_once = case.at_once or options.at_once
        runs = [uvloop.run(_run(case, people, at_once)) for _ in range(options.runs)]
        rates = sorted(run.rate for run in runs)
        middle = [
            statistics.median(getattr(run, figure) for run in runs)
            for figure in ("p50", "p99", "memory", "cpu")
        ]
        shown = f"{statistics.median(rates):.0f} ({rates[0]:.0f}-{rates[-1]:.0f})"
        figures = " | ".join(
            f"{figure:.1f}" if figure < 100 else f"{figure:.0f}" for figure in middle
        )
        yield f"| {case.name} | {shown} | {case.goal} | {figures} |"


async def _run(case: Case, people: int, at_once: int) -> Measured:
    async with _sink() as (codes, port):
        context = deployment(case.engine, port, with_password=case.with_password)
        application, processes = await asyncio.to_thread(context.__enter__)
        try:
            await _ready(application.issuer)
            password = PASSWORD if case.with_password else None
            await _crowd(application, codes, range(at_once), at_once, password)
            started, worked = time.perf_counter(), sum(map(_cpu, processes))
            everybody = range(at_once, at_once + people)
            waits = sorted(await _crowd(application, codes, everybody, at_once, password))
            elapsed = time.perf_counter() - started
            memory, cpu = max(map(_memory, processes)), sum(map(_cpu, processes)) - worked
        finally:
            await asyncio.to_thread(context.__exit__, None, None, None)
    p50, p99 = statistics.median(waits), waits[int(len(waits) * 0.99)]
    return Measured(people / elapsed, p50 * 1000, p99 * 1000, memory, cpu / people * 1000)


async def _crowd(
    application: Application, codes: Codes, numbers: range, at_once: int, password: str | None
) -> list[float]:
    queue = iter(numbers)
    waits: list[float] = []

    async def work() -> None:
        for number in queue:
            started = time.perf_counter()
            await register(application, codes, number, password)
            waits.append(time.perf_counter() - started)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return waits


@asynccontextmanager
async def _sink() -> Any:
    codes = Codes()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: MailSink(codes.put), "127.0.0.1")
    try:
        yield codes, server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _ready(issuer: str) -> None:
    async with httpx2.AsyncClient() as client:
        for _ in range(200):
            with suppress(httpx2.TransportError):
                if (await client.get(f"{issuer}/healthz")).is_success:
                    return
            await asyncio.sleep(0.05)
    raise SystemExit("The server did not come up.")


def _memory(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _machine(options: argparse.Namespace) -> str:
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, which server, worker, "
        f"database, mail sink and clients share, {release}, Python {platform.python_version()}; "
        f"{options.people} people, {options.at_once} at once; median of {options.runs} runs, the "
        "slowest and fastest in brackets."
    )


if __name__ == "__main__":
    main()

"""Run with `python -m benchmarks.delivery`; --write keeps the table in docs/performance.md."""

import argparse
import asyncio
import logging
import os
import platform
import re
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg
import structlog
from sqlalchemy import text
from sqlmodel import Session

from benchmarks.delivery.deployment import (
    Deployment,
    deployed,
    drain_rate,
    postgresql,
    sqlite,
    waits,
)
from benchmarks.smtp.servers import smtp_sink
from idp.outbox import ledger

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(r"(?<=<!-- delivery -->\n).*?(?=<!-- /delivery -->)", re.DOTALL)
DATABASES: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "SQLite": sqlite,
    "PostgreSQL": postgresql,
}
GOALS = {"SQLite": ("<= 15", ">= 1,000"), "PostgreSQL": ("<= 20", ">= 400")}
_TICKS = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")
Row = tuple[str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery", description=__doc__)
    parser.add_argument("--case", default="", help="only the cases whose name holds this")
    parser.add_argument("--mails", type=int, default=2000, help="mails of a backlog")
    parser.add_argument("--runs", type=int, default=5, help="runs of each backlog")
    parser.add_argument("--ended", type=int, default=1_000_000, help="ended mails in the table")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    lines = asyncio.run(_measure(options))
    if options.write:
        table = "\n".join(["", _machine(), "", *lines, ""]) + "\n"
        PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")


async def _measure(options: argparse.Namespace) -> list[str]:
    lines = ["| case | measured | goal |", "|---|---|---|"]
    print(*lines, sep="\n")
    for name in DATABASES:
        async for row in _rows(name, options):
            lines.append(f"| {' | '.join(row)} |")
            print(lines[-1], flush=True)
    return lines


async def _rows(name: str, options: argparse.Namespace) -> AsyncIterator[Row]:
    latency_goal, drain_goal = GOALS[name]
    if options.case in "one at a time":
        p50, p99 = await _on(name, _one_at_a_time)
        yield f"{name}, one at a time: p50 / p99, ms", f"{p50:.1f} / {p99:.1f}", latency_goal
    if options.case in "backlog":
        async for row in _backlogs(name, options, drain_goal):
            yield row
    if options.case in "claim":
        empty, full = await _on(name, _claims, options.ended)
        shown = f"{empty:.2f} / {full:.2f} ({full / empty - 1:+.0%})"
        yield f"{name}, claim with 0 / {options.ended:,} ended mails, ms", shown, "< +20 %"
    if options.case in "idle":
        yield f"{name}, idle: share of a core", f"{await _on(name, _idle):.2%}", "< 2 %"


async def _backlogs(name: str, options: argparse.Namespace, goal: str) -> AsyncIterator[Row]:
    """Compare the numbers of workers in alternating runs."""
    rates: dict[int, list[float]] = {1: []} if name == "SQLite" else {1: [], 2: []}
    for _ in range(options.runs):
        for workers, measured in rates.items():
            measured.append(await _on(name, _backlog, options.mails, workers))
    for workers, measured in rates.items():
        rate = statistics.median(measured)
        if workers > 1:
            goal = f">= {1.3 * statistics.median(rates[1]):,.0f} (1.3 times one)"
        case = f"{name}, backlog of {options.mails:,}, {_workers(workers)}: mails/s"
        yield case, f"{rate:,.0f} ({min(measured):,.0f}-{max(measured):,.0f})", goal


async def _on(name: str, case: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Run one case on an empty deployment of its own."""
    with smtp_sink() as (port, _), DATABASES[name]() as url:
        async with deployed(url, port) as deployment:
            return await case(deployment, *arguments)


async def _one_at_a_time(deployment: Deployment, count: int = 300) -> tuple[float, float]:
    async with deployment.delivering(1):
        for number in range(count):
            await deployment.promise()
            await asyncio.sleep(0.04)
            if number == 0:
                await deployment.wait_until_sent(1)  # the pool is warm
        await deployment.wait_until_sent(count)
    seconds = await deployment.server.database.run(waits)
    return 1000 * seconds[len(seconds) // 2], 1000 * seconds[int(0.99 * len(seconds))]


async def _backlog(deployment: Deployment, count: int, workers: int) -> float:
    async with deployment.delivering(workers):
        await deployment.promise(count)
        await deployment.wait_until_sent(count)
    return await deployment.server.database.run(drain_rate)


async def _claims(deployment: Deployment, ended: int) -> tuple[float, float]:
    """Return the median milliseconds of a claim without and with ended mails in the table."""
    empty = await _claim_time(deployment)
    await deployment.server.database.run(_fill, ended)
    await asyncio.to_thread(_tidy, deployment.server.settings.database_url)
    return empty, await _claim_time(deployment)


async def _claim_time(deployment: Deployment, count: int = 300) -> float:
    seconds = []
    for _ in range(count):
        await deployment.promise()
        started = time.perf_counter()
        await deployment.server.database.run(ledger.claim_due, 64, "benchmark")
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


def _fill(session: Session, ended: int) -> None:
    """Copy one message as often as that, sent, each to somebody else."""
    row = session.execute(text("SELECT * FROM message LIMIT 1")).mappings().one()
    given = {"id": "'x' || n", "state": "'sent'", "ended_at": "due_at", "payload": "NULL"}
    given["recipient_hash"] = "'x' || n"
    columns = ", ".join(row.keys())
    values = ", ".join(given.get(name, name) for name in columns.split(", "))
    numbers = (
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
        f" WHERE n < {ended})"
    )
    one = "(SELECT * FROM message LIMIT 1) AS one"
    session.execute(
        text(f"INSERT INTO message ({columns}) {numbers} SELECT {values} FROM numbers, {one}")
    )
    session.execute(text("ANALYZE"))


def _tidy(url: str) -> None:
    """Let PostgreSQL do now what it would do in the minutes after such a load."""
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


async def _idle(deployment: Deployment, seconds: float = 20) -> float:
    async with deployment.delivering(1) as processes:
        await deployment.promise()
        await deployment.wait_until_sent(1)
        await asyncio.sleep(2)
        before = _processor_time(processes[0])
        await asyncio.sleep(seconds)
        return (_processor_time(processes[0]) - before) / seconds


def _processor_time(process: int) -> float:
    """Return the seconds a process has used, from proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _workers(count: int) -> str:
    return "one worker" if count == 1 else f"{count} workers"


def _machine() -> str:
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores shared by everything, "
        f"{release}, Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main()

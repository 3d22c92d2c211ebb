"""Run with `python -m benchmarks.oidc`; --write keeps the table in docs/performance.md."""

import argparse
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.oidc.load import CONNECTIONS, Load, Measured, load_of, run
from benchmarks.oidc.providers import Provider, node_provider, our_provider
from benchmarks.smtp.servers import program

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(r"(?<=<!-- oidc -->\n).*?(?=<!-- /oidc -->)", re.DOTALL)
NODE = "node-oidc-provider"
PROVIDERS: dict[str, Callable[[], AbstractContextManager[Provider]]] = {
    NODE: node_provider,
    "SQLite": partial(our_provider, "sqlite"),
    "PostgreSQL": partial(our_provider, "postgresql"),
}
GOALS = {
    "code flow with a session": 1.2,
    "userinfo": 2.0,
    "introspection": 1.5,
    "client_credentials": 1.0,
    "discovery": 1.0,
    "jwks": 1.0,
}
GOAL_ON_POSTGRESQL = 0.8
HEADING = (
    f"requests/s, p99 in ms | {NODE} | SQLite | ratio | goal | PostgreSQL | ratio | goal",
    "---|---|---|---|---|---|---|---",
)


def main() -> None:
    """Start every provider, measure row after row in turn, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oidc", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each provider, in turn")
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--case", default="", help="only the rows whose name holds this")
    parser.add_argument("--without", default="", help="a provider to leave out")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    lines = [f"| {line} |" for line in HEADING]
    print(*lines, sep="\n")
    with ExitStack() as stack:
        providers = {
            name: stack.enter_context(start())
            for name, start in PROVIDERS.items()
            if name != options.without
        }
        for case in GOALS:
            if options.case in case:
                each = {name: load_of(case, known) for name, known in providers.items()}
                lines.append(f"| {_row(case, each, options)} |")
                print(lines[-1], flush=True)
    if options.write:
        table = "\n".join(["", _machine(options), "", *lines, ""]) + "\n"
        PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")


def _row(case: str, asked: dict[str, Load], options: argparse.Namespace) -> str:
    runs: dict[str, list[Measured]] = {name: [] for name in asked}
    for load in asked.values():
        run(load, 1)  # warm
    for _ in range(options.runs):
        for name, load in asked.items():
            runs[name].append(run(load, options.seconds))
    goals = {"SQLite": GOALS[case], "PostgreSQL": GOAL_ON_POSTGRESQL}
    theirs = _median(runs[NODE], "rate") if NODE in runs else None
    cells = [case]
    for name, measured in runs.items():
        cells.append(_shown(measured))
        if name != NODE:
            ratio = _median(measured, "rate") / theirs if theirs else 0
            cells += [f"{ratio:.2f}", f">= {goals[name]}"]
    return " | ".join(cells)


def _shown(runs: list[Measured]) -> str:
    rates = [each.rate for each in runs]
    spread = f"{min(rates):,.0f}-{max(rates):,.0f}"
    return f"{statistics.median(rates):,.0f} ({spread}), p99 {_median(runs, 'p99'):.1f}"


def _median(runs: list[Measured], figure: str) -> float:
    return float(statistics.median(getattr(each, figure) for each in runs))


def _machine(options: argparse.Namespace) -> str:
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    node = subprocess.run([program("node"), "-v"], capture_output=True, text=True, check=True)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, which provider, wrk "
        f"and database share, {release}, Python {platform.python_version()} with uvloop, Node.js "
        f"{node.stdout.strip()}, oidc-provider 9.13.3; {CONNECTIONS} connections; median of "
        f"{options.runs} runs of {options.seconds} s, the slowest and fastest in brackets."
    )


if __name__ == "__main__":
    main()

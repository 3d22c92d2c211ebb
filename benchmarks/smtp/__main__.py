"""Run with `python -m benchmarks.smtp`; --write keeps the table in docs/performance.md."""

import argparse
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.smtp.servers import certificate, far_server, program, smtp_sink, tls_sink
from benchmarks.smtp.tasks import Case, Measured, install_nodemailer, memory, run, smtp_source

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(r"(?<=<!-- smtp -->\n).*?(?=<!-- /smtp -->)", re.DOTALL)
CLIENTS = ("connector", "nodemailer")
ROUND_TRIP = 0.03

Figure = Callable[[Measured], float]
Runs = dict[str, list[Measured]]
Row = tuple[str, ...]


def main() -> None:
    """Measure case after case and print the rows as they come."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smtp", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each client, interleaved")
    parser.add_argument("--case", default="", help="only the cases whose name holds this")
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    install_nodemailer()
    lines = [_line(("case", "connector", "nodemailer", "ratio", "goal")), "|---|---|---|---|---|"]
    print(*lines, sep="\n")
    with certificate() as pem:
        for row in _rows(pem, options):
            lines.append(_line(row))
            print(lines[-1], flush=True)
    if options.write:
        table = "\n".join(["", _machine(options.runs), "", *lines, ""]) + "\n"
        PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")


def _rows(pem: Path, options: argparse.Namespace) -> Iterator[Row]:
    share = 10 if options.quick else 1
    for case, figures in _cases(pem, share):
        if options.case not in case.name:
            continue
        runs: Runs = {client: [] for client in CLIENTS}
        for _ in range(options.runs):
            for client in CLIENTS:
                runs[client].append(run(case, client))
        for name, figure, goal in figures:
            yield _compared(f"{case.name}: {name}", runs, figure, goal)
    plain = Case("plain", smtp_sink, {})
    if options.case in "smtp-source":
        rates = [smtp_source(plain, 20_000 // share) for _ in range(options.runs)]
        yield "plain: C `smtp-source`, messages/s", f"{statistics.median(rates):,.0f}", "", "", ""
    if options.case in "memory":
        count = 100_000 // share
        base, grown = memory(plain, count)
        name = f"memory, MB added by {count:,} mails"
        yield name, f"{grown:.1f} (on {base:.0f})", "", "", "flat"


def _cases(pem: Path, share: int) -> Iterator[tuple[Case, list[tuple[str, Figure, str]]]]:
    many = {"connector": 15_000 // share, "nodemailer": 3_000 // share}
    few = {"connector": 5_000 // share, "nodemailer": 2_000 // share}
    far = dict.fromkeys(CLIENTS, 60 // share)
    yield (
        Case("plain, 5 connections, 20 in flight", smtp_sink, many),
        [
            ("messages/s", lambda each: each.rate, ">= 10"),
            ("client CPU per message, us", lambda each: each.cpu_us, "<= 70 us"),
            ("p99 / p50", lambda each: each.p99_ms / each.p50_ms, "<= 3"),
        ],
    )
    tls = {"secure": True, "login": True}
    yield (
        Case("TLS and AUTH, the same", partial(tls_sink, pem), many, options=tls),
        [("messages/s", lambda each: each.rate, ">= 8")],
    )
    yield (
        Case("one at a time, 1 connection", smtp_sink, few, connections=1, in_flight=1),
        [("p50, ms", lambda each: each.p50_ms, "<= 0.6")],
    )
    for offers, goal in ((["PIPELINING"], "<= 2.2"), (["PIPELINING", "CHUNKING"], "<= 1.15")):
        server = partial(far_server, pem, offers, ROUND_TRIP)
        yield (
            Case(f"30 ms away, {' and '.join(offers)}", server, far, connections=1, in_flight=1),
            [
                ("p50, ms", lambda each: each.p50_ms, ""),
                ("p50, round trips", lambda each: each.p50_ms / ROUND_TRIP / 1000, goal),
            ],
        )
    cold = {"starttls": True, "login": True, "pool": False}
    server = partial(far_server, pem, ["PIPELINING", "STARTTLS"], ROUND_TRIP)
    case = Case(
        "30 ms away, new connection, STARTTLS and AUTH",
        server,
        dict.fromkeys(CLIENTS, 30 // share),
        1,
        1,
        cold,
    )
    yield case, [("p50, ms", lambda each: each.p50_ms, "<= 1")]


def _compared(name: str, runs: Runs, figure: Figure, goal: str) -> Row:
    ours, theirs = (statistics.median(map(figure, runs[client])) for client in CLIENTS)
    spread = sorted(map(figure, runs["connector"]))
    shown = f"{_number(ours)} ({_number(spread[0])}-{_number(spread[-1])})"
    return name, shown, _number(theirs), f"{ours / theirs:.2f}", goal


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |"


def _machine(runs: int) -> str:
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    node = subprocess.run([program("node"), "-v"], capture_output=True, text=True, check=True)
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores, {release}, "
        f"Python {platform.python_version()} with uvloop, Node.js {node.stdout.strip()}, "
        f"nodemailer 10.6.0 with `pool: true, maxMessages: Infinity`; median of {runs} runs, "
        "the connector's slowest and fastest run in brackets."
    )


if __name__ == "__main__":
    main()

"""Run with `python -m benchmarks.send_code`; --write keeps the table in docs/performance.md."""

import argparse
import platform
import random
import re
import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx2

from benchmarks.send_code.situations import SITUATIONS, serving

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(r"(?<=<!-- send-code -->\n).*?(?=<!-- /send-code -->)", re.DOTALL)
WARM_UP = 20
PAUSE = 0.02  # seconds, in which the last mail leaves and disturbs nobody else's page
GOAL = 1.10

Times = Mapping[str, list[float]]

_number = count()


def main() -> None:
    """Ask for codes in turn, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.send_code", description=__doc__)
    parser.add_argument("--pages", type=int, default=400, help="measured in each situation")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    with TemporaryDirectory() as directory, serving(Path(directory)) as sites:
        _measure(sites, WARM_UP)
        times = _measure(sites, options.pages)
    lines = list(_lines(times))
    print(*lines, sep="\n")
    if options.write:
        table = "\n".join(["", _machine(options.pages), "", *lines, ""]) + "\n"
        PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")


def _measure(sites: Mapping[str, str], pages: int) -> Times:
    """Take turns in changing order, so that whatever else the machine does falls on all alike."""
    times: dict[str, list[float]] = {situation: [] for situation in SITUATIONS}
    chance = random.Random(0)
    with httpx2.Client(follow_redirects=True) as client:
        for _ in range(pages):
            for situation in chance.sample(SITUATIONS, len(SITUATIONS)):
                times[situation].append(_send_code(client, sites[situation]))
                time.sleep(PAUSE)
    return times


def _send_code(client: httpx2.Client, site: str) -> float:
    """Return the seconds from pressing the button to the page that asks for the code."""
    form = {"email": f"reader{next(_number)}@example.com"}
    started = perf_counter()
    page = client.post(f"{site}/register", data=form)
    seconds = perf_counter() - started
    if page.status_code != 200 or not page.url.path.endswith("/code"):
        raise SystemExit(f"{page.url} answered {page.status_code}: {page.text}")
    return seconds


def _ratios(times: Times) -> dict[str, float]:
    up = statistics.median(times["up"])
    return {situation: statistics.median(each) / up for situation, each in times.items()}


def _lines(times: Times) -> Iterator[str]:
    yield "| mail server | p50, ms | p95, ms | p50 / p50 when up | goal |"
    yield "|---|---|---|---|---|"
    for situation, ratio in _ratios(times).items():
        p50, p95 = (1000 * _percentile(times[situation], share) for share in (0.5, 0.95))
        goal = "" if situation == "up" else f"<= {GOAL:.2f}"
        yield f"| {situation} | {p50:.2f} | {p95:.2f} | {ratio:.2f} | {goal} |"


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def _machine(pages: int) -> str:
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {cpu_count()} cores, {release}, "
        f"Python {platform.python_version()}, SQLite, {pages} pages in each situation, in turn."
    )


if __name__ == "__main__":
    main()

"""Run with `python -m benchmarks.console`; --write keeps the table in docs/performance.md."""

import argparse
import os
import platform
import re
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.console.deployment import Console, Known, busy_console
from benchmarks.console.seed import Amounts
from idp.console.console import NAVIGATION

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
TABLE = re.compile(r"(?<=<!-- console -->\n).*?(?=<!-- /console -->)", re.DOTALL)
GOAL = 100  # ms
SMTP = "simple-mail-transfer-protocol"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--users", type=int, default=Amounts.users)
    parser.add_argument("--messages", type=int, default=Amounts.messages)
    parser.add_argument("--days", type=int, default=Amounts.days, help="what the mails are of")
    parser.add_argument("--times", type=int, default=15, help="how often each page is opened")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    amounts = Amounts(users=options.users, messages=options.messages, days=options.days)
    lines = ["| page | median, ms | slowest, ms | goal |", "|---|---|---|---|"]
    print(*lines, sep="\n")
    with busy_console(amounts) as console:
        for row in _rows(console, options.times):
            lines.append(row)
            print(row, flush=True)
    if options.write:
        table = "\n".join(["", _machine(amounts, options.times), "", *lines, ""]) + "\n"
        PAGE.write_text(TABLE.sub(lambda _: table, PAGE.read_text("utf-8")), "utf-8")


def _rows(console: Console, times: int) -> Iterator[str]:
    for name, path in _pages(console.known):
        console.open(path)
        taken = [1000 * console.open(path) for _ in range(times)]
        yield f"| {name} | {statistics.median(taken):.0f} | {max(taken):.0f} | < {GOAL} |"


def _pages(known: Known) -> Iterator[tuple[str, str]]:
    """Return every page of the navigation, and what leads deep into the long tables."""
    yield from ((label, path) for path, label in NAVIGATION)
    yield "A connector", f"/connectors/{known.connector}"
    yield "A new connector", f"/connectors/new/{SMTP}"
    yield "A template", "/templates/de/SignIn"
    yield "The preview of a template", "/templates/de/SignIn/preview"
    yield "A delivery", f"/deliveries/{known.message}"
    yield "Deliveries, in the middle", f"/deliveries?before={known.older_message}"
    yield "Deliveries, one in 20,000 (failed)", "/deliveries?state=failed"
    yield "Deliveries, one in 90,000 (expired)", "/deliveries?state=expired"
    yield "Deliveries, one in 1,000 (kind)", "/deliveries?usage_type=BindMfa"
    yield "Deliveries, one recipient", "/deliveries?to=reader@example.com"
    yield "An application", f"/applications/{known.application}"
    yield "A person", f"/users/{known.user.id}"
    yield "Users, exact address", f"/users?search={known.user.email}"
    yield "Users, beginning of an address", "/users?search=a1"
    yield "Sessions, beginning of an address", "/sessions?search=a1"
    yield "Audit log, one in 100,000", "/audit?action=key.rotate"


def _machine(amounts: Amounts, times: int) -> str:
    release = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores shared by everything, "
        f"{release}, Python {platform.python_version()}, PostgreSQL; {amounts.users:,} users, "
        f"{amounts.sessions:,} sessions, {amounts.messages:,} mails of {amounts.days} days with "
        f"as many attempts, {amounts.entries:,} audit entries; each page opened {times} times."
    )


if __name__ == "__main__":
    main()

"""Run with `python -m chaos`; --write keeps the table in docs/chaos.md."""

import argparse
import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from postgresql import PostgreSQL, find_binaries, running_postgresql

from chaos.audit import Audit
from chaos.deployment import Site, deployed
from chaos.sabotage import make_leases_endless
from chaos.storm import Plan, Storm
from chaos.table import table

_PAGE = Path(__file__).parents[3] / "docs" / "chaos.md"
_TABLE = re.compile(r"(?<=<!-- chaos -->\n).*?(?=<!-- /chaos -->)", re.DOTALL)
_ENGINES = ("SQLite", "PostgreSQL")


def main() -> int:
    """Storm against each engine, print the table, and fail if something should not have been."""
    options = _options()
    audits = {engine: _storm(engine, options) for engine in options.engine}
    lines = [*table(audits), "", *_findings(audits)]
    print(*lines, sep="\n")
    if options.write:
        made = f"\nSeed `{options.seed}`, {datetime.now(UTC):%Y-%m-%d}.\n\n"
        written = made + "\n".join(table(audits)) + "\n\n"
        _PAGE.write_text(_TABLE.sub(lambda _: written, _PAGE.read_text("utf-8")), "utf-8")
    return 1 if any(audit.findings for audit in audits.values()) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--engine", action="append", choices=_ENGINES, help="default: both")
    parser.add_argument("--mails", type=int, default=620, help="promised at least")
    parser.add_argument("--kills", type=int, default=14, help="of web and worker processes")
    parser.add_argument("--restarts", type=int, default=3, help="of PostgreSQL")
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    parser.add_argument(
        "--endless-leases", action="store_true", help="make recovery impossible: mails are lost"
    )
    options = parser.parse_args()
    options.engine = options.engine or list(_ENGINES)
    return options


def _storm(engine: str, options: argparse.Namespace) -> Audit:
    directory = Path(tempfile.mkdtemp(prefix="idp-chaos-"))
    print(f"{engine}, seed {options.seed}, records and logs in {directory}", file=sys.stderr)
    plan = Plan(
        seed=options.seed, mails=options.mails, kills=options.kills, restarts=options.restarts
    )
    with ExitStack() as stack:
        site = stack.enter_context(_site(engine, directory, options.seed))
        deployment = stack.enter_context(deployed(site))
        if options.endless_leases:
            make_leases_endless(site.database_url)
        return Storm(plan, deployment).run()


@contextmanager
def _site(engine: str, directory: Path, seed: str) -> Iterator[Site]:
    if engine == "SQLite":
        yield Site(directory=directory, seed=seed, database_url=f"sqlite:///{directory / 'idp.db'}")
        return
    binaries = find_binaries()
    if binaries is None:
        raise SystemExit(
            "The PostgreSQL server is not installed; on Debian: apt install postgresql"
        )
    with running_postgresql(binaries) as server:
        yield _on_postgresql(server, directory, seed)


def _on_postgresql(server: PostgreSQL, directory: Path, seed: str) -> Site:
    url = server.url(server.create())
    return Site(directory=directory, seed=seed, database_url=url, postgresql=server)


def _findings(audits: dict[str, Audit]) -> Iterator[str]:
    for engine, audit in audits.items():
        yield from (f"{engine}: {finding}" for finding in audit.findings)


if __name__ == "__main__":
    sys.exit(main())

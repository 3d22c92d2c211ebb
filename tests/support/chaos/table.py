"""The count as a table, one column per engine."""

from collections.abc import Iterator, Mapping

from chaos.audit import Audit

ROWS = (
    "promised",
    "sent",
    "failed",
    "expired",
    "cancelled",
    "unknown",
    "lost",
    "late",
    "ended late",
    "without a reason",
    "rolled back",
    "rolled back and sent",
    "sent twice",
    "sent twice: the reply was lost",
    "sent twice: cut short",
    "arrived, not called sent",
    "arrived, not called sent: the reply was lost",
    "arrived, not called sent: cut short",
    "kills",
    "database restarts",
    "ended by itself",
)


def table(audits: Mapping[str, Audit]) -> Iterator[str]:
    """Return the lines of a Markdown table."""
    yield _line("", *audits)
    yield _line("---", *("---:" for _ in audits))
    for row in ROWS:
        yield _line(row, *(str(audit.counts[row]) for audit in audits.values()))
    overdue = (audit.longest_overdue.total_seconds() for audit in audits.values())
    yield _line(
        "longest without an end after the deadline, s", *(f"{each:.1f}" for each in overdue)
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"

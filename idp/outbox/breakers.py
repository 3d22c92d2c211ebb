"""The circuit breakers of the connector instances, as rows that every worker shares."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, select, update

from idp.outbox.policy import LEASE, Circuit, Verdict
from idp.storage.clock import from_now
from idp.storage.statements import Statement
from idp.storage.tables import Breaker, BreakerState, Connector

Turn = Literal["opened", "closed"]


@dataclass(frozen=True, kw_only=True)
class Note:
    """What one attempt said about the connector instance that made it."""

    connector_id: str
    message_id: str
    verdict: Verdict
    moment: datetime
    reason: str | None = None
    wait: float | None = None
    """For how many seconds the provider asked not to be bothered."""


def circuit_of(row: Breaker) -> Circuit:
    """Return the row as a value for the policy."""
    return Circuit(row.state, row.failures, row.last_message_id, row.retry_at, row.last_resort_at)


_INSTANCES = Statement[tuple[Connector, Breaker | None]](
    select(Connector, Breaker)
    .outerjoin(Breaker, col(Breaker.connector_id) == col(Connector.id))
    .order_by(col(Connector.position), col(Connector.created_at))
)


def instances(session: Session) -> list[tuple[Connector, Circuit]]:
    """Return the connector instances in the order of failover, each with its circuit."""
    rows = _INSTANCES.all(session)
    return [(instance, circuit_of(row) if row else Circuit()) for instance, row in rows]


def take_trial(session: Session, connector_id: str, *, last_resort: bool = False) -> bool:
    """Claim the right to try a connector again; False when another mail has it."""
    trial_at = Breaker.last_resort_at if last_resort else Breaker.retry_at
    lease_end = from_now(LEASE.total_seconds())
    statement = (
        update(Breaker)
        .where(
            col(Breaker.connector_id) == connector_id,
            col(Breaker.state) != BreakerState.CLOSED,
            col(trial_at) <= from_now(),
        )
        .values(state=BreakerState.HALF_OPEN, retry_at=lease_end, last_resort_at=lease_end)
    )
    return bool(session.exec(statement).rowcount)


def record(session: Session, notes: Sequence[Note]) -> list[Turn | None]:
    """Write what attempts said about their connectors; tell of each whether it turned a breaker."""
    if not notes:
        return []
    concerned = {note.connector_id for note in notes}
    rows = _rows(session, concerned)
    if all(note.verdict is Verdict.WORKS for note in notes) and all(map(_is_clean, rows.values())):
        return [None] * len(notes)
    rows = _rows(session, concerned, locked=True)
    return [_write(session, rows, note) for note in notes]


def _rows(session: Session, ids: Collection[str], *, locked: bool = False) -> dict[str, Breaker]:
    statement = select(Breaker).where(col(Breaker.connector_id).in_(ids))
    if locked:
        statement = statement.order_by(col(Breaker.connector_id)).with_for_update()
        statement = statement.execution_options(populate_existing=True)
    return {row.connector_id: row for row in session.exec(statement)}


def _is_clean(row: Breaker) -> bool:
    return row.state is BreakerState.CLOSED and row.failures == 0


def _write(session: Session, rows: dict[str, Breaker], note: Note) -> Turn | None:
    row = rows.get(note.connector_id)
    if row is None:  # the instance was removed while it was sending
        return None
    before = circuit_of(row)
    after = before.after(note.verdict, note.message_id, note.moment, note.wait)
    row.state, row.failures = after.state, after.failures
    row.last_message_id = after.last_message_id
    row.retry_at, row.last_resort_at = after.retry_at, after.last_resort_at
    row.reason = None if note.verdict is Verdict.WORKS else note.reason or row.reason
    row.updated_at = note.moment
    session.add(row)
    if after.state is before.state:
        return None
    if after.state is BreakerState.CLOSED:
        row.opened_at = None
        return "closed"
    if before.state is BreakerState.CLOSED:
        row.opened_at = note.moment
        return "opened"
    return None

"""Counters made of rows: stored sums for the past, whose rows are purged, and a count of the rest.

Nothing is counted while mails are delivered, so that no two deliveries wait for the same counter.
"""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Select, case, func, literal, select, text
from sqlmodel import Session, col

from idp.storage import Database
from idp.storage.secrets import first_id
from idp.storage.tables import DeliveryAttempt, Message, MessageState, MetricTotal, now

log = structlog.get_logger(__name__)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0)
"""Upper bounds of the histograms, in seconds."""

_EVERY = 60.0  # seconds
_SETTLING = timedelta(seconds=60)
"""No row is committed later than this after the moment it names."""

_COUNTED_UNTIL = ("counted_until", ())

_NOT_TRIED = ("skipped", "expired", "interrupted")
"""Attempts in which no connector was asked, or none that lived to say how long it took."""

Key = tuple[str, tuple[str, ...]]
"""A counter's name and the values of its labels."""

Totals = dict[Key, float]


def totals(session: Session) -> Totals:
    """Return what every counter has reached by now."""
    reached = _stored(session)
    since = _moment(reached.pop(_COUNTED_UNTIL, 0))
    # An operator may still send what is unknown; counted too early, the counter would fall.
    _add(reached, (each for each in _count(session, since, now()) if not _is_undecided(each[0])))
    return reached


def fold(session: Session) -> None:
    """Add what has settled since the last time to the stored totals."""
    session.connection().execute(
        text(
            "INSERT INTO metric_total (name, labels, value) VALUES ('counted_until', '[]', 0) "
            "ON CONFLICT DO NOTHING"
        )
    )
    # Another process that folds at the same time waits here, and then finds nothing left.
    mark = session.get_one(MetricTotal, ("counted_until", "[]"), with_for_update=True)
    until = (now() - _SETTLING).replace(microsecond=0)
    if until.timestamp() <= mark.value:
        return
    counted: Totals = {}
    _add(counted, _count(session, _moment(mark.value), until))
    for (name, values), value in counted.items():
        labels = json.dumps(values)
        total = session.get(MetricTotal, (name, labels))
        if total is None:
            total = MetricTotal(name=name, labels=labels, value=0)
            session.add(total)
        total.value += value
    mark.value = until.timestamp()


async def keep_totals(database: Database) -> None:
    """Fold once a minute until cancelled."""
    while True:
        try:
            await database.run(fold)
        except Exception:
            log.exception("totals not kept")
        await asyncio.sleep(_EVERY)


def _stored(session: Session) -> Totals:
    # One statement, so that the sums and the moment up to which they count belong together.
    rows = session.connection().execute(
        select(col(MetricTotal.name), col(MetricTotal.labels), col(MetricTotal.value))
    )
    return {(name, tuple(json.loads(labels))): value for name, labels, value in rows}


def _is_undecided(key: Key) -> bool:
    name, labels = key
    return name == "ended" and labels[0] == MessageState.UNKNOWN


def _add(totals: Totals, counted: Iterator[tuple[Key, float]]) -> None:
    for key, value in counted:
        totals[key] = totals.get(key, 0) + value


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


def _count(session: Session, since: datetime, until: datetime) -> Iterator[tuple[Key, float]]:
    yield from _count_messages(session, since, until)
    yield from _count_attempts(session, since, until)


def _count_messages(
    session: Session, since: datetime, until: datetime
) -> Iterator[tuple[Key, float]]:
    seconds = _seconds(session, Message.created_at, Message.ended_at)
    groups = (col(Message.state), col(Message.usage_type), col(Message.saved_by_fallback))
    statement = (
        select(*groups, _bucket(seconds).label("bucket"), func.count(), func.sum(seconds))
        .where(col(Message.ended_at) >= since, col(Message.ended_at) < until)
        .group_by(*groups, text("bucket"))
    )
    for state, usage_type, was_saved, bucket, count, waited in _rows(session, statement):
        yield ("ended", (state, usage_type)), count
        if state is MessageState.SENT:
            yield ("promised_to_sent_bucket", (bucket,)), count
            yield ("promised_to_sent_sum", ()), float(waited)
        if was_saved:
            yield ("failovers", ()), count


def _count_attempts(
    session: Session, since: datetime, until: datetime
) -> Iterator[tuple[Key, float]]:
    seconds = col(DeliveryAttempt.duration)
    groups = (col(DeliveryAttempt.connector_id), col(DeliveryAttempt.outcome))
    # An id begins with the time it was made, which is when the attempt had ended.
    made = col(DeliveryAttempt.id)
    statement = (
        select(*groups, _bucket(seconds).label("bucket"), func.count(), func.sum(seconds))
        .where(made >= first_id(since), made < first_id(until))
        .group_by(*groups, text("bucket"))
    )
    for connector, outcome, bucket, count, taken in _rows(session, statement):
        labels = (connector or "",)
        yield ("attempts", (*labels, outcome)), count
        if outcome not in _NOT_TRIED:
            yield ("attempt_bucket", (*labels, bucket)), count
            yield ("attempt_sum", labels), float(taken)


def _rows(session: Session, statement: Select[Any]) -> Iterator[Any]:
    yield from session.connection().execute(statement)


def _bucket(seconds: Any) -> Any:
    bounds = ((seconds <= bound, literal(str(bound))) for bound in BUCKETS)
    return case(*bounds, else_=literal("+Inf"))


def _seconds(session: Session, start: Any, end: Any) -> Any:
    if session.get_bind().dialect.name == "sqlite":
        return (func.julianday(end) - func.julianday(start)) * 86_400
    return func.extract("epoch", end - start)

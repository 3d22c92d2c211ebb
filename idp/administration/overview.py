"""How mail has been doing lately."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal, union_all
from sqlmodel import Session, col, func, select

from idp.outbox.log import Backlog, backlog
from idp.storage.tables import (
    WAITING,
    Client,
    Connector,
    DeliveryAttempt,
    Message,
    MessageState,
    now,
)

HOURS = 24
_LOST = frozenset({MessageState.FAILED, MessageState.EXPIRED, MessageState.UNKNOWN})
CONSOLE = "idp-console"
"""The client_id of the console, which is an application itself."""


@dataclass(frozen=True)
class Hour:
    """What became of the mails that ended in one hour."""

    begins: datetime
    sent: int = 0
    failed: int = 0
    """Failed, expired or perhaps sent."""

    def plus(self, state: MessageState, count: int) -> "Hour":
        """Return it with some more mails that ended like this."""
        sent = self.sent + (count if state is MessageState.SENT else 0)
        failed = self.failed + (count if state in _LOST else 0)
        return replace(self, sent=sent, failed=failed)


@dataclass(frozen=True)
class Overview:
    """The last day, what waits, and what went wrong last."""

    hours: list[Hour]
    deferred: int
    backlog: Backlog
    last_error: Message | None
    has_connector: bool
    has_application: bool

    @property
    def finished_hours(self) -> dict[datetime, Hour]:
        """Return those that no mail ends in any more, whatever a clock or a commit is late by."""
        return {hour.begins: hour for hour in self.hours[:-2]}

    @property
    def sent(self) -> int:
        return sum(hour.sent for hour in self.hours)

    @property
    def failed(self) -> int:
        return sum(hour.failed for hour in self.hours)


def overview(session: Session, known: Mapping[datetime, Hour]) -> Overview:
    """Return it; every query reads one index from one end, and no hour that is `known`."""
    deferred = select(func.count()).select_from(Message).where(WAITING, col(Message.attempts) > 0)
    applications = select(Client.id).where(Client.id != CONSOLE).limit(1)
    return Overview(
        hours=_hours(session, known),
        deferred=session.exec(deferred).one(),
        backlog=backlog(session),
        last_error=_last_error(session),
        has_connector=session.exec(select(Connector.id).limit(1)).first() is not None,
        has_application=session.exec(applications).first() is not None,
    )


def _hours(session: Session, known: Mapping[datetime, Hour]) -> list[Hour]:
    """Count by when mails ended, each hour as one stretch of an index that holds all it takes."""
    this_hour = now().replace(minute=0, second=0, microsecond=0)
    begins = [this_hour - timedelta(hours=ago) for ago in reversed(range(HOURS))]
    asked = [place for place, first in enumerate(begins) if first not in known]
    counts = [_ended_between(place, begins[place]) for place in asked]
    hours = [known.get(first) or Hour(first) for first in begins]
    for place, state, count in session.connection().execute(union_all(*counts)):
        hours[place] = hours[place].plus(MessageState(state), count)
    return hours


def _ended_between(place: int, first: datetime) -> Any:
    ended_at, state = col(Message.ended_at), col(Message.state)
    within = ended_at >= first, ended_at < first + timedelta(hours=1)
    return select(literal(place), state, func.count()).where(*within).group_by(state)


def _last_error(session: Session) -> Message | None:
    """Return the mail that last had a failed attempt, among the newest attempts."""
    newest = (
        select(DeliveryAttempt.message_id, DeliveryAttempt.outcome, DeliveryAttempt.id)
        .order_by(col(DeliveryAttempt.id).desc())
        .limit(1000)
        .subquery()
    )
    last = (
        select(newest.c.message_id)
        .where(newest.c.outcome != "sent")
        .order_by(newest.c.id.desc())
        .limit(1)
    )
    return session.exec(select(Message).where(col(Message.id) == last.scalar_subquery())).first()

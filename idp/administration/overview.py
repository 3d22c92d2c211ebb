"""How mail has been doing lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from idp.outbox.log import Backlog, backlog
from idp.storage.secrets import first_id
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
    """What became of the mails promised in one hour."""

    begins: datetime
    sent: int = 0
    failed: int = 0
    """Failed, expired or perhaps sent."""


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
    def sent(self) -> int:
        return sum(hour.sent for hour in self.hours)

    @property
    def failed(self) -> int:
        return sum(hour.failed for hour in self.hours)


def overview(session: Session) -> Overview:
    """Return it; every query reads one index from one end."""
    deferred = select(func.count()).select_from(Message).where(WAITING, col(Message.attempts) > 0)
    applications = select(Client.id).where(Client.id != CONSOLE).limit(1)
    return Overview(
        hours=_hours(session),
        deferred=session.exec(deferred).one(),
        backlog=backlog(session),
        last_error=_last_error(session),
        has_connector=session.exec(select(Connector.id).limit(1)).first() is not None,
        has_application=session.exec(applications).first() is not None,
    )


def _hours(session: Session) -> list[Hour]:
    """Count by when mails were promised, which the front of their ids tells (RFC 9562 §5.7)."""
    first = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    minute = func.substr(col(Message.id), 1, 8)  # the upper 32 bits of the 48 of its time
    statement = (
        select(minute, col(Message.state), func.count())
        .where(col(Message.id) >= first_id(first))
        .group_by(minute, col(Message.state))
    )
    sent, failed = [0] * HOURS, [0] * HOURS
    for prefix, state, count in session.exec(statement):
        seconds = (int(prefix, 16) << 16) / 1000 - first.timestamp()
        place = min(max(int(seconds // 3600), 0), HOURS - 1)
        sent[place] += count if state is MessageState.SENT else 0
        failed[place] += count if state in _LOST else 0
    hours = (first + timedelta(hours=place) for place in range(HOURS))
    return [Hour(begins, *counts) for begins, *counts in zip(hours, sent, failed, strict=True)]


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

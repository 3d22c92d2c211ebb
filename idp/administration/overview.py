"""How mail has been doing lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case
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
CONSOLE = "idp-console"
"""The client_id of the console, which is an application itself."""


@dataclass(frozen=True)
class Hour:
    """What ended in one hour."""

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
    this_hour = now().replace(minute=0, second=0, microsecond=0)
    begins = [this_hour - timedelta(hours=ago) for ago in reversed(range(HOURS))]
    ended = col(Message.ended_at)
    place = case(*((ended < moment, i) for i, moment in enumerate(begins[1:])), else_=HOURS - 1)
    sent = col(Message.state) == MessageState.SENT
    statement = (
        select(place.label("place"), sent.label("sent"), func.count())
        .where(ended >= begins[0], col(Message.state) != MessageState.CANCELLED)
        .group_by("place", "sent")
    )
    counted = {(i, bool(is_sent)): n for i, is_sent, n in session.exec(statement)}
    return [
        Hour(moment, counted.get((i, True), 0), counted.get((i, False), 0))
        for i, moment in enumerate(begins)
    ]


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

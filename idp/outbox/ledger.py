"""Claim and settle: the only statements that change where a promised mail stands."""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlmodel import Session, col, select, update

from idp.storage.tables import DeliveryAttempt, Message, MessageState, now

WAITING = (MessageState.PROMISED, MessageState.SENDING)

_HOST = socket.gethostname()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one delivery: the new state and what led to it."""

    state: MessageState
    attempts: list[DeliveryAttempt]
    due_at: datetime | None = None
    connector_id: str | None = None
    provider_id: str | None = None


def new_claimant() -> str:
    """Return a name for this courier that tells later which process it lived in."""
    return f"{_HOST}/{os.getpid()}/{uuid4().hex[:8]}"


def claim(session: Session, message_id: str, claimant: str, lease: timedelta) -> Message | None:
    """Take a due message for the length of a lease; None when it ended or another has it."""
    moment = now()
    statement = (
        update(Message)
        .where(
            col(Message.id) == message_id,
            col(Message.state).in_(WAITING),
            col(Message.due_at) <= moment,
        )
        .values(
            state=MessageState.SENDING,
            due_at=moment + lease,
            attempts=col(Message.attempts) + 1,
            claimed_by=claimant,
        )
        .returning(Message)
    )
    return session.scalars(statement).one_or_none()


def settle(session: Session, claimed: Message, outcome: Outcome) -> bool:
    """Write what became of a claimed message; False when the lease was lost to another courier.

    At an end state the payload is erased. The attempts are recorded in any case.
    """
    session.add_all(outcome.attempts)
    values: dict[str, object] = {"state": outcome.state, "claimed_by": None}
    if outcome.state is MessageState.PROMISED:
        values["due_at"] = outcome.due_at
    else:
        values |= {"payload": None, "ended_at": now()}
        values |= {"connector_id": outcome.connector_id, "provider_id": outcome.provider_id}
    statement = (
        update(Message)
        .where(
            col(Message.id) == claimed.id,
            col(Message.state) == MessageState.SENDING,
            col(Message.claimed_by) == claimed.claimed_by,
            col(Message.attempts) == claimed.attempts,
        )
        .values(**values)
    )
    return bool(session.exec(statement).rowcount)


def due(session: Session, moment: datetime, limit: int) -> list[str]:
    """Return the ids of messages somebody should deliver now, the longest waiting first."""
    statement = (
        select(Message.id)
        .where(col(Message.state).in_(WAITING), col(Message.due_at) <= moment)
        .order_by(col(Message.due_at))
        .limit(limit)
    )
    return list(session.exec(statement))


def next_due(session: Session, moment: datetime) -> datetime | None:
    """Return when, after `moment`, the next message becomes due."""
    statement = (
        select(Message.due_at)
        .where(col(Message.state).in_(WAITING), col(Message.due_at) > moment)
        .order_by(col(Message.due_at))
        .limit(1)
    )
    return session.exec(statement).first()


def release_orphans(session: Session) -> None:
    """Give back what a dead process of this host had claimed, without waiting for its lease."""
    statement = select(Message).where(col(Message.state) == MessageState.SENDING)
    for message in session.exec(statement):
        if _is_orphan(message.claimed_by or ""):
            message.due_at = now()


def _is_orphan(claimant: str) -> bool:
    host, _, process = claimant.partition("/")
    pid = process.partition("/")[0]
    if host != _HOST or not pid.isdecimal():
        return False
    return int(pid) == os.getpid() or not _is_alive(int(pid))


def _is_alive(pid: int) -> bool:
    try:
        with suppress(PermissionError):  # of another user, so it lives
            os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

"""Claim and settle: the only statements that change where a promised mail stands.

Each takes many mails at once, because a transaction costs more than a row.
"""

import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, null
from sqlmodel import Session, col, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from idp.outbox import breakers, policy
from idp.outbox.attempt import ATTEMPTS
from idp.outbox.breakers import Note, Turn
from idp.storage.clock import from_now
from idp.storage.lists import one_of
from idp.storage.statements import Statement, plan_once
from idp.storage.tables import (
    WAITING,
    DeliveryAttempt,
    Message,
    MessageState,
    Priority,
    Worker,
)

DEAD_AFTER = timedelta(seconds=6)
"""A worker that has not reported itself for so long is taken for dead."""

_HOST = socket.gethostname()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one delivery: the new state, what led to it, what it says of connectors."""

    state: MessageState
    moment: datetime
    attempts: list[DeliveryAttempt] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    due_at: datetime | None = None
    connector_id: str | None = None
    provider_id: str | None = None
    reason: str | None = None

    @property
    def saved_by_fallback(self) -> bool:
        """Tell whether it was sent, but not by the first instance that was asked."""
        return self.state is MessageState.SENT and len(self.attempts) > 1


@dataclass(frozen=True)
class Settled:
    """Whether the outcome counted, and which breakers its attempts turned, attempt by attempt."""

    kept: bool
    turns: dict[str, Turn]


def new_claimant() -> str:
    """Return a name for this courier that tells later which process it lived in."""
    return f"{_HOST}/{os.getpid()}/{uuid4().hex[:8]}"


def _claiming(chosen: SelectOfScalar[str]) -> Statement[Message]:
    """Return the statement that takes the chosen messages, without those others just take."""
    statement = (
        update(Message)
        .where(col(Message.id).in_(chosen.with_for_update(skip_locked=True)))
        .values(
            interrupted=col(Message.state) == MessageState.SENDING,
            state=MessageState.SENDING,
            due_at=from_now("lease"),
            attempts=col(Message.attempts) + 1,
            claimed_by=bindparam("claimant"),
        )
        .returning(Message)
    )
    return Statement(statement, returning=Message)


_CLAIM = _claiming(
    select(Message.id).where(
        one_of(col(Message.id), "ids"),
        WAITING,
        col(Message.due_at) <= from_now(),
    )
)
_CLAIM_DUE = _claiming(
    select(Message.id)
    .where(WAITING, col(Message.due_at) <= from_now("since"))
    .order_by(col(Message.priority), col(Message.due_at))
    .limit(bindparam("most"))
)


def claim(
    session: Session, message_ids: Sequence[str], claimant: str, lease: timedelta = policy.LEASE
) -> list[Message]:
    """Take those that are due for the length of a lease; who ended or is another's is left out.

    The clock is the database's: a lease begins at `due_at - lease` of the row returned.
    """
    plan_once(session)
    seconds = lease.total_seconds()
    return _CLAIM.all(session, ids=message_ids, claimant=claimant, lease=seconds)


def claim_due(
    session: Session, limit: int, claimant: str, *, overdue_by: float = 0.0
) -> list[Message]:
    """Take up to `limit` messages that are due, in the order they should leave.

    `overdue_by` leaves out those that became due less than so many seconds ago.
    """
    plan_once(session)
    values = {"claimant": claimant, "lease": policy.LEASE.total_seconds(), "since": -overdue_by}
    taken = _CLAIM_DUE.all(session, most=limit, **values)
    return sorted(taken, key=lambda message: (message.priority, message.id))


_SETTLE = Statement[None](
    update(Message)
    .where(col(Message.id) == bindparam("of"))
    .values(
        {name: bindparam(name) for name in ("state", "due_at", "payload", "ended_at", "reason")}
        | {name: bindparam(name) for name in ("connector_id", "provider_id", "saved_by_fallback")}
        | {"claimed_by": null()}
    )
)


def settle(session: Session, outcomes: Sequence[tuple[Message, Outcome]]) -> list[Settled]:
    """Write what became of claimed messages, unless the lease was lost to another courier.

    At an end the payload is erased. The attempts, and what they say of the connectors, are recorded
    in any case.
    """
    held = _still_held(session, [claimed for claimed, _ in outcomes])
    kept = [claimed.id in held for claimed, _ in outcomes]
    for outcome, is_kept in zip(outcomes, kept, strict=True):
        if is_kept:
            _SETTLE.send(session, **_values(*outcome))
        for attempt in outcome[1].attempts:
            ATTEMPTS.add(session, attempt)
    notes = [note for _, outcome in outcomes for note in outcome.notes]
    turns = iter(breakers.record(session, notes))
    return [
        Settled(
            is_kept, {note.connector_id: turn for note in outcome.notes if (turn := next(turns))}
        )
        for (_, outcome), is_kept in zip(outcomes, kept, strict=True)
    ]


_HELD = Statement[tuple[str, str | None, int]](
    select(Message.id, Message.claimed_by, Message.attempts)
    .where(
        one_of(col(Message.id), "ids"),
        col(Message.state) == MessageState.SENDING,
    )
    .order_by(col(Message.id))
    .with_for_update()
)


def _still_held(session: Session, claimed: Iterable[Message]) -> set[str]:
    """Lock the rows; return the ids of those nobody has claimed, retried or cancelled since."""
    mine = {message.id: (message.claimed_by, message.attempts) for message in claimed}
    rows = _HELD.all(session, ids=list(mine))
    return {message_id for message_id, *holder in rows if mine[message_id] == tuple(holder)}


def _values(claimed: Message, outcome: Outcome) -> dict[str, Any]:
    is_waiting = outcome.state is MessageState.PROMISED
    # An operator may still decide that a mail perhaps sent is sent again.
    keeps_payload = is_waiting or outcome.state is MessageState.UNKNOWN
    return {
        "of": claimed.id,
        "state": outcome.state,
        "due_at": outcome.due_at if is_waiting else claimed.due_at,
        "payload": claimed.payload if keeps_payload else None,
        "ended_at": None if is_waiting else outcome.moment,
        "connector_id": outcome.connector_id,
        "provider_id": outcome.provider_id,
        "saved_by_fallback": outcome.saved_by_fallback,
        "reason": outcome.reason,
    }


_NEXT_DUE = Statement[tuple[datetime | None, ...]](
    select(
        *(
            select(func.min(Message.due_at))
            .where(
                WAITING,
                col(Message.priority) == priority,
                col(Message.due_at) > bindparam("after"),
            )
            .scalar_subquery()
            for priority in Priority
        )
    )
)


def next_due(session: Session, after: datetime) -> datetime | None:
    """Return when, after this moment, the next message becomes due."""
    earliest = _NEXT_DUE.first(session, after=after) or ()
    return min((due_at for due_at in earliest if due_at), default=None)


def release_orphans(session: Session) -> None:
    """Give back what a dead process of this host had claimed, without waiting for its lease."""
    statement = select(Message).where(WAITING, col(Message.state) == MessageState.SENDING)
    for message in session.exec(statement):
        if _is_orphan(message.claimed_by or ""):
            message.due_at = from_now()  # type: ignore[assignment] # computed by the database


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


def release_dead(session: Session) -> list[str]:
    """Give back what workers had claimed that no longer report themselves; return the ids.

    A claim younger than their silence is left alone: after an outage of the database every worker
    has been silent, and may just have begun again. A mail that must not be sent twice keeps its
    lease, for its worker may only be slow.
    """
    silence = DEAD_AFTER.total_seconds()
    alive = select(Worker.name).where(col(Worker.seen_at) > from_now(-silence))
    statement = (
        update(Message)
        .where(
            WAITING,
            col(Message.state) == MessageState.SENDING,
            col(Message.claimed_by).not_in(alive),
            col(Message.priority) == Priority.CODE,
            col(Message.due_at) > from_now(),
            col(Message.due_at) < from_now(policy.LEASE.total_seconds() - silence),
        )
        .values(due_at=from_now())
        .returning(col(Message.id))
    )
    return list(session.scalars(statement))


def report_worker(session: Session, worker: Worker) -> None:
    """Say that this worker lives, and how it is doing."""
    state = worker.model_dump(include={"wake_seconds", "gauges"})
    statement = update(Worker).where(col(Worker.name) == worker.name)
    if not session.exec(statement.values(seen_at=from_now(), **state)).rowcount:
        session.add(worker)

"""What an operator can see of promised mails, and do about them: plain units of work."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, func, select

from idp.outbox.promise import Defer
from idp.storage.clock import from_now
from idp.storage.tables import (
    WAITING,
    Breaker,
    DeliveryAttempt,
    Message,
    MessageState,
    Priority,
    Worker,
    now,
)

_FRESH = timedelta(seconds=30)


class NotPossible(Exception):
    """The message is not in a state that allows it; one sentence for an operator."""


@dataclass(frozen=True)
class Backlog:
    """What has not ended; `oldest_overdue` is in seconds, 0 when nothing is late."""

    promised: int
    sending: int
    oldest_overdue: float


def list_messages(  # noqa: PLR0913 (each is a filter)
    session: Session,
    *,
    states: Collection[MessageState] = (),
    usage_type: str | None = None,
    recipient_hashes: Sequence[str] = (),
    connector_id: str | None = None,
    since: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Message]:
    """Return messages, newest first, with ids from `since` on and below `before`."""
    statement = select(Message).order_by(col(Message.id).desc()).limit(limit)
    if states:
        statement = statement.where(col(Message.state).in_(states))
    if usage_type:
        statement = statement.where(col(Message.usage_type) == usage_type)
    if recipient_hashes:
        statement = statement.where(col(Message.recipient_hash).in_(recipient_hashes))
    if connector_id:
        statement = statement.where(col(Message.connector_id) == connector_id)
    if since:
        statement = statement.where(col(Message.id) >= since)
    if before:
        statement = statement.where(col(Message.id) < before)
    return list(session.exec(statement))


def message_with_attempts(
    session: Session, message_id: str
) -> tuple[Message, list[DeliveryAttempt]] | None:
    """Return a message and every attempt at it, in the order they were made."""
    message = session.get(Message, message_id)
    if message is None:
        return None
    attempts = select(DeliveryAttempt).where(DeliveryAttempt.message_id == message_id)
    in_order = (col(DeliveryAttempt.number), col(DeliveryAttempt.started_at))
    return message, list(session.exec(attempts.order_by(*in_order, col(DeliveryAttempt.id))))


def attempts_since(session: Session, first: str) -> list[tuple[DeliveryAttempt, Message]]:
    """Return the attempts with ids from this one on, each with its message, oldest first."""
    made = select(DeliveryAttempt, Message).join(Message)
    made = made.where(col(DeliveryAttempt.id) >= first).order_by(col(DeliveryAttempt.id))
    return list(session.exec(made))


def retry_now(session: Session, message_id: str, defer: Defer) -> Message:
    """Have a message delivered at once that waits, or that was perhaps sent.

    Raises NotPossible: when it ended otherwise its content is gone.
    """
    message = _locked(session, message_id)
    if message.state is MessageState.UNKNOWN and not (message.payload and message.deadline > now()):
        raise NotPossible("Its deadline has passed, so its content is gone.")
    _refuse_unless(message, "sent again")
    message.state, message.ended_at, message.reason = MessageState.PROMISED, None, None
    message.interrupted = False
    message.due_at = from_now()  # type: ignore[assignment] # computed by the database
    return _saved(session, message, defer)


def cancel(session: Session, message_id: str) -> Message:
    """End a message that waits, or that was perhaps sent; raises NotPossible."""
    message = _locked(session, message_id)
    _refuse_unless(message, "cancelled")
    message.state, message.ended_at, message.payload = MessageState.CANCELLED, now(), None
    message.reason = "Cancelled by an operator."
    return _saved(session, message)


def _locked(session: Session, message_id: str) -> Message:
    statement = select(Message).where(Message.id == message_id).with_for_update()
    message = session.exec(statement).first()
    if message is None:
        raise NotPossible(f"There is no message {message_id!r}.")
    return message


def _refuse_unless(message: Message, done: str) -> None:
    if message.state is MessageState.SENDING:
        raise NotPossible(f"It is being sent just now, so it cannot be {done}.")
    if message.state not in {MessageState.PROMISED, MessageState.UNKNOWN}:
        raise NotPossible(f"It has ended ({message.state.value}), so it cannot be {done}.")


def _saved(session: Session, message: Message, defer: Defer | None = None) -> Message:
    session.add(message)
    session.flush()
    session.refresh(message)
    if defer:
        defer(session, message, 0.0)
    return message


def backlog(session: Session) -> Backlog:
    """Count what has not ended, and say for how long the most neglected of it has been due."""
    counted = dict(
        session.exec(
            select(Message.state, func.count()).where(WAITING).group_by(col(Message.state))
        ).all()
    )
    oldest = [
        select(func.min(Message.due_at))
        .where(WAITING, col(Message.priority) == priority)
        .scalar_subquery()
        for priority in Priority
    ]
    moment, *due = session.exec(select(from_now(), *oldest)).one()
    overdue = max(((moment - due_at).total_seconds() for due_at in due if due_at), default=0.0)
    return Backlog(
        counted.get(MessageState.PROMISED, 0), counted.get(MessageState.SENDING, 0), max(overdue, 0)
    )


def breakers(session: Session) -> list[Breaker]:
    """Return how every connector instance has been doing."""
    return list(session.exec(select(Breaker)))


def workers(session: Session) -> list[Worker]:
    """Return the workers that reported themselves lately."""
    fresh = col(Worker.seen_at) > from_now(-_FRESH.total_seconds())
    return list(session.exec(select(Worker).where(fresh)))

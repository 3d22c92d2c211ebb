"""How far a mail is, as coarse as the person who waits for it may know."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlmodel import Session, col, select

from idp.connector_kit import UsageType
from idp.storage.tables import WAITING, Message, MessageState, now

_LATE = timedelta(seconds=10)


class Progress(StrEnum):
    """What a person may be told of a mail."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DELAYED = "delayed"
    FAILED = "failed"


def progress(message: Message, moment: datetime) -> Progress:
    """Return how far this mail is; tell it only to who asked for a mail that is sent in any case.

    A silent mail, cancelled at once, would show that its address has no account.
    """
    if message.state in {MessageState.SENT, MessageState.UNKNOWN}:
        return Progress.ACCEPTED
    if message.state in {MessageState.PROMISED, MessageState.SENDING}:
        return Progress.DELAYED if moment - message.created_at > _LATE else Progress.QUEUED
    return Progress.FAILED


def general_progress(session: Session) -> Progress:
    """Return how far mails are at the moment, whatever became of a certain one.

    Only mails that are sent in any case count: among the others, a delay would show which of them
    are real.
    """
    late = select(Message.id).where(
        WAITING,
        col(Message.usage_type).in_((UsageType.REGISTER, UsageType.SIGN_IN)),
        col(Message.created_at) < now() - _LATE,
    )
    return Progress.DELAYED if session.exec(late.limit(1)).first() else Progress.QUEUED

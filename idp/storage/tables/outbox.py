"""Promised mails, the attempts at them, and who makes them."""

from datetime import datetime
from enum import IntEnum, StrEnum

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id
from idp.storage.tables.columns import enumerated, now


class MessageState(StrEnum):
    """Where a promised mail stands; the last five are ends."""

    PROMISED = "promised"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Priority(IntEnum):
    """What goes out first when mails queue: the mail a person waits for."""

    CODE = 0
    NOTICE = 1
    BULK = 2


WAITING = text("state IN ('promised', 'sending')")
"""Mails that have not ended; written out, because only then a partial index is used."""

UNKNOWN = text("state = 'unknown'")
NOT_SENT = text("state NOT IN ('promised', 'sending', 'sent')")
"""Mails somebody may look for among all that went well; `NOT IN`, or SQLite walks by it."""

_ENDED = text("ended_at IS NOT NULL")


class Message(SQLModel, table=True):
    """One promised mail: the only truth about whether it was, or still must be, sent."""

    __table_args__ = (
        # Claims read this index alone, so ended rows cost nothing.
        Index(
            "ix_message_priority_due_at",
            *("priority", "due_at"),
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        ),
        Index("ix_message_deadline", "deadline", sqlite_where=UNKNOWN, postgresql_where=UNKNOWN),
        # How many ended how in an hour is counted in this index, without a look at the rows.
        Index(
            "ix_message_ended_at",
            *("ended_at", "state"),
            sqlite_where=_ENDED,
            postgresql_where=_ENDED,
        ),
        Index(
            "ix_message_not_sent",
            *("state", "id"),
            sqlite_where=NOT_SENT,
            postgresql_where=NOT_SENT,
        ),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    """Also the idempotency key and the left part of the Message-ID, the same at every attempt."""
    channel: str = "email"
    """How it leaves: as a mail, or posted to another program."""
    usage_type: str
    priority: int = Priority.CODE
    recipient: str
    """Sealed address: of a mailbox, or of the program it is posted to."""
    recipient_hash: str = Field(index=True)
    locale: str
    payload: str | None = None
    """Sealed variables and custom template; erased when the mail ends."""
    state: MessageState = Field(default=MessageState.PROMISED, sa_column=enumerated(MessageState))
    due_at: datetime
    """When somebody may claim it: schedule, back-off and lease in one."""
    deadline: datetime
    attempts: int = 0
    claimed_by: str | None = None
    interrupted: bool = False
    """The claim before this one never said how it ended: whether it sent the mail is unknown."""
    connector_id: str | None = None
    """The instance that sent it."""
    provider_id: str | None = None
    saved_by_fallback: bool = False
    """Sent, but an instance that comes first could not: somebody should look at that one."""
    reason: str | None = None
    """Why it was not sent, or not yet: one sentence without secrets or addresses."""
    created_at: datetime = Field(default_factory=now)
    ended_at: datetime | None = None


class DeliveryAttempt(SQLModel, table=True):
    """One attempt to hand one mail to one connector instance."""

    __tablename__ = "delivery_attempt"

    id: str = Field(default_factory=new_id, primary_key=True)
    message_id: str = Field(foreign_key="message.id", index=True, ondelete="CASCADE")
    number: int
    connector_id: str | None = None
    started_at: datetime
    duration: float
    """Seconds."""
    outcome: str
    error: str | None = None
    stage: str | None = None
    reply_code: int | None = None
    enhanced_code: str | None = None
    reply: str | None = None
    transcript: str | None = None
    """What was said on the wire, masked; only kept when the administrator asked for it."""


class Worker(SQLModel, table=True):
    """A process that delivers, as it last reported itself."""

    name: str = Field(primary_key=True)
    carrier: str
    started_at: datetime = Field(default_factory=now)
    seen_at: datetime = Field(default_factory=now)
    wake_seconds: float | None = None
    """How long the last wake-up took to arrive; None when it was lost, or none is needed."""
    gauges: dict[str, dict[str, float]] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False)
    )
    """What its connectors say of themselves, by instance and name."""


class MetricTotal(SQLModel, table=True):
    """What a counter of /metrics has reached, for the time whose rows may be deleted already."""

    __tablename__ = "metric_total"

    name: str = Field(primary_key=True)
    labels: str = Field(primary_key=True)
    """The values of its labels, as a JSON list."""
    value: float

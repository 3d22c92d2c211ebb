"""Codes under way, and what counts against the limits."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id
from idp.storage.tables.columns import now


class Verification(SQLModel, table=True):
    """A proof of address under way: codes sent for one purpose, with one shared attempt counter."""

    id: str = Field(default_factory=new_id, primary_key=True)
    usage_type: str
    address: str = Field(index=True)
    """Keyed hash of the normalised address."""
    attempts: int = 0
    sends: int = 0
    message_id: str | None = None
    """The newest mail with a code, whose progress the browser that asked may see."""
    sent_at: datetime
    expires_at: datetime = Field(index=True)


class VerificationCode(SQLModel, table=True):
    """One mailed code, as a keyed hash only."""

    __tablename__ = "verification_code"

    keyed_hash: str = Field(primary_key=True)
    verification_id: str = Field(foreign_key="verification.id", index=True, ondelete="CASCADE")
    expires_at: datetime


class CodeSend(SQLModel, table=True):
    """One mailed code, counted against the limits of its address."""

    __tablename__ = "code_send"
    __table_args__ = (Index("ix_code_send_address_sent_at", "address", "sent_at"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    address: str
    """The bucket it counts in: keyed hash of the address, for known browsers with theirs."""
    sent_at: datetime = Field(default_factory=now)


class FailedAttempt(SQLModel, table=True):
    """One wrong code or password, counted against its address; survives flows and resends."""

    __tablename__ = "failed_attempt"
    __table_args__ = (Index("ix_failed_attempt_bucket_failed_at", "bucket", "failed_at"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    bucket: str
    failed_at: datetime = Field(default_factory=now)

"""What administrators did."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id
from idp.storage.tables.columns import now


class AuditEntry(SQLModel, table=True):
    """One thing somebody did, or was refused, on the administrator's side."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_target", "target_type", "target_id"),
        Index("ix_audit_entry_action", "action", "id"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    """Sorts by time."""
    actor_type: str
    """`user` in the console, `client` at the API, `cli` on the machine itself."""
    actor_id: str | None = Field(default=None, index=True)
    action: str
    """What was done, such as `connector.update`."""
    target_type: str | None = None
    target_id: str | None = None
    refused: bool = False
    ip: str | None = None
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Names of what changed and harmless values; never a secret, a code or a template's text."""
    created_at: datetime = Field(default_factory=now)

"""Connector instances, how they are doing, and the administrator's wording."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id
from idp.storage.tables.columns import enumerated, now


class Connector(SQLModel, table=True):
    """A connector instance: one saved set of settings for one connector class."""

    id: str = Field(default_factory=new_id, primary_key=True)
    connector_id: str
    """The id of the connector class, such as `simple-mail-transfer-protocol`."""
    config: str
    """Sealed settings as the administrator wrote them."""
    version: int = 1
    position: int = 0
    """Order of failover: the lowest sends first."""
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)


class BreakerState(StrEnum):
    """Whether mails are given to a connector instance."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker(SQLModel, table=True):
    """How a connector instance has been doing, known to every worker; no row means: well."""

    connector_id: str = Field(primary_key=True, foreign_key="connector.id", ondelete="CASCADE")
    state: BreakerState = Field(default=BreakerState.CLOSED, sa_column=enumerated(BreakerState))
    failures: int = 0
    """Failures in a row, of different mails: one bad mail that is tried often counts once."""
    last_message_id: str | None = None
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    """When it is open: from when on one mail may try. Half open: when that trial is given up."""
    last_resort_at: datetime | None = None
    """The same for the time in which no other instance works: waiting longer would help nobody."""
    reason: str | None = None
    """What the last failure said, without secrets or addresses."""
    updated_at: datetime = Field(default_factory=now)


class CustomTemplate(SQLModel, table=True):
    """An administrator's wording of one kind of mail in one language."""

    __tablename__ = "custom_template"

    language_tag: str = Field(primary_key=True)
    usage_type: str = Field(primary_key=True)
    template: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    updated_at: datetime = Field(default_factory=now)


class CustomTemplateVersion(SQLModel, table=True):
    """What a custom template said from a moment on, and who wrote it; so it can be brought back."""

    __tablename__ = "custom_template_version"
    __table_args__ = (Index("ix_custom_template_version_of", "language_tag", "usage_type", "id"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    """Sorts by time."""
    language_tag: str
    usage_type: str
    template: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """None: from then on there was none."""
    actor_type: str | None = None
    """None for what was there before the history began."""
    actor_id: str | None = None
    created_at: datetime = Field(default_factory=now)

"""People, the browsers they are signed in with, and what they let applications have."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id
from idp.storage.tables.columns import compared_by_byte, now


class User(SQLModel, table=True):
    """A person with an account; `claims` holds further standard claims of OIDC Core §5.1."""

    id: str = Field(default_factory=new_id, primary_key=True)
    email: str
    email_key: str = Field(sa_column=compared_by_byte(unique=True))
    """The address normalised for comparison."""
    email_verified: bool = False
    password_hash: str | None = None
    locale: str | None = None
    second_step_by_mail: bool = False
    """The person wants a code by mail asked for after the password."""
    claims: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    suspended_at: datetime | None = None
    roles: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """`admin` lets a person into the console."""


class BrowserSession(SQLModel, table=True):
    """A browser in which a person is signed in, found by the fingerprint of its cookie."""

    __tablename__ = "browser_session"

    fingerprint: str = Field(primary_key=True)
    id: str = Field(default_factory=new_id, unique=True)
    """The `sid` of id tokens; says nothing about the cookie."""
    user_id: str = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    auth_time: datetime = Field(default_factory=now)
    amr: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Authentication methods used (RFC 8176)."""
    proven_at: datetime = Field(default_factory=now)
    """When the person last proved who they are: at sign-in, or before a change to the account."""
    remembered: bool = True
    """The cookie outlives the browser; otherwise a shorter idle time applies."""
    ip: str | None = None
    device: str | None = None
    """Browser and system in a few words."""
    last_seen_at: datetime = Field(default_factory=now)
    expires_at: datetime


class KnownDevice(SQLModel, table=True):
    """A browser in which a person signed in before, by the fingerprint of its lasting cookie."""

    __tablename__ = "known_device"

    user_id: str = Field(primary_key=True, foreign_key="user.id", ondelete="CASCADE")
    fingerprint: str = Field(primary_key=True)
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)


class Consent(SQLModel, table=True):
    """What a person let an application of somebody else have; asked only once."""

    user_id: str = Field(foreign_key="user.id", primary_key=True, ondelete="CASCADE")
    client_id: str = Field(foreign_key="client.id", primary_key=True, ondelete="CASCADE")
    scope: str
    granted_at: datetime = Field(default_factory=now)

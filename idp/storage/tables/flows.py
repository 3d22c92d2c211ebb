"""What is under way in a browser: authorization requests, flows, challenges, mailed links."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from idp.storage.tables.columns import enumerated, now


class Interaction(SQLModel, table=True):
    """One pending authorization request, bound to the browser that made it."""

    id: str = Field(primary_key=True)
    browser: str
    """Fingerprint of the browser's cookie."""
    client_id: str | None = Field(default=None, foreign_key="client.id", ondelete="CASCADE")
    """Missing when the person only signs in to go on at the page for devices."""
    parameters: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    """The validated request, as it came."""
    account_id: str | None = None
    """The person who was chosen where several might use this browser."""
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)


class FlowKind(StrEnum):
    """What the person came to do."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    FORGOT_PASSWORD = "forgot_password"


class Flow(SQLModel, table=True):
    """How far a person got in one flow; the page is drawn from this row, never from the browser."""

    id: str = Field(primary_key=True)
    kind: FlowKind = Field(sa_column=enumerated(FlowKind))
    browser: str
    interaction_id: str | None = Field(
        default=None, foreign_key="interaction.id", ondelete="SET NULL"
    )
    email: str
    email_key: str
    locale: str
    verification_id: str | None = None
    """The code the person must type, once one was sent."""
    proven_at: datetime | None = None
    """When the address was proven by a code."""
    finished_at: datetime | None = None
    remembered: bool = True
    """The person wants to stay signed in."""
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)


class Challenge(SQLModel, table=True):
    """A code somebody with an account must type before they get on; bound to their browser."""

    id: str = Field(primary_key=True)
    usage_type: str
    browser: str
    user_id: str = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    session_id: str | None = None
    """The browser session it belongs to; none while the person is still signing in."""
    email: str
    email_key: str
    locale: str
    verification_id: str
    location: str
    """Where the person goes once the code is right."""
    amr: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """What was proven before."""
    remembered: bool = True
    finished_at: datetime | None = None
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)


class LinkPurpose(StrEnum):
    """What the button behind a mailed link does."""

    UNDO_ADDRESS = "undo_address"
    INVITATION = "invitation"
    PROOF = "proof"
    ADMINISTRATOR = "administrator"


class MailedLink(SQLModel, table=True):
    """A link a mail carries: opening it changes nothing, its button works once."""

    __tablename__ = "mailed_link"

    fingerprint: str = Field(primary_key=True)
    purpose: LinkPurpose = Field(sa_column=enumerated(LinkPurpose))
    email: str
    user_id: str | None = Field(default=None, foreign_key="user.id", index=True, ondelete="CASCADE")
    flow_id: str | None = Field(default=None, foreign_key="flow.id", index=True, ondelete="CASCADE")
    """The flow in which a link proves the address."""
    organization: str | None = None
    """The name of what an invitation invites to."""
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)
    used_at: datetime | None = None

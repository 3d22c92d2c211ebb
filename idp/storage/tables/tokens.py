"""What authorizations gave: grants, codes and tokens, and the keys that sign."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id
from idp.storage.tables.columns import enumerated, now


class Grant(SQLModel, table=True):
    """What one authorization gave one client; revoking it ends every token that came from it."""

    id: str = Field(default_factory=new_id, primary_key=True)
    client_id: str = Field(foreign_key="client.id", index=True, ondelete="CASCADE")
    user_id: str = Field(foreign_key="user.id", index=True, ondelete="CASCADE")
    session_id: str | None = Field(default=None, index=True)
    scope: str
    resource: str = ""
    """The APIs it may be used at (RFC 8707), separated by spaces."""
    nonce: str | None = None
    auth_time: datetime
    amr: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    acr: str | None = None
    claims: dict[str, list[str]] = Field(
        default_factory=dict, sa_column=Column(JSON, nullable=False)
    )
    """Names of the claims asked for one by one, for `userinfo` and for the `id_token`."""
    created_at: datetime = Field(default_factory=now)
    revoked_at: datetime | None = None


class AuthorizationCode(SQLModel, table=True):
    """An authorization code, kept after its use so that a second use is noticed."""

    __tablename__ = "authorization_code"

    fingerprint: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="grant.id", index=True, ondelete="CASCADE")
    redirect_uri: str
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    dpop_jkt: str | None = None
    """Thumbprint of the key that must redeem it (RFC 9449 §10)."""
    expires_at: datetime = Field(index=True)
    used_at: datetime | None = None


class AccessToken(SQLModel, table=True):
    """An access token, found by its fingerprint whether it is opaque or a JWT."""

    __tablename__ = "access_token"

    fingerprint: str = Field(primary_key=True)
    client_id: str = Field(foreign_key="client.id", ondelete="CASCADE")
    grant_id: str | None = Field(
        default=None, foreign_key="grant.id", index=True, ondelete="CASCADE"
    )
    """Missing when a client acts for itself."""
    scope: str
    audience: str | None = None
    """The API it is for; missing when it is for this server."""
    dpop_jkt: str | None = None
    """Thumbprint of the key it is of use with only (RFC 9449 §6)."""
    issued_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)


class RefreshToken(SQLModel, table=True):
    """A refresh token; a used one that comes back reveals a theft."""

    __tablename__ = "refresh_token"

    fingerprint: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="grant.id", index=True, ondelete="CASCADE")
    dpop_jkt: str | None = None
    """The same of a public client's (RFC 9449 §5); others prove who they are."""
    expires_at: datetime = Field(index=True)
    used_at: datetime | None = None


class DeviceAuthorization(SQLModel, table=True):
    """A device that waits for a person to let it in somewhere else (RFC 8628)."""

    __tablename__ = "device_authorization"

    fingerprint: str = Field(primary_key=True)
    """Of the device code."""
    user_code: str = Field(unique=True)
    client_id: str = Field(foreign_key="client.id", ondelete="CASCADE")
    scope: str
    interval: int
    """Seconds the device must wait between two questions."""
    polled_at: datetime | None = None
    grant_id: str | None = Field(default=None, foreign_key="grant.id", ondelete="CASCADE")
    """What the person gave."""
    denied_at: datetime | None = None
    expires_at: datetime = Field(index=True)


class SigningKeyState(StrEnum):
    """A key is published before it signs and after: clients read the keys when they like."""

    NEXT = "next"
    CURRENT = "current"
    PREVIOUS = "previous"


class SigningKey(SQLModel, table=True):
    """A key that signs tokens; `private_jwk` is sealed."""

    __tablename__ = "signing_key"
    # Two processes that start at once make the same first keys, of which one set is kept.
    __table_args__ = (UniqueConstraint("algorithm", "state"),)

    kid: str = Field(primary_key=True)
    algorithm: str
    state: SigningKeyState = Field(sa_column=enumerated(SigningKeyState))
    private_jwk: str
    created_at: datetime = Field(default_factory=now)


class PushedRequest(SQLModel, table=True):
    """An authorization request a client sent here itself (RFC 9126), found by its request_uri."""

    __tablename__ = "pushed_request"

    fingerprint: str = Field(primary_key=True)
    client_id: str = Field(foreign_key="client.id", ondelete="CASCADE")
    parameters: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    expires_at: datetime = Field(index=True)

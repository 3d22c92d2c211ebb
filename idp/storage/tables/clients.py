"""Applications, their secrets, and the APIs they may call."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id
from idp.storage.tables.columns import now


class Client(SQLModel, table=True):
    """An application that signs people in here; field names are those of RFC 7591."""

    id: str = Field(primary_key=True)
    name: str
    token_endpoint_auth_method: str = "client_secret_basic"
    jwks: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    """Public keys of a client that authenticates with private_key_jwt."""
    jwks_uri: str | None = None
    """Where such keys are found instead."""
    redirect_uris: list[str] = Field(sa_column=Column(JSON, nullable=False))
    post_logout_redirect_uris: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False)
    )
    grant_types: list[str] = Field(
        default_factory=lambda: ["authorization_code", "refresh_token"],
        sa_column=Column(JSON, nullable=False),
    )
    scope: str = "openid profile email address phone offline_access"
    first_party: bool = True
    """Belongs to whoever runs this server, so nobody is asked for consent."""
    require_pkce: bool = True
    """Public clients must use PKCE in any case."""
    id_token_signed_response_alg: str = "RS256"
    userinfo_signed_response_alg: str | None = None
    """Set for a client that wants userinfo as a signed JWT."""
    backchannel_logout_uri: str | None = None
    """Where it is told that a session has ended."""
    backchannel_logout_session_required: bool = False
    """It goes by the `sid`; every logout token has one."""
    dpop_bound_access_tokens: bool = False
    """Every token must be bound to a key of the client (RFC 9449 §5.2)."""
    created_at: datetime = Field(default_factory=now)


class ClientSecret(SQLModel, table=True):
    """One of the secrets of a client, kept as a fingerprint only; it can be replaced in peace."""

    __tablename__ = "client_secret"
    __table_args__ = (Index("ix_client_secret_client_id", "client_id", "fingerprint"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    client_id: str = Field(foreign_key="client.id", ondelete="CASCADE")
    fingerprint: str
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime | None = None


class UsedAssertion(SQLModel, table=True):
    """A client assertion or DPoP proof that was presented, kept so that nobody replays it."""

    __tablename__ = "used_assertion"

    fingerprint: str = Field(primary_key=True)
    expires_at: datetime = Field(index=True)


class ApiResource(SQLModel, table=True):
    """An API that access tokens are made for (RFC 8707); it reads them without asking us."""

    __tablename__ = "api_resource"

    identifier: str = Field(primary_key=True)
    """The absolute URI that clients name as `resource`, and the `aud` of the access tokens."""
    name: str
    scope: str = ""
    """What may be asked for at this API, separated by spaces."""
    created_at: datetime = Field(default_factory=now)

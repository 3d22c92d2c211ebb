"""Every table, as SQLModel classes; times are aware and in UTC."""

from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Enum, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from idp.storage.secrets import new_id

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _values(kind: type[StrEnum], **options: Any) -> Any:
    """Return a column that stores the values of an enumeration, as text in every database."""
    values = [member.value for member in kind]
    stored = Enum(kind, native_enum=False, length=32, values_callable=lambda _: values)
    return Column(stored, nullable=False, **options)


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


class User(SQLModel, table=True):
    """A person with an account; `claims` holds further standard claims of OIDC Core §5.1."""

    id: str = Field(default_factory=new_id, primary_key=True)
    email: str
    email_key: str = Field(unique=True)
    """The address normalised for comparison."""
    email_verified: bool = False
    password_hash: str | None = None
    locale: str | None = None
    claims: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(default_factory=now)
    updated_at: datetime = Field(default_factory=now)
    suspended_at: datetime | None = None


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


class Interaction(SQLModel, table=True):
    """One pending authorization request, bound to the browser that made it."""

    id: str = Field(primary_key=True)
    browser: str
    """Fingerprint of the browser's cookie."""
    client_id: str = Field(foreign_key="client.id", ondelete="CASCADE")
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
    kind: FlowKind = Field(sa_column=_values(FlowKind))
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


class KnownDevice(SQLModel, table=True):
    """A browser in which a person signed in before, by the fingerprint of its lasting cookie."""

    __tablename__ = "known_device"

    user_id: str = Field(primary_key=True, foreign_key="user.id", ondelete="CASCADE")
    fingerprint: str = Field(primary_key=True)
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)


class LinkPurpose(StrEnum):
    """What the button behind a mailed link does."""

    UNDO_ADDRESS = "undo_address"
    INVITATION = "invitation"
    PROOF = "proof"


class MailedLink(SQLModel, table=True):
    """A link a mail carries: opening it changes nothing, its button works once."""

    __tablename__ = "mailed_link"

    fingerprint: str = Field(primary_key=True)
    purpose: LinkPurpose = Field(sa_column=_values(LinkPurpose))
    email: str
    user_id: str | None = Field(default=None, foreign_key="user.id", index=True, ondelete="CASCADE")
    flow_id: str | None = Field(default=None, foreign_key="flow.id", index=True, ondelete="CASCADE")
    """The flow in which a link proves the address."""
    organization: str | None = None
    """The name of what an invitation invites to."""
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)
    used_at: datetime | None = None


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
        Index("ix_message_ended_at", "ended_at", sqlite_where=_ENDED, postgresql_where=_ENDED),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    """Also the idempotency key and the left part of the Message-ID, the same at every attempt."""
    channel: str = "email"
    usage_type: str
    priority: int = Priority.CODE
    recipient: str
    """Sealed address."""
    recipient_hash: str = Field(index=True)
    locale: str
    payload: str | None = None
    """Sealed variables and custom template; erased when the mail ends."""
    state: MessageState = Field(default=MessageState.PROMISED, sa_column=_values(MessageState))
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
    state: BreakerState = Field(default=BreakerState.CLOSED, sa_column=_values(BreakerState))
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


class Worker(SQLModel, table=True):
    """A process that delivers, as it last reported itself."""

    name: str = Field(primary_key=True)
    carrier: str
    started_at: datetime = Field(default_factory=now)
    seen_at: datetime = Field(default_factory=now)
    wake_seconds: float | None = None
    """How long the last wake-up took to arrive; None when it was lost, or none is needed."""


class MetricTotal(SQLModel, table=True):
    """What a counter of /metrics has reached, for the time whose rows may be deleted already."""

    __tablename__ = "metric_total"

    name: str = Field(primary_key=True)
    labels: str = Field(primary_key=True)
    """The values of its labels, as a JSON list."""
    value: float


class CustomTemplate(SQLModel, table=True):
    """An administrator's wording of one kind of mail in one language."""

    __tablename__ = "custom_template"

    language_tag: str = Field(primary_key=True)
    usage_type: str = Field(primary_key=True)
    template: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    updated_at: datetime = Field(default_factory=now)


class Client(SQLModel, table=True):
    """An application that signs people in here; field names are those of RFC 7591."""

    id: str = Field(primary_key=True)
    name: str
    token_endpoint_auth_method: str = "client_secret_basic"
    jwks: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    """Public keys of a client that authenticates with private_key_jwt."""
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
    """A client assertion that was presented, kept until it expires so that nobody replays it."""

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
    issued_at: datetime = Field(default_factory=now)
    expires_at: datetime = Field(index=True)


class RefreshToken(SQLModel, table=True):
    """A refresh token; a used one that comes back reveals a theft."""

    __tablename__ = "refresh_token"

    fingerprint: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="grant.id", index=True, ondelete="CASCADE")
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
    state: SigningKeyState = Field(sa_column=_values(SigningKeyState))
    private_jwk: str
    created_at: datetime = Field(default_factory=now)


class Consent(SQLModel, table=True):
    """What a person let an application of somebody else have; asked only once."""

    user_id: str = Field(foreign_key="user.id", primary_key=True, ondelete="CASCADE")
    client_id: str = Field(foreign_key="client.id", primary_key=True, ondelete="CASCADE")
    scope: str
    granted_at: datetime = Field(default_factory=now)


class PushedRequest(SQLModel, table=True):
    """An authorization request a client sent here itself (RFC 9126), found by its request_uri."""

    __tablename__ = "pushed_request"

    fingerprint: str = Field(primary_key=True)
    client_id: str = Field(foreign_key="client.id", ondelete="CASCADE")
    parameters: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    expires_at: datetime = Field(index=True)

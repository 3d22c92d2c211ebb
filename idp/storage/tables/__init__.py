"""Every table, as SQLModel classes; times are aware and in UTC."""

from idp.storage.tables.accounts import BrowserSession, Consent, KnownDevice, User
from idp.storage.tables.audit import AuditEntry
from idp.storage.tables.clients import ApiResource, Client, ClientSecret, UsedAssertion
from idp.storage.tables.columns import now
from idp.storage.tables.connectors import (
    Breaker,
    BreakerState,
    Connector,
    CustomTemplate,
    CustomTemplateVersion,
)
from idp.storage.tables.experience import StoredExperience
from idp.storage.tables.flows import Challenge, Flow, FlowKind, Interaction, LinkPurpose, MailedLink
from idp.storage.tables.outbox import (
    NOT_SENT,
    UNKNOWN,
    WAITING,
    DeliveryAttempt,
    Message,
    MessageState,
    MetricTotal,
    Priority,
    Worker,
)
from idp.storage.tables.tokens import (
    AccessToken,
    AuthorizationCode,
    DeviceAuthorization,
    Grant,
    PushedRequest,
    RefreshToken,
    SigningKey,
    SigningKeyState,
)
from idp.storage.tables.verification import CodeSend, FailedAttempt, Verification, VerificationCode

__all__ = [
    "NOT_SENT",
    "UNKNOWN",
    "WAITING",
    "AccessToken",
    "ApiResource",
    "AuditEntry",
    "AuthorizationCode",
    "Breaker",
    "BreakerState",
    "BrowserSession",
    "Challenge",
    "Client",
    "ClientSecret",
    "CodeSend",
    "Connector",
    "Consent",
    "CustomTemplate",
    "CustomTemplateVersion",
    "DeliveryAttempt",
    "DeviceAuthorization",
    "FailedAttempt",
    "Flow",
    "FlowKind",
    "Grant",
    "Interaction",
    "KnownDevice",
    "LinkPurpose",
    "MailedLink",
    "Message",
    "MessageState",
    "MetricTotal",
    "Priority",
    "PushedRequest",
    "RefreshToken",
    "SigningKey",
    "SigningKeyState",
    "StoredExperience",
    "UsedAssertion",
    "User",
    "Verification",
    "VerificationCode",
    "Worker",
    "now",
]

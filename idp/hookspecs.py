"""Every hook a plugin may implement, on one page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pluggy

from idp.connector_kit import EmailConnector, UsageType

hookspec = pluggy.HookspecMarker("idp")


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt:
    """One attempt to send one promised mail, as observers see it: no address, no content.

    `duration` is in seconds. `reply` is the provider's answer with secrets masked. `breaker` says
    that this attempt had the connector passed over from now on ("opened") or taken back
    ("closed"), `saved_by_fallback` that it was sent although a connector that comes first could
    not send it: both should reach an administrator.
    """

    message_id: str
    usage_type: UsageType
    connector: str
    number: int
    outcome: Literal["sent", "deferred", "failed", "expired", "skipped"]
    started_at: datetime
    duration: float
    stage: str | None = None
    reply_code: int | None = None
    enhanced_code: str | None = None
    reply: str | None = None
    breaker: Literal["opened", "closed"] | None = None
    saved_by_fallback: bool = False


@hookspec
def idp_register_email_connectors() -> Iterable[type[EmailConnector[Any]]]:
    """Return the email connector classes this plugin provides.

    Called once, before serving; no I/O.
    """


@hookspec
def idp_email_payload(
    usage_type: UsageType,
    user: Mapping[str, object] | None,
    application: Mapping[str, object] | None,
) -> Mapping[str, object] | None:
    """Add template variables for a mail about to be promised."""


@hookspec
def idp_email_attempted(attempt: DeliveryAttempt) -> None:
    """Observe one delivery attempt: sent, deferred, failed, expired, or a connector skipped.

    For alerts and metrics.
    """


@hookspec
def idp_refuse_address(email: str) -> bool | None:
    """Return True to refuse a new account to this address, of a disposable domain for example."""


@hookspec
def idp_check_form(form: Mapping[str, str], ip: str | None, locale: str) -> str | None:
    """Return a sentence to refuse a form that asks for a code or tries a password, or None."""


@hookspec
def idp_form_fields(locale: str) -> Mapping[str, str] | None:
    """Return what the forms `idp_check_form` is asked about carry: `html`, and its CSP sources."""


@hookspec
def idp_limit_reached(limit: str, retry_after: int) -> None:
    """Observe that somebody was told to wait. For alerts and metrics."""

"""What can go wrong in a connector, told apart by what the server should do next."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ProviderReply:
    """The provider's own words about a failure, with secrets already masked.

    `stage` is the step it came in (for SMTP: "connect", "auth", "rcpt", ...), `enhanced_code` an
    enhanced mail system status code (RFC 3463) such as "5.7.8".
    """

    text: str = ""
    reply_code: int | None = None
    enhanced_code: str | None = None
    stage: str | None = None


class ConnectorError(Exception):
    """Base of every failure a connector may raise.

    The message is one sentence for an administrator. It must never hold a secret, a verification
    code or a person's address, nor must `transcript`: the dialogue, if the settings ask for it.
    """

    transcript: str | None = None

    def __init__(self, message: str, *, reply: ProviderReply | None = None) -> None:
        super().__init__(message)
        self.reply = reply or ProviderReply()


class InvalidConfig(ConnectorError):
    """The settings cannot work: a bad key, a refused login, an untrusted certificate.

    The server tries the next connector and tells the administrator what to fix. `problems` maps a
    key path ("tls.minVersion") to what is wrong with it.
    """

    def __init__(
        self,
        message: str,
        *,
        problems: dict[str, str] | None = None,
        reply: ProviderReply | None = None,
    ) -> None:
        super().__init__(message, reply=reply)
        self.problems = problems or {}


class TemplateNotFound(ConnectorError):
    """Neither a template for this usage type nor a Generic one exists."""


class TransientFailure(ConnectorError):
    """It may work later: the server tries the next connector, then again until the deadline.

    `retry_after` is the provider's wish in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        reply: ProviderReply | None = None,
    ) -> None:
        super().__init__(message, reply=reply)
        self.retry_after = retry_after


class RateLimited(TransientFailure):
    """The provider asked to slow down."""


class PermanentFailure(ConnectorError):
    """It will never work for this recipient or message; nothing is tried again.

    `reason` is a short machine-readable word such as "recipient_refused".
    """

    def __init__(
        self, message: str, *, reason: str = "refused", reply: ProviderReply | None = None
    ) -> None:
        super().__init__(message, reply=reply)
        self.reason = reason


class AmbiguousFailure(ConnectorError):
    """Contact was lost after the message was handed over: the provider may or may not have it."""

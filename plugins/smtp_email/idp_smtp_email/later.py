"""Keys whose behaviour comes with a later version: their form is checked, then they are refused."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from idp_smtp_email.fields import ProxyUrl
from idp_smtp_email.settings import SmtpSettings, as_list
from idp_smtp_email.tls import private_key

ValueT = TypeVar("ValueT")
Positive = Annotated[int, Field(gt=0)]


class PoolOptions(SmtpSettings):
    """How connections are kept and shared."""

    max_connections: Positive | None = None
    max_messages: Positive | None = None
    idle_timeout: Positive | None = None
    rate_limit: Positive | None = None
    rate_delta: Positive | None = None


class DkimKey(SmtpSettings):
    """A key to sign mails with (RFC 6376)."""

    domain_name: str
    key_selector: str
    private_key: Annotated[SecretStr, AfterValidator(private_key)]


def _nothing_as_none(raw: object) -> object:
    return raw or None


def _refuse(value: ValueT | None) -> ValueT | None:
    if value is not None:
        message = "is understood but not supported by this version of idp-smtp-email; remove it"
        raise ValueError(message)
    return None


Service = Annotated[str | None, BeforeValidator(_nothing_as_none), AfterValidator(_refuse)]
Pool = Annotated[PoolOptions | None, BeforeValidator(_nothing_as_none), AfterValidator(_refuse)]
Proxy = Annotated[ProxyUrl | None, BeforeValidator(_nothing_as_none), AfterValidator(_refuse)]
Dkim = Annotated[
    Annotated[list[DkimKey], BeforeValidator(as_list)] | None,
    BeforeValidator(_nothing_as_none),
    AfterValidator(_refuse),
]

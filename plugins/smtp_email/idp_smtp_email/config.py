"""The configuration of the SMTP connector: Logto's keys, and a few more of nodemailer's."""

from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    IPvAnyAddress,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from idp.connector_kit import EmailTemplate, FormConfig, MailboxText, TemplateSet
from idp_smtp_email.auth import Auth, Login
from idp_smtp_email.dkim import DkimKey
from idp_smtp_email.fields import AddressText, CustomHeaders, EhloName, HostName
from idp_smtp_email.limits import PoolOptions
from idp_smtp_email.proxy import ProxyUrl
from idp_smtp_email.services import SERVICES, Server, ServiceName
from idp_smtp_email.settings import as_list
from idp_smtp_email.tls import TlsOptions

Port = Annotated[int, Field(ge=1, le=65535)]
Milliseconds = Annotated[int, Field(gt=0)]
TlsKey = Annotated[TlsOptions, BeforeValidator(lambda raw: raw or {})]
DkimKeys = Annotated[list[DkimKey], BeforeValidator(lambda raw: as_list(raw) if raw else [])]
PoolKey = Annotated[PoolOptions, BeforeValidator(lambda raw: raw or {})]
HeadersKey = Annotated[CustomHeaders, BeforeValidator(lambda raw: raw or {})]


class SmtpConfig(FormConfig):
    """Settings of one SMTP server; a configuration of Logto's SMTP connector fits unchanged."""

    service: ServiceName | None = None
    """Name of a mail provider; gives `host`, `port` and `secure`."""
    host: HostName = Field(default="", validate_default=True)
    """Name or address of the mail server."""
    port: Port | None = None
    """465 with `secure`, 587 with a login, else 25, when absent."""
    auth: Auth = Field(default_factory=Login)
    """`user` and `pass`; absent for a relay that asks for none."""
    from_email: MailboxText
    """The sender, as `address` or `Name <address>`."""
    reply_to: MailboxText | None = None
    """Where answers go, as `address` or `Name <address>`."""
    envelope_from: AddressText | None = None
    """Where bounces go; the sender's address when absent."""
    templates: list[EmailTemplate]
    """The wording, one template per usage type."""
    custom_headers: HeadersKey = Field(default_factory=dict)
    """Headers on every mail."""
    secure: bool | None = None
    """TLS from the first byte; true on port 465 when absent."""
    require_tls: bool = Field(default=False, alias="requireTLS")
    """Never send without STARTTLS."""
    ignore_tls: bool = Field(default=False, alias="ignoreTLS")
    """Never use STARTTLS, and send the password unencrypted."""
    tls: TlsKey = Field(default_factory=TlsOptions)
    """Trust, client certificate and versions of TLS."""
    servername: HostName | None = None
    """Name to send (SNI) and to verify; `host` when absent."""
    name: EhloName | None = None
    """Name to introduce this machine with (EHLO)."""
    local_address: IPvAnyAddress | None = None
    """Address of this machine to connect from."""
    connection_timeout: Milliseconds = 10_000
    """Time to reach the server."""
    greeting_timeout: Milliseconds = 10_000
    """Time from the connection to the server's greeting, in milliseconds."""
    socket_timeout: Milliseconds = 30_000
    """Time to wait for each reply, in milliseconds."""
    dns_timeout: Milliseconds = 5_000
    """Time to look up `host`, in milliseconds."""
    logger: bool = False
    """Log the replies of the server; secrets, codes and addresses are masked."""
    debug: bool = False
    """Same as `logger`: the content of a mail is never logged."""
    disable_file_access: bool = False
    """Accepted for Logto's sake: content is never read from files."""
    disable_url_access: bool = False
    """Accepted for Logto's sake: content is never read from URLs."""
    pool: PoolKey = Field(default_factory=PoolOptions)
    """How connections are kept open and shared, and how many mails may leave in how much time."""
    dkim: DkimKeys = Field(default_factory=list)
    """Keys to sign mails with, one or several."""
    proxy: ProxyUrl | None = None
    """A proxy on the way to the server, as `socks5://host:port` or `http://host:port`."""

    @field_validator("host", mode="before")
    @classmethod
    def _host_of_service(cls, host: object, info: ValidationInfo) -> object:
        if host or "service" not in info.data:
            return host or "localhost"  # an unknown service was refused already
        if info.data["service"] is None:
            raise PydanticCustomError("missing", "is required")
        return SERVICES[info.data["service"]].host

    @field_validator("templates")
    @classmethod
    def _required_templates(cls, templates: list[EmailTemplate]) -> list[EmailTemplate]:
        if missing := TemplateSet(templates).missing():
            raise ValueError(f"must also hold a template for {', '.join(missing)}")
        return templates

    @field_validator("ignore_tls")
    @classmethod
    def _not_both(cls, ignore_tls: bool, info: ValidationInfo) -> bool:
        if ignore_tls and info.data.get("require_tls"):
            raise ValueError("requireTLS and ignoreTLS exclude each other")
        return ignore_tls

    @property
    def credentials(self) -> tuple[str, SecretStr] | None:
        """Return user name and password, if the server asks for them."""
        if isinstance(self.auth, Login) and self.auth.user and self.auth.password:
            return self.auth.user, self.auth.password
        return None

    @property
    def uses_tls(self) -> bool:
        """Tell whether the connection starts with TLS."""
        if self.secure is not None:
            return self.secure
        if self.port is not None:
            return self.port == 465
        return self._preset is not None and self._preset.secure

    @property
    def server_port(self) -> int:
        """Return the port to connect to."""
        if self.port is not None:
            return self.port
        if self._preset is not None and self._preset.secure == self.uses_tls:
            return self._preset.port
        if self.uses_tls:
            return 465
        return 587 if self.auth.user else 25

    @property
    def _preset(self) -> Server | None:
        return SERVICES[self.service] if self.service else None

    @property
    def verified_name(self) -> str:
        """Return the name the server's certificate must bear; none there ends with a dot."""
        return (self.tls.servername or self.servername or self.host).removesuffix(".")

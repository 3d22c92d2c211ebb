"""Settings of one deployment: environment variables `IDP_*`, then `idp.toml`, then defaults."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

CONFIG_VARIABLE = "IDP_CONFIG"
DEFAULT_CONFIG_FILE = "idp.toml"
LOGO_TYPES = (".svg", ".png", ".webp", ".jpg")
ADDRESS_PATTERN = r"\*|[^\s@]*@[^\s@]+"
"""`name@example.com`, `@example.com`, or `*` for anything."""
_LARGEST_BRAND_FILE = 256 * 1024  # bytes


class SetupError(Exception):
    """Something outside the program must be put right first; the message is one plain line."""


class Settings(BaseSettings):
    """Every setting; the name of its environment variable is `IDP_` and the field in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="IDP_",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    issuer: str = "http://localhost:8000"
    """Public base address of this server; https unless it is a loopback address."""

    database_url: str = "sqlite:///idp.db"
    """`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`."""

    secret_keys: Annotated[list[SecretStr], NoDecode] = Field(min_length=1)
    """Keys for secrets at rest, comma-separated: the first seals, all open. See `idp init`."""

    host: str = "127.0.0.1"
    """Address `idp serve` listens on."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port `idp serve` listens on."""

    forwarded_allow_ips: str = "127.0.0.1"
    """Proxies whose X-Forwarded-* headers are believed; comma-separated addresses or networks."""

    product_name: str = Field(default="idp", min_length=1, max_length=64)
    """The name people see on pages, and in mails that belong to no application."""

    support_email: str | None = None
    """Address people are told to write to when they need help."""

    default_locale: str = "en"
    """Language of pages and mails when the person's own is not available."""

    sign_up_password: bool = False
    """Ask for a password when somebody registers; otherwise codes by mail are enough."""

    verification_code_length: int = Field(default=6, ge=6, le=10)
    """Digits of a mailed code."""

    verification_code_minutes: int = Field(default=10, ge=1, le=60)
    """How long a mailed code can be used."""

    delivery_log_days: int = Field(default=30, ge=1)
    """How long it is kept what became of a mail; its content is gone as soon as it ended."""

    sign_in_code_minutes: int = Field(default=10, ge=1, le=60)
    """A code that signs in never works longer than this, however long other codes do."""

    codes_per_ip_hour: int = Field(default=20, ge=1)
    """Codes one IP address (one /64 of IPv6) may ask for in an hour."""

    codes_per_hour: int = Field(default=10_000, ge=1)
    """Codes everybody together may ask for in an hour; when it is reached, an alert is logged."""

    redis_url: SecretStr | None = None
    """`redis://HOST:PORT` where processes count together per IP; without it each counts alone."""

    blocked_addresses: Annotated[list[str], NoDecode] = []
    """Addresses that get no account: `a@b.c`, `@b.c`, `*` for anything; comma-separated."""

    allowed_addresses: Annotated[list[str], NoDecode] = []
    """If set, only these addresses get an account; written like the blocked ones."""

    allow_subaddressing: bool = True
    """Let addresses such as `name+tag@example.com` get an account."""

    session_idle_hours: int = Field(default=24, ge=1)
    """A browser session ends after this long without use."""

    session_max_days: int = Field(default=14, ge=1)
    """A browser session ends after this long, used or not."""

    metrics_token: SecretStr | None = None
    """What monitoring sends as its bearer token to read /metrics; on loopback none is needed."""

    session_unremembered_idle_minutes: int = Field(default=60, ge=1)
    """The same for a browser whose cookie ends with it, because nobody asked to stay signed in."""

    remember_me: Literal["ask", "always", "never"] = "ask"
    """Whether people stay signed in when they close the browser: `ask`, `always` or `never`."""

    second_step_by_mail: bool = False
    """After a password, ask for a code by mail too. NIST does not count mail as a factor."""

    argon2_memory_kib: int = Field(default=19_456, ge=8)
    """Memory one password hash takes, in KiB (argon2id)."""

    argon2_passes: int = Field(default=2, ge=1)
    """Passes over that memory; stored passwords follow at the next sign-in."""

    password_queue: int = Field(default=100, ge=1)
    """Passwords that may wait for a processor; further ones are answered 503 with Retry-After."""

    mail_links: Annotated[list[Literal["Register", "SignIn", "ForgotPassword"]], NoDecode] = []
    """Mails that carry a link beside the code: `Register`, `SignIn`, `ForgotPassword`."""

    invitation_days: int = Field(default=7, ge=1, le=90)
    """How long an invitation can be accepted."""

    dev_mailbox: bool = False
    """Serve a mailbox under /dev/mail that shows every mail sent to it: only on loopback."""

    logo: Path | None = None
    """Image file shown at the top of every page: SVG, PNG, WebP or JPEG, at most 256 KB."""

    logo_dark: Path | None = None
    """The same on a dark background; otherwise `logo` is shown there too."""

    primary_color: str | None = None
    """Colour of buttons, such as `#0b6e4f`; text on them and links are tinted to be readable."""

    primary_color_dark: str | None = None
    """The same on a dark background; otherwise `primary_color`, as much lighter as needed."""

    custom_css: Path | None = None
    """Style sheet every page loads after its own, at most 256 KB."""

    terms_url: str | None = None
    """Terms of use, linked where somebody registers."""

    privacy_url: str | None = None
    """Privacy policy, linked where somebody registers."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileVariables(settings_cls), _Toml(settings_cls)

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, issuer: str) -> str:
        url = urlsplit(issuer)
        if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
            raise ValueError("must be an address such as https://id.example.com")
        if url.scheme == "http" and not is_loopback(url.hostname):
            raise ValueError("must begin with https:// unless the host is a loopback address")
        if url.path not in {"", "/"}:
            raise ValueError("must not have a path: the server lives at the root of its host")
        return issuer.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        if url in {"sqlite:///", "sqlite:///:memory:"}:
            raise ValueError("must name a file, such as sqlite:///idp.db")
        if not _has_readable_port(url):
            raise ValueError("must have a number as its port, and a percent-encoded password")
        return url

    @field_validator(
        "secret_keys", "blocked_addresses", "allowed_addresses", "mail_links", mode="before"
    )
    @classmethod
    def _split_list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("secret_keys")
    @classmethod
    def _check_keys(cls, keys: list[SecretStr]) -> list[SecretStr]:
        for key in keys:
            try:
                Fernet(key.get_secret_value())
            except ValueError as error:
                raise ValueError("holds a key that `idp init` did not make") from error
        return keys

    @field_validator("metrics_token")
    @classmethod
    def _check_metrics_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters, so that nobody guesses it")
        return token

    @field_validator("logo", "logo_dark", "custom_css")
    @classmethod
    def _check_brand_file(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        types = (".css",) if info.field_name == "custom_css" else LOGO_TYPES
        if file and (file.suffix.lower() not in types or not file.is_file()):
            raise ValueError(f"must name a file that ends in {' or '.join(types)}")
        if file and file.stat().st_size > _LARGEST_BRAND_FILE:
            raise ValueError("names a file larger than 256 KB, which every page would load")
        return file and file.absolute()

    @field_validator("primary_color", "primary_color_dark")
    @classmethod
    def _check_color(cls, color: str | None) -> str | None:
        if color and not re.fullmatch("#[0-9a-fA-F]{6}", color):
            raise ValueError("must be # and six hexadecimal digits, such as #0b6e4f")
        return color

    @field_validator("terms_url", "privacy_url")
    @classmethod
    def _check_link(cls, url: str | None) -> str | None:
        if url and (urlsplit(url).scheme not in {"https", "http"} or not urlsplit(url).hostname):
            raise ValueError("must be an address such as https://example.com/terms")
        return url

    @field_validator("blocked_addresses", "allowed_addresses")
    @classmethod
    def _check_addresses(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            if not re.fullmatch(ADDRESS_PATTERN, pattern):
                raise ValueError("must hold entries such as name@example.com, @example.com or *")
        return patterns

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url and not url.get_secret_value().startswith(
            ("redis://", "rediss://", "redis+unix://")
        ):
            raise ValueError("must begin with redis://, rediss:// or redis+unix://")
        return url

    @model_validator(mode="after")
    def _keep_mails_private(self) -> Self:
        if self.dev_mailbox and not (self.is_loopback and is_loopback(self.host)):
            raise ValueError("IDP_DEV_MAILBOX must be off: everybody could read /dev/mail")
        return self

    @property
    def is_loopback(self) -> bool:
        """Tell whether the issuer is http on this very machine, where cookies cannot be Secure."""
        return urlsplit(self.issuer).scheme == "http"

    @property
    def is_sqlite(self) -> bool:
        """Tell whether everything is in one file, so that one process does everything."""
        return self.database_url.startswith("sqlite")

    @property
    def issuer_host(self) -> str:
        """Return the host people see in the address bar, with a port only if it is unusual."""
        return urlsplit(self.issuer).netloc

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read every source; raises SetupError with one line that names what is wrong."""
        _refuse_unknown_variables(cls)
        if CONFIG_VARIABLE in os.environ and not config_file().is_file():
            raise SetupError(f"{CONFIG_VARIABLE}: there is no file {config_file()}.")
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SetupError(_one_line(cls, error)) from error
        except (OSError, ValueError) as error:
            raise SetupError(f"{config_file()} cannot be read: {error}") from error


class _FileVariables(PydanticBaseSettingsSource):
    """`IDP_X_FILE` names a file that holds the value of `IDP_X`, for secrets kept by others."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in self.settings_cls.model_fields:
            variable = f"IDP_{name.upper()}"
            if (file := f"{variable}_FILE") not in os.environ:
                continue
            if variable in os.environ:
                raise SetupError(f"{variable} and {file} are both set; drop one.")
            values[name] = _content(file, Path(os.environ[file]))
        return values


class _Toml(TomlConfigSettingsSource):
    """`idp.toml`, in which `x_file = "..."` names a file that holds `x`, as IDP_X_FILE does."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls, config_file())

    def __call__(self) -> dict[str, Any]:
        values = super().__call__()
        for name in [name for name in values if name.endswith("_file")]:
            file = config_file().parent / str(values.pop(name))
            values[name.removesuffix("_file")] = _content(name, file)
        return values


def _content(setting: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError as error:
        raise SetupError(f"{setting}: {file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{setting}: {file} is not a text file.") from error


def config_file() -> Path:
    """Return the settings file: `IDP_CONFIG`, or `idp.toml` in the working directory."""
    return Path(os.environ.get(CONFIG_VARIABLE, DEFAULT_CONFIG_FILE))


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _has_readable_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _refuse_unknown_variables(model: type[BaseSettings]) -> None:
    known = {f"IDP_{name.upper()}" for name in model.model_fields}
    known |= {f"{name}_FILE" for name in known} | {CONFIG_VARIABLE}
    for name in sorted(os.environ):
        if name.startswith("IDP_") and name not in known:
            raise SetupError(f"{name} is not a setting{_did_you_mean(name, known)}")


def _did_you_mean(name: str, known: set[str] | Mapping[str, object]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]}?" if nearest else "."


def _one_line(model: type[BaseSettings], error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    problem = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return f"{problem}."
    name = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        return f"{config_file()}: {name} is not a setting{_did_you_mean(name, model.model_fields)}"
    if name == "secret_keys" and detail["type"] in {"missing", "too_short"}:
        return "IDP_SECRET_KEYS is not set: run `idp init` once, or set it to the keys it made."
    return f"IDP_{name.upper()}: {problem[0].lower()}{problem[1:]}."

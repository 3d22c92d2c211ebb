"""Settings of one deployment: environment variables `IDP_*`, then `idp.toml`, then defaults."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

CONFIG_VARIABLE = "IDP_CONFIG"
DEFAULT_CONFIG_FILE = "idp.toml"


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

    session_idle_hours: int = Field(default=24, ge=1)
    """A browser session ends after this long without use."""

    session_max_days: int = Field(default=14, ge=1)
    """A browser session ends after this long, used or not."""

    metrics_token: SecretStr | None = None
    """What monitoring sends as its bearer token to read /metrics; on loopback none is needed."""

    dev_mailbox: bool = False
    """Serve a mailbox under /dev/mail that shows every mail sent to it: only on loopback."""

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

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [key.strip() for key in value.split(",") if key.strip()]

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

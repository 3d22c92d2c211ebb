"""The `auth` key: user name and password, or one of three forms of OAuth2."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from idp.connector_kit import FormConfig
from idp_smtp_email.tls import certificate, private_key

GOOGLE_TOKEN_ENDPOINT = "https://oauth2.googleapis.com/token"
GOOGLE_MAIL_SCOPE = "https://mail.google.com/"

_OAUTH2_KEYS = frozenset(
    {"clientId", "clientSecret", "refreshToken", "accessToken", "expires", "accessUrl", "scope"}
    | {"serviceClient", "privateKey"}
)
_KEYS = _OAUTH2_KEYS | {"type", "user", "pass"}


def _auth_type(value: object) -> object:
    lowered = value.lower() if isinstance(value, str) else value
    if lowered not in {"login", "oauth2"}:
        raise ValueError("must be login or OAuth2")
    return lowered


def _access_url(url: str) -> str:
    if not _is_private_address(url):
        raise ValueError("must be an https:// URL (http:// only on this machine)")
    return url


def _is_private_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return False
    if not host or parts.username or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


AccessUrl = Annotated[str, AfterValidator(_access_url)]
Text = Annotated[str, Field(min_length=1)]


class _Form(FormConfig):
    @model_validator(mode="before")
    @classmethod
    def _drop_blanks_of_other_forms(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            return raw
        others = _KEYS - {field.alias for field in cls.model_fields.values()}
        return {key: raw[key] for key in raw if key not in others or raw[key] not in ("", None)}


class Login(_Form):
    """User name and password; both absent for a relay that asks for none."""

    type: Annotated[Literal["login"], BeforeValidator(_auth_type)] = "login"
    user: str | None = None
    password: SecretStr | None = Field(default=None, alias="pass", validate_default=True)

    @field_validator("password")
    @classmethod
    def _both_or_neither(cls, password: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "user" in info.data and (password is None) != (info.data["user"] is None):
            raise ValueError("user and pass must be given together")
        return password


class SigningKey(FormConfig):
    """A private key, and how the token endpoint recognizes it."""

    key: Annotated[SecretStr, AfterValidator(private_key)]
    """PEM text of an RSA key."""
    passphrase: SecretStr | None = None
    """Passphrase of `key`."""
    cert: Annotated[str, AfterValidator(certificate)] | None = None
    """Certificate of `key`; Microsoft knows the key by it."""
    key_id: str | None = None
    """Name of `key` at the endpoint (`kid`), where it has one."""

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        self.load()
        return self

    def load(self) -> RSAPrivateKey:
        """Return the key itself; raises ValueError when it cannot be read."""
        # A key copied out of a JSON file often still has its line breaks written as \n.
        pem = self.key.get_secret_value().replace("\\n", "\n").encode()
        passphrase = self.passphrase.get_secret_value().encode() if self.passphrase else None
        try:
            key = load_pem_private_key(pem, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            message = "cannot be read: is its text complete, and does the passphrase belong to it?"
            raise ValueError(message) from None
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("must be an RSA key")  # noqa: TRY004 - pydantic wants ValueError
        return key


SigningKeyText = Annotated[
    SigningKey, BeforeValidator(lambda value: {"key": value} if isinstance(value, str) else value)
]


class _OAuth2(_Form):
    type: Annotated[Literal["oauth2"], BeforeValidator(_auth_type)] = "oauth2"
    user: Text
    """The mailbox to send from."""


class OAuth2RefreshToken(_OAuth2):
    """OAuth2 as a person's mailbox allows it (RFC 6749 §6)."""

    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    access_token: SecretStr | None = Field(default=None, validate_default=True)
    expires: int | None = None
    """When `accessToken` expires, in milliseconds since 1970."""
    access_url: AccessUrl = GOOGLE_TOKEN_ENDPOINT
    scope: str | None = None

    @field_validator("refresh_token")
    @classmethod
    def _with_client(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if token is not None and info.data.get("client_id") is None:
            raise ValueError("clientId must be given with refreshToken")
        return token

    @field_validator("access_token")
    @classmethod
    def _one_token(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if token is None and "refresh_token" in info.data and not info.data["refresh_token"]:
            raise ValueError("refreshToken or accessToken must be given")
        return token


class OAuth2ServiceAccount(_OAuth2):
    """OAuth2 as a Google service account (RFC 7523)."""

    service_client: Text
    private_key: SigningKeyText
    access_url: AccessUrl = GOOGLE_TOKEN_ENDPOINT
    scope: str = GOOGLE_MAIL_SCOPE


class OAuth2ClientCredentials(_OAuth2):
    """OAuth2 as an application of Microsoft 365 (RFC 6749 §4.4)."""

    client_id: Text
    client_secret: SecretStr | None = None
    private_key: SigningKeyText | None = Field(default=None, validate_default=True)
    access_url: AccessUrl
    scope: Text

    @field_validator("private_key")
    @classmethod
    def _one_credential(cls, key: SigningKey | None, info: ValidationInfo) -> SigningKey | None:
        if "client_secret" in info.data and (key is None) == (info.data["client_secret"] is None):
            raise ValueError("exactly one of clientSecret and privateKey must be given")
        return key


OAuth2: TypeAlias = OAuth2RefreshToken | OAuth2ServiceAccount | OAuth2ClientCredentials


_TAGS: Mapping[type, str] = {
    OAuth2RefreshToken: "refresh token form",
    OAuth2ServiceAccount: "service account form",
    OAuth2ClientCredentials: "client credentials form",
}


def _form(raw: object) -> str:
    """Tell which form the keys belong to; `type` may be absent, as in Logto, and keys blank."""
    if not isinstance(raw, Mapping):
        return _TAGS.get(type(raw), "login form")
    kind = str(raw.get("type") or "").lower()
    is_login = raw.get("pass") or not any(raw.get(key) for key in _OAUTH2_KEYS)
    if kind != "oauth2" and (kind or is_login):
        return "login form"
    if raw.get("serviceClient"):
        return "service account form"
    tokens = [raw[key] for key in ("refreshToken", "accessToken") if key in raw]
    is_refresh = any(tokens) or (tokens and not raw.get("scope"))
    return "refresh token form" if is_refresh else "client credentials form"


Auth = Annotated[
    Annotated[Login, Tag("login form")]
    | Annotated[OAuth2RefreshToken, Tag("refresh token form")]
    | Annotated[OAuth2ServiceAccount, Tag("service account form")]
    | Annotated[OAuth2ClientCredentials, Tag("client credentials form")],
    Discriminator(_form),
]

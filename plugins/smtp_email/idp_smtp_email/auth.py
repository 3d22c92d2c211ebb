"""The `auth` key: user name and password, or one of three forms of OAuth2."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    AnyUrl,
    BeforeValidator,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationInfo,
    field_validator,
)

from idp_smtp_email.settings import SmtpSettings
from idp_smtp_email.tls import private_key

_OAUTH2_KEYS = frozenset(
    {"clientId", "clientSecret", "refreshToken", "accessToken", "expires", "accessUrl", "scope"}
    | {"serviceClient", "privateKey"}
)


def _auth_type(value: object) -> object:
    lowered = value.lower() if isinstance(value, str) else value
    if lowered not in {"login", "oauth2"}:
        raise ValueError("must be login or OAuth2")
    return lowered


class Login(SmtpSettings):
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


class SigningKey(SmtpSettings):
    """A private key with its passphrase."""

    key: Annotated[SecretStr, AfterValidator(private_key)]
    passphrase: SecretStr | None = None


SigningKeyText = Annotated[
    SigningKey, BeforeValidator(lambda value: {"key": value} if isinstance(value, str) else value)
]


class _OAuth2(SmtpSettings):
    type: Annotated[Literal["oauth2"], BeforeValidator(_auth_type)] = "oauth2"
    user: str
    access_url: AnyUrl | None = None


class OAuth2RefreshToken(_OAuth2):
    """OAuth2 as a person's mailbox allows it (RFC 6749 §6)."""

    client_id: str | None = None
    client_secret: SecretStr | None = None
    refresh_token: SecretStr | None = None
    access_token: SecretStr | None = None
    expires: int | None = None


class OAuth2ServiceAccount(_OAuth2):
    """OAuth2 as a Google service account (RFC 7523)."""

    service_client: str
    private_key: SigningKeyText
    scope: str | None = None


class OAuth2ClientCredentials(_OAuth2):
    """OAuth2 as an application of Microsoft 365 (RFC 6749 §4.4)."""

    client_id: str
    client_secret: SecretStr | None = None
    private_key: SigningKeyText | None = Field(default=None, validate_default=True)
    access_url: AnyUrl
    scope: str

    @field_validator("private_key")
    @classmethod
    def _one_credential(cls, key: SigningKey | None, info: ValidationInfo) -> SigningKey | None:
        if "client_secret" in info.data and (key is None) == (info.data["client_secret"] is None):
            raise ValueError("exactly one of clientSecret and privateKey must be given")
        return key


def _form(raw: object) -> str:
    """Tell which form the keys belong to; `type` may be absent, as in Logto."""
    if not isinstance(raw, Mapping):
        return "login form"
    kind = str(raw.get("type") or "").lower()
    if kind != "oauth2" and (kind or not _OAUTH2_KEYS & raw.keys() or "pass" in raw):
        return "login form"
    if "serviceClient" in raw:
        return "service account form"
    is_refresh = {"refreshToken", "accessToken"} & raw.keys()
    return "refresh token form" if is_refresh else "client credentials form"


_AnyForm: TypeAlias = (
    Annotated[Login, Tag("login form")]
    | Annotated[OAuth2RefreshToken, Tag("refresh token form")]
    | Annotated[OAuth2ServiceAccount, Tag("service account form")]
    | Annotated[OAuth2ClientCredentials, Tag("client credentials form")]
)


def _only_login(auth: _AnyForm) -> _AnyForm:
    if not isinstance(auth, Login):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueError only
            "this form (OAuth2) is understood but not supported by this version of "
            "idp-smtp-email; use user and pass"
        )
    return auth


Auth = Annotated[_AnyForm, Discriminator(_form), AfterValidator(_only_login)]

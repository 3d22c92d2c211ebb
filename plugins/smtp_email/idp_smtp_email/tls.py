"""The `tls` key: checked settings, and the SSL context they ask for."""

import re
import ssl
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from idp.connector_kit import FormConfig, InvalidConfig, ProviderReply
from idp_smtp_email.fields import HostName
from idp_smtp_email.settings import as_list

TlsVersion = Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]

_VERSIONS: dict[TlsVersion, ssl.TLSVersion] = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (\w+ )*PRIVATE KEY-----.+-----END (\w+ )*PRIVATE KEY-----", re.S
)


def _certificates(pems: list[str]) -> list[str]:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(pems))
    except (ssl.SSLError, ValueError) as error:
        message = "must be the PEM text of certificates (-----BEGIN CERTIFICATE-----), not a path"
        raise ValueError(message) from error
    return pems


def certificate(pem: str) -> str:
    """Check that a text is the PEM text of a certificate with its chain."""
    return _certificates([pem])[0]


def private_key(pem: SecretStr) -> SecretStr:
    """Check that a secret is the PEM text of a private key."""
    if not _PRIVATE_KEY.search(pem.get_secret_value()):
        message = "must be the PEM text of a private key (-----BEGIN PRIVATE KEY-----), not a path"
        raise ValueError(message)
    return pem


def _ciphers(names: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers(names)
    except ssl.SSLError as error:
        raise ValueError("must be an OpenSSL cipher list; no cipher here is known") from error
    return names


class TlsOptions(FormConfig):
    """How to encrypt and whom to trust, as Node.js names it; all text is PEM, never a path."""

    reject_unauthorized: bool = True
    """Refuse a server whose certificate is not trusted."""
    ca: Annotated[list[str], BeforeValidator(as_list), AfterValidator(_certificates)] = Field(
        default_factory=list
    )
    """Authorities to trust instead of the system's."""
    cert: Annotated[str, AfterValidator(certificate)] | None = None
    """Client certificate with its chain."""
    key: Annotated[SecretStr, AfterValidator(private_key)] | None = Field(
        default=None, validate_default=True
    )
    """Private key of `cert`."""
    passphrase: SecretStr | None = None
    """Passphrase of `key`."""
    min_version: TlsVersion | None = None
    """Oldest TLS version to accept."""
    max_version: TlsVersion | None = None
    """Newest TLS version to offer."""
    ciphers: Annotated[str, AfterValidator(_ciphers)] | None = None
    """OpenSSL cipher list for TLS 1.2 and older."""
    servername: HostName | None = None
    """Name to send (SNI) and to verify; `host` when absent."""

    @field_validator("key")
    @classmethod
    def _key_and_certificate(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "cert" in info.data and (key is None) != (info.data["cert"] is None):
            raise ValueError("cert and key must be given together")
        return key

    @field_validator("max_version")
    @classmethod
    def _not_below_minimum(
        cls, version: TlsVersion | None, info: ValidationInfo
    ) -> TlsVersion | None:
        minimum = info.data.get("min_version")
        if version and minimum and _VERSIONS[version] < _VERSIONS[minimum]:
            raise ValueError("must not be older than minVersion")
        return version


def client_context(options: TlsOptions) -> ssl.SSLContext:
    """Build the context all connections of a connector share: loading the roots costs 20 ms."""
    context = ssl.create_default_context(cadata="\n".join(options.ca) or None)
    if not options.reject_unauthorized:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        # An administrator who asks for TLS 1.0 has a relay that knows nothing newer.
        warnings.simplefilter("ignore", DeprecationWarning)
        if options.min_version:
            context.minimum_version = _VERSIONS[options.min_version]
        if options.max_version:
            context.maximum_version = _VERSIONS[options.max_version]
    if options.ciphers:
        context.set_ciphers(options.ciphers)
    if options.cert and options.key:
        _load_client_certificate(context, options.cert, options.key, options.passphrase)
    return context


def _load_client_certificate(
    context: ssl.SSLContext, cert: str, key: SecretStr, passphrase: SecretStr | None
) -> None:
    """Pass PEM text through a private file: the ssl module reads certificates from nothing else."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "client.pem"
        path.write_text(f"{key.get_secret_value()}\n{cert}\n", encoding="ascii")
        try:
            # An empty passphrase keeps OpenSSL from asking on the terminal.
            password = passphrase.get_secret_value() if passphrase else ""
            context.load_cert_chain(path, password=password)
        except ssl.SSLError as error:
            message = "tls.cert, tls.key and tls.passphrase do not belong together."
            problems = {"tls.key": "does not belong to tls.cert, or tls.passphrase is wrong"}
            reply = ProviderReply(stage="tls")
            raise InvalidConfig(message, problems=problems, reply=reply) from error

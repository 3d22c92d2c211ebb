"""The `dkim` key, and the signer that proves a mail comes from its domain (RFC 6376, RFC 8463)."""

import re
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Annotated

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, SecretStr

from idp.connector_kit import FormConfig
from idp_smtp_email.tls import private_key

_SIGNED = frozenset(
    b"from to reply-to subject date message-id mime-version content-type otp-token "
    b"content-transfer-encoding content-language auto-submitted".split()
)
_DNS_NAME = re.compile(r"[\w-]{1,63}(\.[\w-]{1,63})*", re.ASCII)
_LINES = re.compile(r".{1,75}(?::|$)")
_FOLDS = re.compile(rb"\r\n(?=[ \t])")


def _dns_name(name: str) -> str:
    try:
        name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not _DNS_NAME.fullmatch(name):
        raise ValueError("must be a name in the DNS, such as example.com")
    return name


def _key(pem: SecretStr) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.get_secret_value().encode(), None)
    except TypeError as error:
        raise ValueError("must not be protected by a passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("is no private key that can be read; was it copied whole?") from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= 1024:  # RFC 8301 §3.2
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError("must be an RSA key of 1024 bits or more, better 2048, or an Ed25519 key")


def _signing_key(pem: SecretStr) -> SecretStr:
    _key(private_key(pem))
    return pem


class DkimKey(FormConfig):
    """A key to sign mails with; its public half stands in the DNS."""

    domain_name: Annotated[str, AfterValidator(_dns_name)]
    """The signing domain, such as `example.com`."""
    key_selector: Annotated[str, AfterValidator(_dns_name)]
    """The name before `._domainkey.` in the DNS."""
    private_key: Annotated[SecretStr, AfterValidator(_signing_key)]
    """RSA or Ed25519, as PEM text."""


class Signer:
    """Signs with every key, each parsed once; without a key a message stays as it is."""

    def __init__(self, keys: Iterable[DkimKey]) -> None:
        self._keys = [
            (f"d={key.domain_name}; s={key.key_selector};", _key(key.private_key)) for key in keys
        ]

    def sign(self, message: bytes) -> bytes:
        """Put one DKIM-Signature per key before a message with CRLF line ends."""
        if not self._keys:
            return message
        head, _, body = message.partition(b"\r\n\r\n")
        fields = list(_signed_fields(head))
        # Naming From once more than it occurs keeps others from adding one (RFC 6376 §5.4.2).
        names = b":".join([*(name for name, _ in fields), b"from"]).decode()
        signed = b"".join(b"%b:%b\r\n" % field for field in fields)
        body_hash = b64encode(sha256(_relaxed_body(body)).digest()).decode()
        tags = [*_LINES.findall(f"h={names};"), f"bh={body_hash};", "b="]
        return b"".join(_signature(*key, tags, signed) for key in self._keys) + message


def _signature(
    place: str, key: RSAPrivateKey | Ed25519PrivateKey, tags: list[str], signed: bytes
) -> bytes:
    algorithm = "rsa" if isinstance(key, RSAPrivateKey) else "ed25519"
    opening = f"v=1; a={algorithm}-sha256; c=relaxed/relaxed; t={int(time.time())};"
    lines = [opening, place, *tags]
    signed += f"dkim-signature:{' '.join(lines)}".encode()
    if isinstance(key, RSAPrivateKey):
        signature = key.sign(signed, PKCS1v15(), SHA256())
    else:
        signature = key.sign(sha256(signed).digest())  # RFC 8463 §3
    encoded = b64encode(signature).decode()
    lines += [encoded[start : start + 76] for start in range(0, len(encoded), 76)]
    return b"DKIM-Signature: %b\r\n" % "\r\n ".join(lines).encode()


def _signed_fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Pick the headers to sign, the last of a name first (RFC 6376 §5.4.2), relaxed (§3.4.2)."""
    for line in reversed(_FOLDS.sub(b"", head).split(b"\r\n")):
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in _SIGNED:
            yield name, _relaxed(value).strip(b" ")


def _relaxed_body(body: bytes) -> bytes:
    """Leave out blanks at the end of lines and empty lines at the end of the body (§3.4.4)."""
    lines = _relaxed(body + b"\r\n").replace(b" \r\n", b"\r\n").rstrip(b"\r\n")
    return lines + b"\r\n" if lines else b""


def _relaxed(text: bytes) -> bytes:
    """Make one space of each run of blanks; for a mail this is faster than a regular expression."""
    text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text

"""Secrets at rest: sealed with MultiFernet, or kept only as a keyed hash."""

import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from idp.settings import SetupError

_VERSION = "v1:"


class Secrets:
    """Seals and opens values with the keys of `IDP_SECRET_KEYS`: the first seals, all open."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._mac_keys = [_derive(key, b"idp keyed hash") for key in keys]

    def seal(self, value: str) -> str:
        return _VERSION + self._fernet.encrypt(value.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what was sealed; raises SetupError when none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed.removeprefix(_VERSION)).decode()
        except InvalidToken as error:
            message = "IDP_SECRET_KEYS does not hold the key this database was written with."
            raise SetupError(message) from error

    def seal_json(self, value: Mapping[str, object]) -> str:
        return self.seal(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def open_json(self, sealed: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.open(sealed))
        return value

    def keyed_hash(self, purpose: str, *parts: str) -> str:
        """Return an HMAC-SHA-256 that cannot be computed from the database alone."""
        return _mac(self._mac_keys[0], purpose, parts)

    def keyed_hashes(self, purpose: str, *parts: str) -> list[str]:
        """Return the hash under every key, newest first: what a stored one may equal."""
        return [_mac(key, purpose, parts) for key in self._mac_keys]


def _derive(key: str, info: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(key.encode())


def _mac(key: bytes, purpose: str, parts: Sequence[str]) -> str:
    message = json.dumps([purpose, *parts]).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def new_secret() -> str:
    """Return 256 unguessable bits for a cookie, an authorization code or an opaque token."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """Return the SHA-256 by which a 256-bit secret is stored and looked up."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_id() -> str:
    """Return a UUIDv7 (RFC 9562 §5.7): unique, and ordered by the time it was made.

    It tells the time to a quarter of a microsecond (§6.2, method 3), so that what one transaction
    writes within a millisecond is in order, too.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = milliseconds << 80 | 0x7 << 76 | rest * 4096 // 1_000_000 << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def first_id(moment: datetime) -> str:
    """Return what no id made before this moment reaches, so that ids can be ranged over by time."""
    return str(uuid.UUID(int=int(moment.timestamp() * 1000) << 80))

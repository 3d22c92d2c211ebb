"""The public keys of clients: those registered with them, or those found at their jwks_uri."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from idp.connector_kit import ConnectorError
from idp.connector_kit.http import HttpEndpoint
from idp.oidc.clients import load_client
from idp.storage import Database

log = structlog.get_logger(__name__)

_KEPT_FOR = 300.0  # seconds
_PAUSE = 10.0  # seconds; a stranger's made-up key ids must not make us ask all the time
_LONGEST_OUTAGE = 86_400.0  # seconds
_MOST_ADDRESSES = 1000
_TIMEOUT = 5.0  # seconds


@dataclass
class _Kept:
    """What was found at one address, and when."""

    keys: KeySet | None = None
    found_at: float = float("-inf")
    asked_at: float = float("-inf")
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_outdated(self, kid: str | None, pause: float) -> bool:
        """Tell whether to ask again: after a while, and soon for a key that is not known yet."""
        age = time.monotonic() - self.asked_at
        known = {key.kid for key in self.keys.keys} if self.keys else set()
        is_missing = not known or (kid is not None and kid not in known)
        return age > _KEPT_FOR or (is_missing and age > pause)


class ClientKeys:
    """Finds the keys of clients before a unit of work needs them."""

    def __init__(self, database: Database, pause: float = _PAUSE) -> None:
        self._database = database
        self._pause = pause
        self._kept: dict[str, _Kept] = {}

    async def find(self, client_id: str | None, signed: str) -> KeySet | None:
        """Return the keys of a client that may have signed this; None if it has none."""
        known = (client_id or "").replace("\0", "")  # PostgreSQL stores no NUL
        client = await self._database.read(load_client, known)
        if client is None:
            return None
        if client.row.jwks:
            return import_keys(client.row.jwks)
        return await self._fetched(client.row.jwks_uri, signed) if client.row.jwks_uri else None

    async def _fetched(self, jwks_uri: str, signed: str) -> KeySet | None:
        kept = self._kept.setdefault(jwks_uri, _Kept())
        if len(self._kept) > _MOST_ADDRESSES:
            del self._kept[next(iter(self._kept))]
        kid = _kid(signed)
        async with kept.asking:
            if kept.is_outdated(kid, self._pause):
                await _ask(jwks_uri, kept)
        return kept.keys


async def _ask(jwks_uri: str, kept: _Kept) -> None:
    """Fetch keys; those there are stay in use for a day when the client cannot be reached."""
    kept.asked_at = time.monotonic()
    endpoint = HttpEndpoint(jwks_uri, key="jwks_uri", timeout=_TIMEOUT, keep_alive=0)
    try:
        answer = await endpoint.get({})
        keys = import_keys(answer.json_object()) if answer.is_success else None
    except ConnectorError as error:
        log.warning("keys of a client not fetched", jwks_uri=jwks_uri, reason=str(error))
        keys = None
    finally:
        await endpoint.aclose()
    if keys is not None:
        kept.keys, kept.found_at = keys, kept.asked_at
    elif kept.asked_at - kept.found_at > _LONGEST_OUTAGE:
        kept.keys = None


def import_keys(jwks: Mapping[str, Any]) -> KeySet | None:
    """Return the public keys that are understood; RFC 7517 §5: the others are ignored."""
    keys: list[Key] = []
    listed = jwks.get("keys")
    for each in listed if isinstance(listed, list) else ():
        with suppress(JoseError, AttributeError, KeyError, TypeError, ValueError):
            keys.append(JWKRegistry.import_key(each))
    usable = [key for key in keys if key.key_type != "oct"]
    return KeySet(usable) if usable else None


def _kid(signed: str) -> str | None:
    """Return which key a JWT says it was signed with."""
    try:
        kid = jws.extract_compact(signed.encode()).headers().get("kid")
    except (JoseError, ValueError, RecursionError):
        return None
    return kid if isinstance(kid, str) else None

"""What every endpoint of the provider has at hand."""

import time
from dataclasses import dataclass, field

from idp.oidc.client_keys import ClientKeys
from idp.oidc.keys import KeyRing, load_signing_keys
from idp.outbox import Outbox
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.web.pages import Pages

_KEYS_AGE = 60.0  # seconds after which a rotation by another process is noticed


@dataclass
class Provider:
    """An OpenID Provider; `start` must be awaited before the first request."""

    settings: Settings
    database: Database
    secrets: Secrets
    pages: Pages
    outbox: Outbox
    keys: KeyRing = field(init=False)
    client_keys: ClientKeys = field(init=False)
    _keys_read_at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self.client_keys = ClientKeys(self.database)

    async def start(self) -> None:
        """Load the signing keys, and make those that are missing."""
        await self._read_keys(None)

    async def refresh_keys(self, *, at_once: bool = False) -> None:
        """Read the signing keys again if that was a while ago: they may have been rotated."""
        if at_once or time.monotonic() - self._keys_read_at > _KEYS_AGE:
            await self._read_keys(self.keys)

    async def _read_keys(self, known: KeyRing | None) -> None:
        self._keys_read_at = time.monotonic()
        stored = await self.database.run(load_signing_keys, self.secrets)
        self.keys = KeyRing.open(stored, known)

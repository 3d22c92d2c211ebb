"""Logout tokens (OpenID Connect Back-Channel Logout 1.0): what clients are told, and how."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from idp.accounts.logout_notices import CHANNEL
from idp.connector_kit.http import HttpMail
from idp.oidc.keys import KeyRing, load_signing_keys
from idp.outbox.http_channel import HttpChannel
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.storage.secrets import new_id

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = 120
"""Seconds; §2.4 advises at most two minutes, to keep replays out."""
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def logout_token(issuer: str, keys: KeyRing, told: Mapping[str, str]) -> str:
    """Return the logout token for a client; `told` is what it was promised (§2.4)."""
    issued_at = int(time.time())
    claims = {
        "iss": issuer,
        "sub": told["sub"],
        "aud": told["client_id"],
        "iat": issued_at,
        "exp": issued_at + LIFETIME,
        "jti": new_id(),
        "sid": told["sid"],
        "events": {EVENT: {}},
    }
    return keys.sign(claims, told["algorithm"], typ="logout+jwt")


class LogoutChannel(HttpChannel):
    """Posts logout tokens to the clients (§2.5)."""

    name = CHANNEL
    key = "backchannel_logout_uri"

    def __init__(self, settings: Settings, database: Database, secrets: Secrets) -> None:
        super().__init__(secrets)
        self._issuer = settings.issuer
        self._database = database
        self._keys: KeyRing | None = None

    async def compose(self, payload: Mapping[str, Any]) -> HttpMail:
        """Sign a token, with the key of now: one of the first attempt would soon have expired."""
        stored = await self._database.run(load_signing_keys, self._secrets)
        self._keys = KeyRing.open(stored, self._keys)
        token = logout_token(self._issuer, self._keys, payload)
        return HttpMail(urlencode({"logout_token": token}).encode(), _FORM)

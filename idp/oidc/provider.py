"""What every endpoint of the provider has at hand."""

from dataclasses import dataclass, field

from idp.oidc.keys import KeyRing, load_private_jwks
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.web.pages import Pages


@dataclass
class Provider:
    """An OpenID Provider; `start` must be awaited before the first request."""

    settings: Settings
    database: Database
    secrets: Secrets
    pages: Pages
    keys: KeyRing = field(init=False)

    async def start(self) -> None:
        """Load the signing keys, and make one if there is none."""
        self.keys = KeyRing.open(await self.database.run(load_private_jwks, self.secrets))

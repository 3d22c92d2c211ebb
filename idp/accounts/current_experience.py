"""The sign-in experience as a running server knows it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from idp.accounts.sign_in_experience import (
    SignInExperience,
    default_experience,
    load_experience,
)
from idp.settings import Settings
from idp.storage import Database

log = structlog.get_logger(__name__)

Follower = Callable[[SignInExperience], None]

_EVERY = 2.0  # seconds after which every process obeys what was changed in another one


class CurrentExperience:
    """What holds now, read beside the requests so that none of them waits for it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self.value = default_experience(settings)
        self._follower: Follower = lambda _: None

    def follow(self, follower: Follower) -> None:
        """Have `follower` called with what holds, now and whenever it was read again."""
        self._follower = follower
        follower(self.value)

    async def refresh(self) -> None:
        """Read it now; who has just changed it needs not wait."""
        self.value = await self._database.read(load_experience, self._settings)
        self._follower(self.value)

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Read it every two seconds; while that fails, what was read last holds."""
        reading = asyncio.create_task(self._keep_fresh())
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.refresh()
            except Exception as error:  # noqa: BLE001 (the database may be away)
                log.warning("sign-in experience not read", error=type(error).__name__)

"""Delete what has run out, so that no table of short-lived rows grows without end."""

import asyncio
from datetime import timedelta

import structlog
from sqlmodel import Session, col, delete

from idp.storage.database import Database
from idp.storage.tables import (
    AccessToken,
    AuthorizationCode,
    BrowserSession,
    CodeSend,
    DeviceAuthorization,
    Flow,
    Interaction,
    PushedRequest,
    RefreshToken,
    UsedAssertion,
    Verification,
    now,
)

log = structlog.get_logger(__name__)

_EVERY = 60.0  # seconds
_COUNT_SENDS_FOR = timedelta(days=1)
_EXPIRING = (
    Verification,
    Flow,
    Interaction,
    AuthorizationCode,
    AccessToken,
    RefreshToken,
    DeviceAuthorization,
    UsedAssertion,
    BrowserSession,
    PushedRequest,
)


def purge(session: Session) -> None:
    """Delete expired rows."""
    moment = now()
    for table in _EXPIRING:
        session.exec(delete(table).where(col(table.expires_at) <= moment))
    session.exec(delete(CodeSend).where(col(CodeSend.sent_at) <= moment - _COUNT_SENDS_FOR))


async def keep_clean(database: Database) -> None:
    """Purge once a minute until cancelled."""
    while True:
        try:
            await database.run(purge)
        except Exception:
            log.exception("purge failed")
        await asyncio.sleep(_EVERY)

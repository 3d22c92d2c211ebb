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
    Challenge,
    CodeSend,
    FailedAttempt,
    Flow,
    Interaction,
    KnownDevice,
    MailedLink,
    RefreshToken,
    Verification,
    now,
)

log = structlog.get_logger(__name__)

_EVERY = 60.0  # seconds
_COUNTED_FOR = timedelta(days=1)
_EXPIRING = (
    Verification,
    Flow,
    Interaction,
    AuthorizationCode,
    AccessToken,
    RefreshToken,
    BrowserSession,
    Challenge,
    KnownDevice,
    MailedLink,
)


def purge(session: Session) -> None:
    """Delete expired rows."""
    moment = now()
    for table in _EXPIRING:
        session.exec(delete(table).where(col(table.expires_at) <= moment))
    counted_since = moment - _COUNTED_FOR
    session.exec(delete(CodeSend).where(col(CodeSend.sent_at) <= counted_since))
    session.exec(delete(FailedAttempt).where(col(FailedAttempt.failed_at) <= counted_since))


async def keep_clean(database: Database) -> None:
    """Purge once a minute until cancelled."""
    while True:
        try:
            await database.run(purge)
        except Exception:
            log.exception("purge failed")
        await asyncio.sleep(_EVERY)

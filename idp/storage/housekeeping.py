"""Delete what has run out, so that no table of short-lived rows grows without end."""

import asyncio
from datetime import timedelta

import structlog
from sqlmodel import Session, col, delete, exists, or_, select, update

from idp.storage.database import Database
from idp.storage.tables import (
    UNKNOWN,
    AccessToken,
    AuthorizationCode,
    BrowserSession,
    Challenge,
    CodeSend,
    DeviceAuthorization,
    FailedAttempt,
    Flow,
    Grant,
    Interaction,
    KnownDevice,
    MailedLink,
    Message,
    PushedRequest,
    RefreshToken,
    UsedAssertion,
    Verification,
    Worker,
    now,
)

log = structlog.get_logger(__name__)

_EVERY = 60.0  # seconds
_COUNTED_FOR = timedelta(days=1)
_REMEMBER_WORKERS_FOR = timedelta(days=1)
_BATCH = 500
_PAUSE = 0.05  # seconds
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
    Challenge,
    KnownDevice,
    MailedLink,
    PushedRequest,
)


def purge(session: Session) -> None:
    """Delete expired rows."""
    moment = now()
    for table in _EXPIRING:
        session.exec(delete(table).where(col(table.expires_at) <= moment))
    counted_since = moment - _COUNTED_FOR
    session.exec(delete(CodeSend).where(col(CodeSend.sent_at) <= counted_since))
    session.exec(delete(FailedAttempt).where(col(FailedAttempt.failed_at) <= counted_since))
    session.exec(delete(Worker).where(col(Worker.seen_at) <= moment - _REMEMBER_WORKERS_FOR))


def forget_contents(session: Session) -> None:
    """Erase what was only kept in case an operator sends it again, once that would be too late."""
    outdated = update(Message).where(UNKNOWN, col(Message.deadline) <= now())
    session.exec(outdated.values(payload=None))


def purge_messages(session: Session, age: timedelta, limit: int = _BATCH) -> int:
    """Delete messages that ended so long ago, with their attempts; return how many, at most."""
    ended = col(Message.ended_at)
    oldest = select(Message.id).where(ended <= now() - age).order_by(ended).limit(limit)
    return session.exec(delete(Message).where(col(Message.id).in_(oldest))).rowcount


def purge_grants(session: Session, after: str, limit: int = _BATCH) -> str:
    """Delete grants nothing is left of; return where to go on, "" after the last.

    One stays while a code or token of it is kept, for a second use must be noticed, or while its
    session lives, for the application must hear of the end of that.
    """
    grant_id = col(Grant.id)
    looked_at = select(Grant.id).where(grant_id > after).order_by(grant_id).limit(limit)
    ids = session.exec(looked_at).all()
    kept = [
        exists().where(col(table.grant_id) == grant_id)
        for table in (AuthorizationCode, AccessToken, RefreshToken, DeviceAuthorization)
    ]
    kept.append(exists().where(col(BrowserSession.id) == col(Grant.session_id)))
    session.exec(delete(Grant).where(grant_id.in_(ids), ~or_(*kept)))
    return ids[-1] if len(ids) == limit else ""


async def _purge_all(database: Database, log_age: timedelta) -> None:
    await database.run(purge)
    await database.run(forget_contents)
    deleted = _BATCH
    while deleted == _BATCH:
        deleted = await database.run(purge_messages, log_age)
        await asyncio.sleep(_PAUSE)  # others want to write, too


async def keep_clean(database: Database, log_age: timedelta) -> None:
    """Purge once a minute until cancelled; what became of mails is kept for `log_age`."""
    after = ""
    while True:
        try:
            await _purge_all(database, log_age)
            after = await database.run(purge_grants, after)
        except Exception:
            log.exception("purge failed")
        await asyncio.sleep(_EVERY)

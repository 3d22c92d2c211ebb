"""Browser sessions: who is signed in where; the cookie's value is never stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, delete, select, update

from idp.settings import Settings
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows, Statement
from idp.storage.tables import BrowserSession, Grant, User, now

_SEEN_EVERY = timedelta(minutes=5)
_SESSIONS = Rows(BrowserSession)
_FIND = Statement[tuple[BrowserSession, User]](
    select(BrowserSession, User)
    .join(User, col(User.id) == col(BrowserSession.user_id))
    .where(col(BrowserSession.fingerprint) == bindparam("fingerprint"))
)


@dataclass(frozen=True)
class SignedIn:
    """A person in a browser: the account and how and when they proved who they are."""

    user: User
    session: BrowserSession

    @property
    def auth_time(self) -> datetime:
        return self.session.auth_time


def load_session(session: Session, cookie: str | None, settings: Settings) -> SignedIn | None:
    """Return who is signed in with this cookie, unless the session ended or the account is off."""
    if not cookie:
        return None
    row = _FIND.first(session, fingerprint=fingerprint(cookie))
    if row is None:
        return None
    browser_session, user = row
    moment = now()
    idle_since = moment - timedelta(hours=settings.session_idle_hours)
    if browser_session.expires_at <= moment or browser_session.last_seen_at <= idle_since:
        return None
    if user.suspended_at is not None:
        return None
    if moment - browser_session.last_seen_at > _SEEN_EVERY:
        _SESSIONS.update(session, {"id": browser_session.id}, last_seen_at=moment)
    return SignedIn(user, browser_session)


def start_session(
    session: Session, user_id: str, amr: list[str], settings: Settings, *, replaces: str | None
) -> str:
    """Sign a person in and return the new cookie; the old one, if any, ends (session fixation)."""
    end_session(session, replaces)
    cookie = new_secret()
    expires_at = now() + timedelta(days=settings.session_max_days)
    browser_session = BrowserSession(
        fingerprint=fingerprint(cookie), user_id=user_id, amr=amr, expires_at=expires_at
    )
    session.add(browser_session)
    return cookie


def end_session(session: Session, cookie: str | None) -> None:
    """Sign out the browser that holds this cookie."""
    if cookie:
        ended = delete(BrowserSession).where(col(BrowserSession.fingerprint) == fingerprint(cookie))
        session.exec(ended)


def end_everything(session: Session, user_id: str) -> None:
    """Sign a person out everywhere and revoke what applications were granted."""
    session.exec(delete(BrowserSession).where(col(BrowserSession.user_id) == user_id))
    granted = col(Grant.user_id) == user_id, col(Grant.revoked_at).is_(None)
    session.exec(update(Grant).where(*granted).values(revoked_at=now()))

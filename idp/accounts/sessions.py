"""Browser sessions: who is signed in where; the cookie's value is never stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam
from sqlmodel import Session, col, delete, or_, select, update

from idp.accounts.logout_notices import promise_logouts
from idp.outbox import Outbox
from idp.settings import Settings
from idp.storage.secrets import fingerprint, new_secret
from idp.storage.statements import Rows, Statement
from idp.storage.tables import BrowserSession, Grant, User, now

RECENT = timedelta(minutes=10)
"""How long a proof opens what only the owner of an account may do."""

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

    @property
    def is_proven_recently(self) -> bool:
        """Tell whether the person may change what guards the account without a further proof."""
        return now() - self.session.proven_at < RECENT


@dataclass(frozen=True, kw_only=True)
class Visit:
    """The browser somebody signs in with: what it is, and the session it had before."""

    replaces: str | None = None
    remembered: bool = True
    ip: str | None = None
    device: str | None = None


def load_session(session: Session, cookie: str | None, settings: Settings) -> SignedIn | None:
    """Return who is signed in with this cookie, unless the session ended or the account is off."""
    row = _FIND.first(session, fingerprint=fingerprint(cookie)) if cookie else None
    return admit(session, *row, settings) if row else None


def admit(
    session: Session, browser_session: BrowserSession, user: User, settings: Settings
) -> SignedIn | None:
    """Return who is signed in by rows already found; the session notes that it was seen."""
    moment = now()
    if not is_live(browser_session, settings, moment) or user.suspended_at is not None:
        return None
    if moment - browser_session.last_seen_at > _SEEN_EVERY:
        _SESSIONS.update(session, {"id": browser_session.id}, last_seen_at=moment)
    return SignedIn(user, browser_session)


def is_live(browser_session: BrowserSession, settings: Settings, moment: datetime) -> bool:
    """Tell whether a session has neither run out nor been left unused too long."""
    idle = timedelta(hours=settings.session_idle_hours)
    if not browser_session.remembered:
        idle = min(idle, timedelta(minutes=settings.session_unremembered_idle_minutes))
    return browser_session.expires_at > moment and browser_session.last_seen_at > moment - idle


def live(settings: Settings, moment: datetime) -> list[ColumnElement[bool]]:
    """Return the same as the database reads it."""
    idle = timedelta(hours=settings.session_idle_hours)
    idle_unremembered = timedelta(minutes=settings.session_unremembered_idle_minutes)
    seen_at = col(BrowserSession.last_seen_at)
    return [
        col(BrowserSession.expires_at) > moment,
        seen_at > moment - idle,
        or_(col(BrowserSession.remembered), seen_at > moment - min(idle, idle_unremembered)),
    ]


def live_sessions(session: Session, user_id: str, settings: Settings) -> list[BrowserSession]:
    """Return where a person is signed in, the browser used last first."""
    statement = (
        select(BrowserSession)
        .where(col(BrowserSession.user_id) == user_id)
        .order_by(col(BrowserSession.last_seen_at).desc())
    )
    moment = now()
    return [row for row in session.exec(statement) if is_live(row, settings, moment)]


def start_session(  # noqa: PLR0913 (who signs in, how, and where)
    session: Session, outbox: Outbox, user_id: str, amr: list[str], settings: Settings, visit: Visit
) -> str:
    """Sign a person in and return the new cookie; the old one ends (session fixation).

    The same person's session goes on under its id: applications know it as `sid`, and would wait in
    vain for word of its end. Somebody else's ends as by signing out, and applications are told.
    """
    cookie = new_secret()
    started: dict[str, Any] = {
        "fingerprint": fingerprint(cookie),
        "amr": amr,
        "remembered": visit.remembered,
        "ip": visit.ip,
        "device": visit.device,
        "expires_at": now() + timedelta(days=settings.session_max_days),
    }
    replaced = _replaced(session, visit)
    if replaced and replaced.user_id == user_id:
        moment = now()
        started |= {"auth_time": moment, "proven_at": moment, "last_seen_at": moment}
        _SESSIONS.update(session, {"id": replaced.id}, **started)
        return cookie
    if replaced:
        sign_out(session, outbox, replaced.id)
    _SESSIONS.insert(session, user_id=user_id, **started)
    return cookie


def _replaced(session: Session, visit: Visit) -> BrowserSession | None:
    if not visit.replaces:
        return None
    return _SESSIONS.get(session, fingerprint=fingerprint(visit.replaces))


def end_session(session: Session, outbox: Outbox, cookie: str | None) -> None:
    """Sign out the browser that holds this cookie, and the applications used in it."""
    found = session.get(BrowserSession, fingerprint(cookie)) if cookie else None
    if found:
        sign_out(session, outbox, found.id)


def sign_out(
    session: Session, outbox: Outbox, session_id: str, *, offline_too: bool = False
) -> None:
    """End a session, revoke what applications were granted in it, and promise to tell them.

    OIDC Core §11: offline access is for when the person is gone, so it outlives a sign-out. With
    `offline_too` it does not: the browser may be in wrong hands.
    """
    promise_logouts(session, outbox, col(BrowserSession.id) == session_id)
    granted = [col(Grant.session_id) == session_id, col(Grant.revoked_at).is_(None)]
    if not offline_too:
        granted.append(~col(Grant.scope).contains("offline_access"))
    session.exec(update(Grant).where(*granted).values(revoked_at=now()))
    session.exec(delete(BrowserSession).where(col(BrowserSession.id) == session_id))


def end_everything(
    session: Session, outbox: Outbox, user_id: str, *, but: str | None = None
) -> None:
    """Sign a person out everywhere, revoke what applications were granted, promise to tell them.

    `but` is the id of a session that goes on, the one of the browser that asks for this.
    """
    ended = [col(BrowserSession.user_id) == user_id]
    if but:
        ended.append(col(BrowserSession.id) != but)
    promise_logouts(session, outbox, *ended)
    session.exec(delete(BrowserSession).where(*ended))
    granted = col(Grant.user_id) == user_id, col(Grant.revoked_at).is_(None)
    session.exec(update(Grant).where(*granted).values(revoked_at=now()))

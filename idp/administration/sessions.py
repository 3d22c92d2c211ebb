"""Who is signed in, in which browser, and what they let applications do; and the end of it."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from idp.accounts.grants import GrantedTo, list_grants, revoke_grants
from idp.accounts.sessions import end_everything, live, live_sessions, sign_out
from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.problems import NotFound
from idp.administration.users import begins_with, user
from idp.outbox import Outbox
from idp.settings import Settings
from idp.storage.tables import BrowserSession, User, now


@dataclass(frozen=True)
class Access:
    """One person: where they are signed in, and what acts for them."""

    user: User
    sessions: list[BrowserSession]
    grants: list[GrantedTo]


def signed_in(
    session: Session,
    settings: Settings,
    search: str = "",
    before: str | None = None,
    limit: int = 50,
) -> list[tuple[BrowserSession, User]]:
    """Return who is signed in, the newest session first; `search` begins an address.

    `before` is the id of the last session on the page before.
    """
    statement = (
        select(BrowserSession, User)
        .join(User, col(User.id) == col(BrowserSession.user_id))
        .where(*live(settings, now()), col(User.suspended_at).is_(None))
        .order_by(col(BrowserSession.id).desc())
        .limit(limit)
    )
    if search:
        statement = statement.where(begins_with(search))
    if before:
        statement = statement.where(col(BrowserSession.id) < before)
    return list(session.exec(statement))


def access_of(session: Session, settings: Settings, user_id: str) -> Access:
    """Return what a person has open; raises NotFound."""
    found = user(session, user_id)
    sessions = live_sessions(session, user_id, settings)
    return Access(found, sessions, list_grants(session, user_id))


def end_session(session: Session, actor: Actor, outbox: Outbox, session_id: str) -> str:
    """Sign one browser out, and the applications used in it; return whose it was.

    Raises NotFound.
    """
    of_session = select(BrowserSession.user_id).where(BrowserSession.id == session_id)
    user_id = session.exec(of_session).first()
    if user_id is None:
        raise NotFound("session", session_id)
    sign_out(session, outbox, session_id, offline_too=True)
    audit.record(session, actor, "session.end", Target("user", user_id), {"session": session_id})
    return user_id


def end_sessions(session: Session, actor: Actor, outbox: Outbox, user_id: str) -> None:
    """Sign a person out everywhere; raises NotFound."""
    user(session, user_id)
    end_everything(session, outbox, user_id)
    audit.record(session, actor, "session.end-all", Target("user", user_id))


def take_back_grant(session: Session, actor: Actor, user_id: str, client_id: str) -> None:
    """End what a person let an application do, so that it must ask again; raises NotFound."""
    user(session, user_id)
    if client_id not in {each.client_id for each in list_grants(session, user_id)}:
        raise NotFound("grant to application", client_id)
    revoke_grants(session, user_id, client_id)
    audit.record(
        session, actor, "grant.revoke", Target("user", user_id), {"application": client_id}
    )

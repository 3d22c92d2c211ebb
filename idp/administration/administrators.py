"""Who administers: people with the role `admin`, and the link that makes the first of them."""

from datetime import timedelta

from sqlmodel import Session, col, select

from idp.accounts.links import find_link, issue_link, use_link
from idp.accounts.sessions import SignedIn, is_live
from idp.accounts.users import address_key, create_user, find_user
from idp.administration.audit import Actor, Target, record
from idp.settings import Settings
from idp.storage.tables import BrowserSession, LinkPurpose, User, now

ROLE = "admin"
LINK_PATH = "/console/administrator"
SIGN_IN_AGE = timedelta(hours=12)
"""Who signed in longer ago than this signs in again before administering."""


def issue_administrator_link(
    session: Session, settings: Settings, email: str, lifetime: timedelta
) -> str:
    """Return a link that gives the account of this address the role, once.

    An account is made if there is none. Raises ValueError unless `email` is one address.
    """
    address_key(email)
    record(session, Actor("cli"), "administrator.invite", details={"minutes": _minutes(lifetime)})
    purpose = LinkPurpose.ADMINISTRATOR
    return issue_link(session, settings, purpose, lifetime, path=LINK_PATH, email=email)


def invited_administrator(session: Session, link_token: str) -> str | None:
    """Return the address a link is for, while the link can be used."""
    link = find_link(session, link_token)
    return link.email if link and link.purpose is LinkPurpose.ADMINISTRATOR else None


def accept_administrator_link(session: Session, link_token: str, ip: str | None) -> User | None:
    """Give the account the role; None when the link is unknown, used up or has run out."""
    if invited_administrator(session, link_token) is None:
        return None
    link = use_link(session, link_token)
    if link is None:
        return None
    found = find_user(session, address_key(link.email)) or create_user(session, link.email)
    user = session.get_one(User, found.id)
    user.roles = sorted({*user.roles, ROLE})
    user.updated_at = now()
    session.add(user)
    session.flush()
    record(session, Actor("user", user.id, ip), "administrator.accept", Target("user", user.id))
    return user


def find_signed_in(session: Session, settings: Settings, session_id: str) -> SignedIn | None:
    """Return who is signed in with the browser session of this id, if they signed in lately.

    The role is read with it, so taking it away, suspending the account or signing out anywhere
    closes the console with the next click.
    """
    statement = (
        select(BrowserSession, User)
        .join(User, col(User.id) == col(BrowserSession.user_id))
        .where(col(BrowserSession.id) == session_id, col(User.suspended_at).is_(None))
    )
    row = session.exec(statement).first()
    if row is None:
        return None
    browser_session, user = row
    is_recent = now() - browser_session.auth_time < SIGN_IN_AGE
    return (
        SignedIn(user, browser_session)
        if is_recent and is_live(browser_session, settings, now())
        else None
    )


def is_administrator(user: User) -> bool:
    return ROLE in user.roles and user.suspended_at is None


def _minutes(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds()) // 60

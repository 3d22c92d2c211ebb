"""Accounts: one person, one address."""

from collections.abc import Mapping

from sqlmodel import Session, col, delete

from idp.accounts.logout_notices import promise_logouts
from idp.connector_kit import parse_mailbox
from idp.outbox import Outbox
from idp.storage.statements import Rows
from idp.storage.tables import BrowserSession, Flow, User, now

NAME_CLAIMS = ("name", "given_name", "family_name", "nickname")
"""Standard claims (OIDC Core §5.1) people say about themselves."""

_USERS = Rows(User)


def address_key(email: str) -> str:
    """Return the address as it is compared: lower case, domain as A-labels.

    Raises ValueError unless `email` is exactly one mailbox. Dots and `+tags` are kept, for they
    may tell two people apart.
    """
    return parse_mailbox(email, display_name=False).address.casefold()


def find_user(session: Session, email_key: str) -> User | None:
    """Return the account with this address."""
    return _USERS.get(session, email_key=email_key)


def create_user(
    session: Session, email: str, *, locale: str | None = None, password_hash: str | None = None
) -> User:
    """Create an account for an address its owner has proven."""
    return _USERS.insert(
        session,
        email=email,
        email_key=address_key(email),
        email_verified=True,
        locale=locale,
        password_hash=password_hash,
    )


def verify_address(session: Session, user: User) -> None:
    """Note that a person has proven the address of the account."""
    if not user.email_verified:
        _USERS.update(session, {"id": user.id}, email_verified=True)


def set_password(session: Session, user_id: str, password_hash: str) -> None:
    """Replace a person's password."""
    user = session.get_one(User, user_id)
    user.password_hash = password_hash
    user.updated_at = now()


def choose_second_step(session: Session, user_id: str, *, wanted: bool) -> None:
    """Keep whether a person wants a code by mail asked for after their password."""
    user = session.get_one(User, user_id)
    user.second_step_by_mail = wanted
    user.updated_at = now()


def change_address(session: Session, user_id: str, email: str) -> User | None:
    """Give an account an address its owner has proven; None when another account has it."""
    email_key = address_key(email)
    holder = find_user(session, email_key)
    if holder is not None and holder.id != user_id:
        return None
    user = session.get_one(User, user_id)
    user.email, user.email_key, user.email_verified = email, email_key, True
    user.updated_at = now()
    session.flush()
    return user


def change_profile(
    session: Session, user_id: str, names: Mapping[str, str], locale: str | None
) -> None:
    """Keep what a person says about themselves; an empty name is forgotten."""
    user = session.get_one(User, user_id)
    kept = {claim: value for claim, value in user.claims.items() if claim not in NAME_CLAIMS}
    said = {claim: names[claim] for claim in NAME_CLAIMS if names.get(claim)}
    user.claims = kept | said
    user.locale = locale
    user.updated_at = now()


def delete_user(session: Session, outbox: Outbox, user_id: str) -> None:
    """Delete an account with all that hangs on it: mails, sessions, grants and so every token."""
    user = session.get_one(User, user_id)
    outbox.forget(session, user.email)
    promise_logouts(session, outbox, col(BrowserSession.user_id) == user_id)
    session.exec(delete(Flow).where(col(Flow.email_key) == user.email_key))
    session.exec(delete(User).where(col(User.id) == user_id))

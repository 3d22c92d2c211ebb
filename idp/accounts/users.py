"""Accounts: one person, one address."""

from sqlmodel import Session, col, select

from idp.connector_kit import parse_mailbox
from idp.storage.tables import User, now


def address_key(email: str) -> str:
    """Return the address as it is compared: lower case, domain as A-labels.

    Raises ValueError unless `email` is exactly one mailbox. Dots and `+tags` are kept, for they
    may tell two people apart.
    """
    return parse_mailbox(email, display_name=False).address.casefold()


def find_user(session: Session, email_key: str) -> User | None:
    """Return the account with this address."""
    return session.exec(select(User).where(col(User.email_key) == email_key)).first()


def create_user(
    session: Session, email: str, *, locale: str | None = None, password_hash: str | None = None
) -> User:
    """Create an account for an address its owner has proven."""
    user = User(
        email=email,
        email_key=address_key(email),
        email_verified=True,
        locale=locale,
        password_hash=password_hash,
    )
    session.add(user)
    session.flush()
    return user


def set_password(session: Session, user_id: str, password_hash: str) -> None:
    """Replace a person's password."""
    user = session.get_one(User, user_id)
    user.password_hash = password_hash
    user.updated_at = now()

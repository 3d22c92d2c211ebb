"""People's accounts, as an administrator keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_

from idp.accounts.sessions import end_everything
from idp.accounts.users import address_key, change_address, create_user, delete_user, find_user
from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.paging import Page, newest_first
from idp.administration.problems import Invalid, NotFound, Refused
from idp.outbox import Outbox
from idp.storage.tables import User, now

_ESCAPE = "\\"


@dataclass(frozen=True, kw_only=True)
class NewUser:
    """An account to be created; the administrator vouches for the address."""

    email: str
    password_hash: str | None = None
    locale: str | None = None
    claims: Mapping[str, str | None] = field(default_factory=dict)
    """Standard claims of OIDC Core §5.1; None removes one."""


@dataclass(frozen=True, kw_only=True)
class UserChange:
    """What shall be different about an account; None leaves the address as it is."""

    email: str | None = None
    claims: Mapping[str, str | None] = field(default_factory=dict)


def users(session: Session, page: Page, search: str | None = None) -> tuple[list[User], int]:
    """Return accounts, newest first, and how many there are; `search` is part of an address.

    `%` in it stands for any text, as with Logto; an id finds its account.
    """
    conditions = [_matches(search)] if search else []
    return newest_first(session, User, page, *conditions)


def user(session: Session, user_id: str) -> User:
    """Return an account; raises NotFound."""
    found = session.get(User, user_id)
    if found is None:
        raise NotFound("user", user_id)
    return found


def add_user(session: Session, actor: Actor, new: NewUser) -> User:
    """Create an account; raises Invalid for what is no address, Refused for one that is taken."""
    if find_user(session, _key(new.email)) is not None:
        raise _taken()
    added = create_user(session, new.email, locale=new.locale, password_hash=new.password_hash)
    created = session.get_one(User, added.id)
    created.claims = {name: value for name, value in new.claims.items() if value}
    audit.record(session, actor, "user.create", Target("user", created.id))
    return created


def change_user(session: Session, actor: Actor, user_id: str, change: UserChange) -> User:
    """Change an account; raises NotFound, and the same as `add_user`."""
    found = user(session, user_id)
    changed = sorted(change.claims)
    if change.email is not None and change.email != found.email:
        _key(change.email)
        if change_address(session, user_id, change.email) is None:
            raise _taken()
        changed.append("email")
    claims = {**found.claims, **change.claims}
    found.claims = {name: value for name, value in claims.items() if value}
    found.updated_at = now()
    session.add(found)
    audit.record(session, actor, "user.update", Target("user", user_id), {"changed": changed})
    return found


def change_password(
    session: Session, actor: Actor, outbox: Outbox, user_id: str, password_hash: str
) -> User:
    """Replace a password and sign the person out everywhere; raises NotFound."""
    found = user(session, user_id)
    found.password_hash = password_hash
    found.updated_at = now()
    session.add(found)
    end_everything(session, outbox, user_id)
    audit.record(session, actor, "user.password", Target("user", user_id))
    return found


def suspend_user(
    session: Session, actor: Actor, outbox: Outbox, user_id: str, *, suspended: bool
) -> User:
    """Lock a person out, and end what is under way; or let them in again. Raises NotFound."""
    found = user(session, user_id)
    if suspended:
        found.suspended_at = found.suspended_at or now()
        end_everything(session, outbox, user_id)
    else:
        found.suspended_at = None
    found.updated_at = now()
    session.add(found)
    action = "user.suspend" if suspended else "user.unsuspend"
    audit.record(session, actor, action, Target("user", user_id))
    return found


def remove_user(session: Session, actor: Actor, outbox: Outbox, user_id: str) -> None:
    """Delete an account, all that hangs on it, and mails to its address; raises NotFound."""
    user(session, user_id)
    audit.record(session, actor, "user.delete", Target("user", user_id))
    session.flush()
    delete_user(session, outbox, user_id)


def _matches(search: str) -> ColumnElement[bool]:
    pattern = search.casefold().replace(_ESCAPE, _ESCAPE * 2).replace("_", f"{_ESCAPE}_")
    pattern = pattern if "%" in pattern else f"%{pattern}%"
    return or_(col(User.email_key).like(pattern, escape=_ESCAPE), col(User.id) == search)


def _key(email: str) -> str:
    try:
        return address_key(email)
    except ValueError as error:
        problems = {"primaryEmail": str(error)}
        raise Invalid(
            "guard.invalid_input", f"primaryEmail: {error}.", data={"problems": problems}
        ) from error


def _taken() -> Refused:
    return Refused("user.email_already_in_use", "There is already an account with this address.")

"""People's accounts, as an administrator keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from idp.accounts.sessions import end_everything
from idp.accounts.sign_in_experience import load_experience
from idp.accounts.users import address_key, change_address, create_user, delete_user, find_user
from idp.administration import audit
from idp.administration.administrators import ROLE
from idp.administration.audit import Actor, Target
from idp.administration.paging import Page, newest_first
from idp.administration.problems import Invalid, NotFound, Refused
from idp.flows.notices import Origin, notice_mail
from idp.outbox import Mail, Outbox
from idp.outbox.notices import Notice, notice_template
from idp.settings import Settings
from idp.storage.tables import User, now

_ESCAPE = "\\"
_AFTER_ALL = "\U0010ffff"
"""Sorts after every character of an address."""


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


def find_users(
    session: Session, search: str = "", before: str | None = None, limit: int = 50
) -> list[User]:
    """Return accounts: the newest, or those whose id, address or its beginning is searched for.

    `before` is the id of the last account on the page before. Each page reads one index.
    """
    every = select(User).limit(limit)
    if not search:
        older = [col(User.id) < before] if before else []
        return list(session.exec(every.where(*older).order_by(col(User.id).desc())))
    if by_id := session.get(User, search):
        return [by_id]
    matching = [begins_with(search)]
    if before:
        last = session.exec(select(User.email_key).where(User.id == before)).first()
        matching.append(col(User.email_key) > (last or ""))
    return list(session.exec(every.where(*matching).order_by(col(User.email_key))))


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
    known = found.claims
    changed = sorted(name for name, value in change.claims.items() if value != known.get(name))
    if change.email is not None and change.email != found.email:
        _key(change.email)
        if change_address(session, user_id, change.email) is None:
            raise _taken()
        changed.append("email")
    claims = {**known, **change.claims}
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


def reset_password(
    session: Session, actor: Actor, settings: Settings, outbox: Outbox, user_id: str
) -> User:
    """Take a password away, sign the person out everywhere, and mail where to set a new one.

    Raises NotFound, and Refused when there is no password.
    """
    found = user(session, user_id)
    if found.password_hash is None:
        raise Refused("user.password_missing", "This account has no password to reset.")
    found.password_hash = None
    found.updated_at = now()
    session.add(found)
    end_everything(session, outbox, user_id)
    outbox.promise(session, _told_of_reset(session, settings, found))
    audit.record(session, actor, "user.password-reset", Target("user", user_id))
    return found


def _told_of_reset(session: Session, settings: Settings, user: User) -> Mail:
    """Return the notice of a changed password; it asks nobody to type anything but at this server.

    Where the administrator sits is not told.
    """
    locale = user.locale or settings.default_locale
    template = notice_template(session, Notice.PASSWORD_CHANGED, locale, settings.default_locale)
    experience = load_experience(session, settings)
    page = "/forgot-password" if experience.allows_forgotten_password else "/sign-in"
    link = f"{settings.issuer}{page}?{urlencode({'login_hint': user.email})}"
    origin = Origin(None, settings.product_name)
    return notice_mail(template, locale, origin, to=user.email, link=link)


def set_administrator(session: Session, actor: Actor, user_id: str, *, wanted: bool) -> User:
    """Let a person administer, or not any more; raises NotFound, Refused."""
    found = user(session, user_id)
    if not wanted:
        _refuse_yourself(actor, user_id)
    found.roles = sorted({*found.roles, ROLE} if wanted else {*found.roles} - {ROLE})
    found.updated_at = now()
    session.add(found)
    details = {"administrator": wanted}
    audit.record(session, actor, "user.roles", Target("user", user_id), details)
    return found


def suspend_user(
    session: Session, actor: Actor, outbox: Outbox, user_id: str, *, suspended: bool
) -> User:
    """Lock a person out, and end what is under way; or let them in again.

    Raises NotFound, Refused.
    """
    found = user(session, user_id)
    if suspended:
        _refuse_yourself(actor, user_id)
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
    """Delete an account, all that hangs on it, and mails to its address.

    Raises NotFound, Refused.
    """
    user(session, user_id)
    _refuse_yourself(actor, user_id)
    audit.record(session, actor, "user.delete", Target("user", user_id))
    session.flush()
    delete_user(session, outbox, user_id)


def _refuse_yourself(actor: Actor, user_id: str) -> None:
    """Raise Refused to administrators about to lock themselves out; somebody else may do it."""
    if actor.type == "user" and actor.id == user_id:
        message = "This is your own account: another administrator can do that."
        raise Refused("user.yourself", message)


def begins_with(typed: str) -> ColumnElement[bool]:
    """Match the addresses that begin like this, or are this one, by their index."""
    try:
        prefix = address_key(typed)
    except ValueError:
        prefix = typed.casefold()
    email_key = col(User.email_key)
    return and_(email_key >= prefix, email_key < prefix + _AFTER_ALL)


def _matches(search: str) -> ColumnElement[bool]:
    if "%" not in search[:-1] and search.endswith("%"):
        return begins_with(search[:-1])
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

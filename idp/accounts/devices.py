"""Browsers a person has signed in with, so that a new one can be told of."""

from datetime import timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows, Statement
from idp.storage.tables import KnownDevice, User, now

_DEVICES = Rows(KnownDevice)
_OF_PERSON = Statement[str](
    select(KnownDevice.fingerprint).where(col(KnownDevice.user_id) == bindparam("user_id"))
)
_OF_ADDRESS = Statement[str](
    select(KnownDevice.user_id)
    .join(User, col(User.id) == col(KnownDevice.user_id))
    .where(
        col(User.email_key) == bindparam("email_key"),
        col(KnownDevice.fingerprint) == bindparam("fingerprint"),
    )
)
_REMEMBERED_FOR = timedelta(days=400)  # as long as a browser keeps the cookie

# The first match counts: Edge and Opera call themselves Chrome, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def name_device(user_agent: str) -> str:
    """Say in a few words what a User-Agent header stands for: `Firefox, Linux`."""
    found = [_first(user_agent, names) for names in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or user_agent[:40].strip()


def _first(user_agent: str, names: tuple[tuple[str, str], ...]) -> str | None:
    return next((name for mark, name in names if mark in user_agent), None)


def is_new_device(session: Session, user_id: str, cookie: str) -> bool:
    """Note a browser; tell whether it is new to an account that was used with others before."""
    known = _OF_PERSON.all(session, user_id=user_id)
    device = {"user_id": user_id, "fingerprint": fingerprint(cookie)}
    if device["fingerprint"] in known:
        _DEVICES.update(session, device, expires_at=now() + _REMEMBERED_FOR)
        return False
    _DEVICES.insert(session, **device, expires_at=now() + _REMEMBERED_FOR)
    return bool(known)


def is_known_device(session: Session, email_key: str, cookie: str) -> bool:
    """Tell whether the account with this address was used in the browser with this cookie."""
    found = _OF_ADDRESS.first(session, email_key=email_key, fingerprint=fingerprint(cookie))
    return found is not None

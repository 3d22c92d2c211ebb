"""Browsers a person has signed in with, so that a new one can be told of."""

from datetime import timedelta

from sqlmodel import Session, col, select

from idp.storage.secrets import fingerprint
from idp.storage.tables import KnownDevice, User, now

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
    key = fingerprint(cookie)
    expires_at = now() + _REMEMBERED_FOR
    known = session.get(KnownDevice, (user_id, key))
    if known:
        known.expires_at = expires_at
        return False
    others = select(KnownDevice.user_id).where(col(KnownDevice.user_id) == user_id).limit(1)
    is_first = session.exec(others).first() is None
    session.add(KnownDevice(user_id=user_id, fingerprint=key, expires_at=expires_at))
    return not is_first


def is_known_device(session: Session, email_key: str, cookie: str) -> bool:
    """Tell whether the account with this address was used in the browser with this cookie."""
    statement = (
        select(KnownDevice.user_id)
        .join(User, col(User.id) == col(KnownDevice.user_id))
        .where(User.email_key == email_key, KnownDevice.fingerprint == fingerprint(cookie))
    )
    return session.exec(statement).first() is not None

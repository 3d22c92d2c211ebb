"""Links in mails: found by the hash of a token that only the mail holds."""

import secrets
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, update

from idp.settings import Settings
from idp.storage.secrets import fingerprint
from idp.storage.statements import Rows
from idp.storage.tables import LinkPurpose, MailedLink, now

_LINKS = Rows(MailedLink)


def issue_link(
    session: Session,
    settings: Settings,
    purpose: LinkPurpose,
    lifetime: timedelta,
    *,
    path: str = "/links",
    **fields: Any,
) -> str:
    """Return the address to mail; its token has 128 bits and is stored as a hash only.

    `path` is where links of this purpose are answered; `fields` are those of the row: whom the link
    is for, and what for.
    """
    link_token = secrets.token_urlsafe(16)
    _LINKS.insert(
        session,
        fingerprint=fingerprint(link_token),
        purpose=purpose,
        expires_at=now() + lifetime,
        **fields,
    )
    return f"{settings.issuer}{path}/{link_token}"


def find_link(session: Session, link_token: str) -> MailedLink | None:
    """Return a link that can still be used."""
    link = _LINKS.get(session, fingerprint=fingerprint(link_token))
    is_usable = link is not None and link.used_at is None and link.expires_at > now()
    return link if is_usable else None


def use_link(session: Session, link_token: str) -> MailedLink | None:
    """Return a link that from now on cannot be used; of two uses at once, only one gets it."""
    link = find_link(session, link_token)
    if link is None:
        return None
    unused = col(MailedLink.fingerprint) == link.fingerprint, col(MailedLink.used_at).is_(None)
    used = session.exec(update(MailedLink).where(*unused).values(used_at=now()))
    return link if used.rowcount == 1 else None

"""What a person lets applications do, and the end of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, exists, or_, select, update

from idp.storage.tables import AccessToken, Client, Consent, Grant, RefreshToken, now


@dataclass(frozen=True)
class GrantedTo:
    """An application that can act for a person, and what it may learn."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    since: datetime


def list_grants(session: Session, user_id: str) -> list[GrantedTo]:
    """Return the applications that hold tokens of a person, or need not ask for them, by name."""
    held = (
        select(Client.id, Client.name, Grant.scope, Grant.created_at)
        .join(Grant, col(Grant.client_id) == col(Client.id))
        .where(col(Grant.user_id) == user_id, col(Grant.revoked_at).is_(None), _has_token())
    )
    agreed = (
        select(Client.id, Client.name, Consent.scope, Consent.granted_at)
        .join(Consent, col(Consent.client_id) == col(Client.id))
        .where(col(Consent.user_id) == user_id)
    )
    found: dict[str, GrantedTo] = {}
    for client_id, name, scope, moment in (*session.exec(held), *session.exec(agreed)):
        before = found.get(client_id)
        scopes = {*scope.split(), *(before.scopes if before else ())}
        since = min(before.since, moment) if before else moment
        found[client_id] = GrantedTo(client_id, name, tuple(sorted(scopes)), since)
    return sorted(found.values(), key=lambda granted: (granted.name, granted.client_id))


def revoke_grants(session: Session, user_id: str, client_id: str) -> None:
    """End every token an application holds of a person, and let it ask again before the next."""
    theirs = (
        col(Grant.user_id) == user_id,
        col(Grant.client_id) == client_id,
        col(Grant.revoked_at).is_(None),
    )
    session.exec(update(Grant).where(*theirs).values(revoked_at=now()))
    agreed = col(Consent.user_id) == user_id, col(Consent.client_id) == client_id
    session.exec(delete(Consent).where(*agreed))


def _has_token() -> ColumnElement[bool]:
    moment = now()
    return or_(
        *(
            exists().where(col(table.grant_id) == col(Grant.id), col(table.expires_at) > moment)
            for table in (AccessToken, RefreshToken)
        )
    )

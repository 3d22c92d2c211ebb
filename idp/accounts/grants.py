"""What a person lets applications do, and the end of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, exists, or_, select, update

from idp.storage.tables import AccessToken, Client, Grant, RefreshToken, now


@dataclass(frozen=True)
class GrantedTo:
    """An application that can act for a person, and what it may learn."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    since: datetime


def list_grants(session: Session, user_id: str) -> list[GrantedTo]:
    """Return the applications that hold tokens of a person, by name."""
    statement = (
        select(Client, Grant)
        .join(Grant, col(Grant.client_id) == col(Client.id))
        .where(col(Grant.user_id) == user_id, col(Grant.revoked_at).is_(None), _has_token())
        .order_by(col(Client.name), col(Client.id), col(Grant.created_at))
    )
    found: dict[str, GrantedTo] = {}
    for client, grant in session.exec(statement):
        before = found.get(client.id)
        scopes = {*grant.scope.split(), *(before.scopes if before else ())}
        since = before.since if before else grant.created_at
        found[client.id] = GrantedTo(client.id, client.name, tuple(sorted(scopes)), since)
    return list(found.values())


def revoke_grants(session: Session, user_id: str, client_id: str) -> None:
    """End every token an application holds of a person."""
    theirs = (
        col(Grant.user_id) == user_id,
        col(Grant.client_id) == client_id,
        col(Grant.revoked_at).is_(None),
    )
    session.exec(update(Grant).where(*theirs).values(revoked_at=now()))


def _has_token() -> ColumnElement[bool]:
    moment = now()
    return or_(
        *(
            exists().where(col(table.grant_id) == col(Grant.id), col(table.expires_at) > moment)
            for table in (AccessToken, RefreshToken)
        )
    )

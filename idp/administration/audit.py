"""Who did what on the administrator's side, when and from where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlmodel import Session, col, select

from idp.storage.tables import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who asks for something to be done."""

    type: Literal["user", "client", "cli"]
    id: str | None = None
    ip: str | None = None


@dataclass(frozen=True)
class Target:
    """What something is done to."""

    type: str
    id: str | None = None


def record(  # noqa: PLR0913 (each is a column)
    session: Session,
    actor: Actor,
    action: str,
    target: Target | None = None,
    details: Mapping[str, Any] | None = None,
    *,
    refused: bool = False,
) -> None:
    """Add an entry to the transaction that does it, so that neither is there without the other.

    `details` may name what changed; it never holds a secret, a code or the text of a template.
    """
    session.add(
        AuditEntry(
            actor_type=actor.type,
            actor_id=actor.id,
            action=action,
            target_type=target.type if target else None,
            target_id=target.id if target else None,
            refused=refused,
            ip=actor.ip,
            details=dict(details or {}),
        )
    )


@dataclass(frozen=True)
class Filter:
    """Which entries to list; `before` is the id of the last entry on the page before."""

    actor_id: str | None = None
    action: str | None = None
    target: Target | None = None
    before: str | None = None


def entries(session: Session, wanted: Filter, limit: int = 50) -> list[AuditEntry]:
    """Return entries, newest first."""
    statement = select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(limit)
    if wanted.actor_id:
        statement = statement.where(AuditEntry.actor_id == wanted.actor_id)
    if wanted.action:
        statement = statement.where(AuditEntry.action == wanted.action)
    if wanted.target:
        statement = statement.where(AuditEntry.target_type == wanted.target.type)
        if wanted.target.id:
            statement = statement.where(AuditEntry.target_id == wanted.target.id)
    if wanted.before:
        statement = statement.where(AuditEntry.id < wanted.before)
    return list(session.exec(statement))

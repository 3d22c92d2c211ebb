"""Who did what on the administrator's side, when and from where."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from idp.administration.paging import Page, newest_first
from idp.administration.problems import NotFound
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
    return list(session.exec(statement.where(*_conditions(wanted))))


def page_of_entries(session: Session, wanted: Filter, page: Page) -> tuple[list[AuditEntry], int]:
    """Return a page of entries, newest first, and how many there are."""
    return newest_first(session, AuditEntry, page, *_conditions(wanted))


def entry(session: Session, entry_id: str) -> AuditEntry:
    """Return one entry; raises NotFound."""
    found = session.get(AuditEntry, entry_id)
    if found is None:
        raise NotFound("log", entry_id)
    return found


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    asked = {
        col(AuditEntry.actor_id): wanted.actor_id,
        col(AuditEntry.action): wanted.action,
        col(AuditEntry.target_type): wanted.target and wanted.target.type,
        col(AuditEntry.target_id): wanted.target and wanted.target.id,
    }
    found = [column == value for column, value in asked.items() if value]
    return [*found, col(AuditEntry.id) < wanted.before] if wanted.before else found

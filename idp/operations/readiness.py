"""`/readyz`: whether this process can serve, and how delivery is doing."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from idp.outbox.log import backlog, breakers
from idp.storage import Database
from idp.storage.migrations import is_current
from idp.storage.tables import BreakerState

log = structlog.get_logger(__name__)

STUCK_AFTER = 10.0
"""Seconds a due mail may wait for somebody to deliver it."""

_PATIENCE = 2.0  # seconds


@dataclass(frozen=True)
class Readiness:
    """What a load balancer needs (`is_ready`), and what a person wants to know (`report`)."""

    is_ready: bool
    report: Mapping[str, object]


async def check(database: Database) -> Readiness:
    """Look at the database; mail that is down is reported, yet no reason to send nobody here."""
    try:
        async with asyncio.timeout(_PATIENCE):
            migrated, delivery = await database.run(_look)
    except (SQLAlchemyError, OSError) as error:
        log.warning("database unreachable", error=type(error).__name__)
        return Readiness(False, {"database": "unreachable"})
    report = {
        "database": "ok",
        "migrations": "current" if migrated else "not current",
        "delivery": delivery,
    }
    return Readiness(migrated, report)


def _look(session: Session) -> tuple[bool, Mapping[str, object] | None]:
    if not is_current(session.connection()):
        return False, None  # the tables below may not be there
    return True, _delivery(session)


def _delivery(session: Session) -> Mapping[str, Any]:
    overdue = backlog(session).oldest_overdue
    resting = [each for each in breakers(session) if each.state is not BreakerState.CLOSED]
    return {
        "state": "stuck" if overdue > STUCK_AFTER else "ok",
        "oldest_overdue_seconds": round(overdue, 1),
        "connectors_resting": [each.connector_id for each in resting],
    }

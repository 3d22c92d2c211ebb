"""Rows as deliveries leave them behind."""

from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from idp.storage.secrets import first_id, new_id
from idp.storage.tables import DeliveryAttempt, Message, MessageState, now


def message(ended: datetime | None = None, took: float = 0.02, **values: Any) -> Message:
    """Return a mail that was promised `took` seconds before it ended, or waits since now."""
    given: dict[str, Any] = {
        "usage_type": "SignIn",
        "recipient": "sealed",
        "recipient_hash": "hash",
        "locale": "en",
        "state": MessageState.SENT if ended else MessageState.PROMISED,
        "due_at": now(),
        "deadline": now() + timedelta(minutes=10),
        "created_at": (ended or now()) - timedelta(seconds=took),
        "ended_at": ended,
    }
    return Message(**{**given, **values})


def attempt(
    session: Session, tried: Message, ended: datetime, connector: str = "first", **values: Any
) -> None:
    """Add an attempt that ended at a moment."""
    given: dict[str, Any] = {"outcome": "sent", "duration": 0.02, "number": 1}
    session.add(
        DeliveryAttempt(
            id=first_id(ended)[:13] + new_id()[13:],
            message_id=tried.id,
            connector_id=connector,
            started_at=ended,
            **{**given, **values},
        )
    )

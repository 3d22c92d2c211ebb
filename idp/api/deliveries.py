"""Deliveries: what became of promised mails. Logto has no such resource."""

from typing import Annotated

from fastapi import APIRouter, Query

from idp.administration import deliveries
from idp.administration.deliveries import Delivery, Filter
from idp.api.bearer import Caller, OfficeDesk
from idp.api.pagination import PAGED, Paged
from idp.api.wire import Answered, milliseconds
from idp.connector_kit import UsageType
from idp.storage.tables import DeliveryAttempt, MessageState

router = APIRouter(prefix="/deliveries", tags=["deliveries"])


class Shown(Answered):
    """A promised mail; never its content."""

    id: str
    usage_type: str
    to: str
    """Masked."""
    locale: str
    state: MessageState
    attempts: int
    due_at: int | None
    deadline: int
    ended_at: int | None
    connector_id: str | None
    provider_id: str | None
    saved_by_fallback: bool
    reason: str | None
    created_at: int


class Attempt(Answered):
    """One attempt to hand the mail to one connector instance."""

    number: int
    started_at: int
    seconds: float
    connector_id: str | None
    outcome: str
    stage: str | None
    reply_code: int | None
    enhanced_code: str | None
    reply: str | None
    error: str | None
    transcript: str | None


class ShownWithAttempts(Shown):
    """A promised mail and every attempt at it."""

    delivery_attempts: list[Attempt]


@router.get("", responses=PAGED)
async def list_deliveries(  # noqa: PLR0913 (each is a filter)
    office: OfficeDesk,
    _: Caller,
    paged: Paged,
    state: MessageState | None = None,
    usage_type: Annotated[UsageType | None, Query(alias="usageType")] = None,
    connector_id: Annotated[str | None, Query(alias="connectorId")] = None,
    to: Annotated[str | None, Query(description="Exactly this address.")] = None,
) -> list[Shown]:
    """List mails, newest first."""
    wanted = Filter(state=state, usage_type=usage_type, connector_id=connector_id, address=to)
    found, total = await office.database.read(
        deliveries.deliveries, office.secrets, paged.page, wanted
    )
    paged.tell(total)
    return [Shown(**_shown(each)) for each in found]


@router.get("/{id}")
async def get_delivery(office: OfficeDesk, _: Caller, id: str) -> ShownWithAttempts:  # noqa: A002
    """Show a mail and every attempt at it."""
    found, attempts = await office.database.read(deliveries.delivery, office.secrets, id)
    made = [_attempt(attempt) for attempt in attempts]
    return ShownWithAttempts(**_shown(found), delivery_attempts=made)


@router.post("/{id}/retry")
async def retry_delivery(office: OfficeDesk, caller: Caller, id: str) -> Shown:  # noqa: A002
    """Send a waiting mail now, or once more one that was perhaps sent."""
    retried = await office.database.run(
        deliveries.retry_delivery, caller, office.secrets, office.defer, id
    )
    return Shown(**_shown(retried))


@router.post("/{id}/cancel")
async def cancel_delivery(office: OfficeDesk, caller: Caller, id: str) -> Shown:  # noqa: A002
    """End a mail that waits, so that it is never sent."""
    cancelled = await office.database.run(deliveries.cancel_delivery, caller, office.secrets, id)
    return Shown(**_shown(cancelled))


def _shown(delivery: Delivery) -> dict[str, object]:
    message = delivery.message
    same = ("id", "usage_type", "locale", "state", "attempts", "connector_id", "provider_id")
    return {
        **{name: getattr(message, name) for name in (*same, "saved_by_fallback", "reason")},
        "to": delivery.to,
        "due_at": None if message.ended_at else milliseconds(message.due_at),
        "deadline": milliseconds(message.deadline),
        "ended_at": milliseconds(message.ended_at) if message.ended_at else None,
        "created_at": milliseconds(message.created_at),
    }


def _attempt(attempt: DeliveryAttempt) -> Attempt:
    return Attempt(
        number=attempt.number,
        started_at=milliseconds(attempt.started_at),
        seconds=attempt.duration,
        connector_id=attempt.connector_id,
        outcome=attempt.outcome,
        stage=attempt.stage,
        reply_code=attempt.reply_code,
        enhanced_code=attempt.enhanced_code,
        reply=attempt.reply,
        error=attempt.error,
        transcript=attempt.transcript,
    )

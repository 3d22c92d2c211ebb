"""One attempt: hand one mail to one connector, bounded in time, and put on record what it said."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    DeliveryReceipt,
    EmailRequest,
    Mask,
    TransientFailure,
    UsageType,
    private_texts,
)
from idp.connectors import Opened
from idp.hookspecs import DeliveryAttempt as ObservedAttempt
from idp.outbox.breakers import Turn
from idp.outbox.policy import Result
from idp.plugins import log_defect
from idp.storage.statements import Rows
from idp.storage.tables import DeliveryAttempt, Message, MessageState

ObservedOutcome = Literal["sent", "deferred", "failed", "expired", "skipped"]

ATTEMPTS = Rows(DeliveryAttempt)
SKIPPED = "skipped"
_SEEN_AS: dict[MessageState, ObservedOutcome] = {
    MessageState.SENT: "sent",
    MessageState.PROMISED: "deferred",
    MessageState.FAILED: "failed",
    MessageState.UNKNOWN: "failed",
    MessageState.EXPIRED: "expired",
}


async def send(opened: Opened, request: EmailRequest, seconds: float) -> Result:
    """Try one connector; an exception of another kind than the kit's is the plugin's fault."""
    try:
        async with asyncio.timeout(seconds):
            return _masked(await opened.connector.send(request), request)
    except TimeoutError:
        return AmbiguousFailure(f"The connector did not finish within {seconds:.0f} s.")
    except ConnectorError as error:
        return _masked(error, request)
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
        plugin = type(opened.connector).__module__.partition(".")[0]
        connector = opened.instance.connector_id
        log_defect("connector defect", error, connector=connector, plugin=plugin)
        return TransientFailure(f"The connector failed with {type(error).__name__}.")


def _masked(result: Result, request: EmailRequest) -> Result:
    """Take address and code out of what a provider said, should its plugin not have done it."""
    mask = Mask(private_texts(request.to, request.payload))

    def clean(text: object) -> str | None:
        return mask(storable(str(text)) or "") if text else None

    if isinstance(result, DeliveryReceipt):
        transcript = storable(result.transcript)
        return replace(result, reply=clean(result.reply), transcript=transcript)
    said = result.reply
    result.args = (clean(result),)
    result.reply = replace(said, text=clean(said.text) or "", stage=clean(said.stage))
    return result


def record(  # noqa: PLR0913 (what a row says)
    message: Message,
    connector_id: str | None,
    started_at: datetime,
    seconds: float,
    result: Result,
    outcome: str | None = None,
) -> DeliveryAttempt:
    """Return the row of an attempt; its outcome is named after the result unless given."""
    is_sent = isinstance(result, DeliveryReceipt)
    return ATTEMPTS.make(
        message_id=message.id,
        number=message.attempts,
        connector_id=connector_id,
        started_at=started_at,
        duration=seconds,
        outcome=outcome or ("sent" if is_sent else type(result).__name__),
        transcript=storable(result.transcript),
        **_said_by(result),
    )


def _said_by(result: Result) -> dict[str, str | int | None]:
    if isinstance(result, DeliveryReceipt):
        return {"reply": storable(result.reply)}
    return {
        "error": storable(str(result)),
        "stage": storable(result.reply.stage),
        "reply": storable(result.reply.text),
        "reply_code": result.reply.reply_code,
        "enhanced_code": storable(result.reply.enhanced_code),
    }


def facts(attempt: DeliveryAttempt) -> dict[str, object]:
    """Return what the log says of an attempt."""
    return {
        "attempt": attempt.number,
        "connector": attempt.connector_id,
        "outcome": attempt.outcome,
        "stage": attempt.stage,
        "reply_code": attempt.reply_code,
        "enhanced_code": attempt.enhanced_code,
        "seconds": round(attempt.duration, 3),
    }


def storable(text: str | None) -> str | None:
    """Return text every database takes: a provider's odd byte must not keep a mail unsettled."""
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def observed(
    message: Message,
    attempts: Sequence[DeliveryAttempt],
    state: MessageState,
    turns: dict[str, Turn],
) -> list[ObservedAttempt]:
    """Return the attempts of one claim as observers see them; the last decided the state."""
    *passed_on, last = attempts
    seen: list[tuple[DeliveryAttempt, ObservedOutcome]]
    seen = [(each, "skipped" if each.outcome == SKIPPED else "deferred") for each in passed_on]
    seen.append((last, _SEEN_AS[state]))
    return [
        ObservedAttempt(
            message_id=message.id,
            usage_type=UsageType(message.usage_type),
            connector=attempt.connector_id or "",
            number=attempt.number,
            outcome=outcome,
            started_at=attempt.started_at,
            duration=attempt.duration,
            stage=attempt.stage,
            reply_code=attempt.reply_code,
            enhanced_code=attempt.enhanced_code,
            reply=attempt.reply,
            breaker=turns.get(attempt.connector_id or ""),
            saved_by_fallback=outcome == "sent" and bool(passed_on),
        )
        for attempt, outcome in seen
    ]

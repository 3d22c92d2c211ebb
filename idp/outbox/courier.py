"""Deliver one promised mail: claim it, try the connectors in order, settle it."""

import asyncio
import random
from datetime import datetime
from time import perf_counter
from typing import Literal

import structlog

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    DeliveryReceipt,
    EmailRequest,
    EmailTemplate,
    PermanentFailure,
    TransientFailure,
    UsageType,
)
from idp.connectors import Connectors, Opened
from idp.hookspecs import DeliveryAttempt as ObservedAttempt
from idp.outbox import ledger, policy
from idp.outbox.ledger import Outcome
from idp.plugins import Plugins
from idp.storage import Database, Secrets
from idp.storage.tables import DeliveryAttempt, Message, MessageState, now

log = structlog.get_logger(__name__)

ObservedOutcome = Literal["sent", "deferred", "failed", "expired"]

_SEEN_AS: dict[MessageState, ObservedOutcome] = {
    MessageState.SENT: "sent",
    MessageState.PROMISED: "deferred",
    MessageState.FAILED: "failed",
    MessageState.UNKNOWN: "failed",
    MessageState.EXPIRED: "expired",
}


class Courier:
    """Delivers messages; any number may work on the same table."""

    def __init__(
        self, database: Database, secrets: Secrets, connectors: Connectors, plugins: Plugins
    ) -> None:
        self.database = database
        self._secrets = secrets
        self._connectors = connectors
        self._plugins = plugins
        self._claimant = ledger.new_claimant()

    async def deliver(self, message_id: str) -> None:
        """Deliver a message if it is due and nobody else has it; calling twice does no harm."""
        claimed = await self.database.run(ledger.claim, message_id, self._claimant, policy.LEASE)
        if claimed is None:
            return
        outcome = await self._attempt(claimed)
        kept = await self.database.run(ledger.settle, claimed, outcome)
        self._report(claimed, outcome, kept=kept)

    async def _attempt(self, message: Message) -> Outcome:
        if message.deadline <= now():
            return Outcome(state=MessageState.EXPIRED, attempts=[_expired(message)])
        attempts: list[DeliveryAttempt] = []
        request = self._request(message)
        failure: ConnectorError = TransientFailure("No email connector is set up.")
        for opened in await self._connectors.in_order():
            if not policy.may_start(now(), message.deadline, message.due_at):
                break
            attempt, result = await _send(opened, request, message)
            attempts.append(attempt)
            if isinstance(result, DeliveryReceipt):
                return Outcome(
                    state=MessageState.SENT,
                    attempts=attempts,
                    connector_id=opened.instance.id,
                    provider_id=result.provider_id,
                )
            failure = result
            if isinstance(failure, PermanentFailure):
                return Outcome(state=MessageState.FAILED, attempts=attempts)
            if isinstance(failure, AmbiguousFailure):
                break
        if not attempts:
            attempts.append(_record(message, None, now(), 0.0, failure))
        return _after_failure(message, attempts, failure)

    def _request(self, message: Message) -> EmailRequest:
        sealed = self._secrets.open_json(message.payload or "")
        template = sealed["custom_template"]
        return EmailRequest(
            to=self._secrets.open(message.recipient),
            usage_type=UsageType(message.usage_type),
            payload=sealed["payload"],
            locale=message.locale,
            ui_locales=sealed["ui_locales"],
            ip=sealed["ip"],
            deadline=message.deadline,
            custom_template=EmailTemplate.model_validate(template) if template else None,
            message_id=message.id,
            idempotency_key=message.id,
        )

    def _report(self, message: Message, outcome: Outcome, *, kept: bool) -> None:
        log.info(
            "mail delivery",
            message=message.id,
            usage_type=message.usage_type,
            state=outcome.state.value,
            attempt=message.attempts,
            connector=outcome.connector_id,
            reason=outcome.attempts[-1].error,
            lease_lost=not kept,
        )
        *passed_on, last = outcome.attempts
        observed = [_observed(message, attempt, "deferred") for attempt in passed_on]
        observed.append(_observed(message, last, _SEEN_AS[outcome.state]))
        for attempt in observed:
            self._plugins.ask("idp_email_attempted", attempt=attempt)


async def _send(
    opened: Opened, request: EmailRequest, message: Message
) -> tuple[DeliveryAttempt, DeliveryReceipt | ConnectorError]:
    """Try one connector, bounded in time; an exception of another kind is the plugin's fault."""
    started_at, started = now(), perf_counter()
    limit = min(policy.SEND_TIMEOUT, message.deadline - started_at).total_seconds()
    result: DeliveryReceipt | ConnectorError
    try:
        async with asyncio.timeout(limit):
            result = await opened.connector.send(request)
    except TimeoutError:
        result = AmbiguousFailure(f"The connector did not finish within {limit:.0f} s.")
    except ConnectorError as error:
        result = error
    except Exception as error:
        log.exception("connector defect", connector=opened.instance.connector_id)
        result = TransientFailure(f"The connector failed with {type(error).__name__}.")
    seconds = perf_counter() - started
    return _record(message, opened.instance.id, started_at, seconds, result), result


def _after_failure(
    message: Message, attempts: list[DeliveryAttempt], failure: ConnectorError
) -> Outcome:
    is_ambiguous = isinstance(failure, AmbiguousFailure)
    if is_ambiguous and not policy.may_repeat(UsageType(message.usage_type)):
        return Outcome(state=MessageState.UNKNOWN, attempts=attempts)
    due_at = policy.next_attempt(
        message.attempts,
        now(),
        message.deadline,
        jitter=random.uniform(-0.2, 0.2),  # noqa: S311 (spreads load, guards nothing)
        retry_after=getattr(failure, "retry_after", None),
    )
    if due_at is None:
        return Outcome(state=MessageState.EXPIRED, attempts=attempts)
    return Outcome(state=MessageState.PROMISED, attempts=attempts, due_at=due_at)


def _record(
    message: Message,
    connector_id: str | None,
    started_at: datetime,
    seconds: float,
    result: DeliveryReceipt | ConnectorError,
) -> DeliveryAttempt:
    attempt = DeliveryAttempt(
        message_id=message.id,
        number=message.attempts,
        connector_id=connector_id,
        started_at=started_at,
        duration=seconds,
        outcome="sent" if isinstance(result, DeliveryReceipt) else type(result).__name__,
    )
    if isinstance(result, DeliveryReceipt):
        attempt.reply = result.reply
    else:
        attempt.error = str(result)
        attempt.stage = result.reply.stage
        attempt.reply = result.reply.text
        attempt.reply_code = result.reply.reply_code
        attempt.enhanced_code = result.reply.enhanced_code
    return attempt


def _expired(message: Message) -> DeliveryAttempt:
    return DeliveryAttempt(
        message_id=message.id,
        number=message.attempts,
        started_at=now(),
        duration=0.0,
        outcome="expired",
    )


def _observed(
    message: Message, attempt: DeliveryAttempt, outcome: ObservedOutcome
) -> ObservedAttempt:
    return ObservedAttempt(
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
    )

"""One round: what happens to a claimed message until it is settled."""

import random
from datetime import datetime, timedelta
from time import perf_counter

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    DeliveryReceipt,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from idp.outbox import attempt, policy
from idp.outbox.breakers import Note
from idp.outbox.ledger import Outcome
from idp.outbox.policy import Circuit, Result, Verdict
from idp.storage.tables import DeliveryAttempt, Message, MessageState

_CLOSED = Circuit()


class Round:
    """Collects attempts at one message and says what follows; its clock is the database's."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.lease_end = message.due_at
        self._usage_type = message.usage_type
        self._began = message.due_at - policy.LEASE
        self._started = perf_counter()
        self._attempts: list[DeliveryAttempt] = []
        self._notes: list[Note] = []
        self._come_back: list[datetime] = []
        self._failure: ConnectorError | None = None

    @property
    def moment(self) -> datetime:
        return self._began + timedelta(seconds=perf_counter() - self._started)

    @property
    def seconds_to_send(self) -> float:
        """How long a connector may take that is asked now."""
        end = min(self.message.deadline, self.lease_end - policy.TIME_TO_SETTLE)
        return min(policy.SEND_TIMEOUT, end - self.moment).total_seconds()

    @property
    def may_go_on(self) -> bool:
        return policy.may_start(self.moment, self.message.deadline, self.lease_end)

    def note(
        self, connector_id: str, started_at: datetime, result: Result, circuit: Circuit = _CLOSED
    ) -> Result:
        """Put the result of one attempt on record."""
        moment = self.moment
        seconds = (moment - started_at).total_seconds()
        row = attempt.record(self.message, connector_id, started_at, seconds, result)
        self._attempts.append(row)
        judged = policy.verdict(result)
        if judged is not Verdict.WORKS or circuit != _CLOSED:  # else there is nothing to change
            note = Note(
                connector_id=connector_id,
                message_id=self.message.id,
                verdict=judged,
                moment=moment,
                reason=row.error,
                wait=result.retry_after if isinstance(result, RateLimited) else None,
            )
            self._notes.append(note)
        self._failure = result if isinstance(result, ConnectorError) else None
        return result

    def skip(self, connector_id: str, why: str, come_back: datetime) -> None:
        """Put on record that a connector instance was not asked."""
        self._without_a_try(attempt.SKIPPED, why, connector_id)
        self._come_back.append(come_back)

    def goes_on_after(self, failure: Result) -> bool:
        """Tell whether the next connector instance is asked at once."""
        return isinstance(failure, ConnectorError) and policy.goes_on(
            failure, self.message.attempts, self._usage_type
        )

    def sent(self, connector_id: str, receipt: DeliveryReceipt) -> Outcome:
        provider_id = attempt.storable(receipt.provider_id)
        return self._outcome(MessageState.SENT, connector_id=connector_id, provider_id=provider_id)

    def expired(self) -> Outcome:
        self._without_a_try("expired", "Its deadline had passed.")
        return self._outcome(MessageState.EXPIRED)

    @property
    def is_in_doubt(self) -> bool:
        """Whether it was perhaps sent before, and must not be sent twice."""
        return self.message.interrupted and not policy.may_repeat(self._usage_type)

    def interrupted(self) -> Outcome:
        why = "Whoever was sending it died; whether it was sent is unknown."
        self._without_a_try("interrupted", why)
        return self._outcome(MessageState.UNKNOWN)

    def not_sent(self, why_untried: str) -> Outcome:
        """Return what follows from the attempts made, if any: the last failure decides."""
        if not self._attempts:
            self._without_a_try(TransientFailure.__name__, why_untried)
        if isinstance(self._failure, PermanentFailure):
            return self._outcome(MessageState.FAILED)
        is_ambiguous = isinstance(self._failure, AmbiguousFailure)
        if is_ambiguous and not policy.may_repeat(self._usage_type):
            return self._outcome(MessageState.UNKNOWN)
        due_at = self._next_attempt()
        state = MessageState.EXPIRED if due_at is None else MessageState.PROMISED
        return self._outcome(state, due_at=due_at)

    def _next_attempt(self) -> datetime | None:
        moment, deadline = self.moment, self.message.deadline
        jitter = random.uniform(-0.2, 0.2)  # noqa: S311 (spreads load, guards nothing)
        if self._failure is None and self._come_back:
            return policy.after_waiting(
                self.message.attempts, self._come_back, moment, deadline, jitter=jitter
            )
        wish = getattr(self._failure, "retry_after", None)
        return policy.next_attempt(
            self.message.attempts, moment, deadline, jitter=jitter, retry_after=wish
        )

    def _without_a_try(self, outcome: str, why: str, connector_id: str | None = None) -> None:
        failure = TransientFailure(why)
        row = attempt.record(self.message, connector_id, self.moment, 0.0, failure, outcome)
        self._attempts.append(row)

    def _outcome(
        self,
        state: MessageState,
        *,
        due_at: datetime | None = None,
        connector_id: str | None = None,
        provider_id: str | None = None,
    ) -> Outcome:
        return Outcome(
            state=state,
            moment=self.moment,
            attempts=self._attempts,
            notes=self._notes,
            due_at=due_at,
            connector_id=connector_id,
            provider_id=provider_id,
            reason=None if state is MessageState.SENT else self._attempts[-1].error,
        )

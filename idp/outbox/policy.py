"""When and where a mail is tried again, decided from values alone."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    DeliveryReceipt,
    InvalidConfig,
    PermanentFailure,
    TemplateNotFound,
    UsageType,
)
from idp.storage.tables import BreakerState, Priority

BACK_OFF = (1, 2, 5, 15, 30, 60)
"""Seconds before the next attempt; the last repeats."""

SEND_TIMEOUT = timedelta(seconds=10)
"""How long one connector may take over one attempt."""

LEASE = timedelta(seconds=20)
"""How long a claim protects a message from other couriers; no send outlasts it."""

TIME_TO_SETTLE = timedelta(seconds=1)
_SHORTEST_SEND = timedelta(seconds=5)

FAILURES_TO_OPEN = 5
OPEN_FOR = timedelta(seconds=30)
LAST_RESORT = timedelta(seconds=2)
_LONGEST_WAIT = 300  # seconds
_LONGEST_PAUSE = 5  # seconds

_NOTICES: frozenset[str] = frozenset({UsageType.ORGANIZATION_INVITATION})
"""Mails nobody waits for on a page, and that confuse when they come twice."""

Result = DeliveryReceipt | ConnectorError


def priority_of(usage_type: str) -> Priority:
    """Return what a mail of this kind is queued as: a code goes first."""
    return Priority.NOTICE if usage_type in _NOTICES else Priority.CODE


def may_repeat(usage_type: str) -> bool:
    """Tell whether a mail that was perhaps sent may be sent again: a code does no harm twice."""
    return usage_type not in _NOTICES


def next_attempt(
    attempts: int,
    moment: datetime,
    deadline: datetime,
    *,
    jitter: float,
    retry_after: float | None = None,
) -> datetime | None:
    """Return when to try again, or None when that would be past the deadline.

    `attempts` counts those made, `jitter` lies between -0.2 and 0.2, `retry_after` is the
    provider's wish in seconds.
    """
    pause = BACK_OFF[min(attempts, len(BACK_OFF)) - 1] * (1 + jitter)
    seconds = max(pause, retry_after or 0)
    if seconds >= (deadline - moment).total_seconds():
        return None
    return moment + timedelta(seconds=seconds)


def may_start(moment: datetime, deadline: datetime, lease_end: datetime) -> bool:
    """Tell whether a connector may be tried: not past the deadline, with lease enough to send."""
    return moment < deadline and moment + _SHORTEST_SEND + TIME_TO_SETTLE <= lease_end


def goes_on(failure: ConnectorError, attempts: int, usage_type: str) -> bool:
    """Tell whether the next connector is tried at once after this failure.

    What was perhaps sent is tried once more where it failed, which sends the same Message-ID
    again; when that ends in doubt too, a code goes to the next connector rather than wait longer.
    """
    if isinstance(failure, PermanentFailure):
        return False
    if isinstance(failure, AmbiguousFailure):
        return attempts > 1 and may_repeat(usage_type)
    return True


class Verdict(StrEnum):
    """What one attempt says about the connector instance, as opposed to the mail."""

    WORKS = "works"
    FAILS = "fails"
    MISCONFIGURED = "misconfigured"
    UNDECIDED = "undecided"


def verdict(result: Result) -> Verdict:
    """Judge the connector: who refuses a recipient or a message, even for now, is at work."""
    if isinstance(result, InvalidConfig):
        return Verdict.MISCONFIGURED
    if isinstance(result, TemplateNotFound):
        return Verdict.UNDECIDED
    if isinstance(result, DeliveryReceipt | PermanentFailure) or result.reply.stage == "rcpt":
        return Verdict.WORKS
    return Verdict.FAILS


@dataclass(frozen=True)
class Circuit:
    """A circuit breaker: closed lets every mail through, open none, half open one."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    last_message_id: str | None = None
    retry_at: datetime | None = None
    last_resort_at: datetime | None = None

    def passage(
        self, moment: datetime, *, last_resort: bool = False
    ) -> Literal["free", "trial", "shut"]:
        """Tell whether a mail may pass; of those offered a trial, one must be chosen."""
        if self.state is BreakerState.CLOSED:
            return "free"
        return "trial" if self.opens_at(moment, last_resort=last_resort) <= moment else "shut"

    def opens_at(self, moment: datetime, *, last_resort: bool = False) -> datetime:
        """Return from when on a trial is offered; `last_resort` means that no other works."""
        return (self.last_resort_at if last_resort else self.retry_at) or moment

    def after(
        self, judged: Verdict, message_id: str, moment: datetime, wait: float | None = None
    ) -> "Circuit":
        """Return the circuit after one more attempt, whose mail was this.

        `wait` is for how many seconds the provider asked not to be bothered: that opens it, too.
        """
        if judged is Verdict.WORKS:
            return Circuit()
        if judged is Verdict.UNDECIDED:
            is_trial = self.state is BreakerState.HALF_OPEN
            return self._opened(moment, moment) if is_trial else self
        repeated = message_id == self.last_message_id and self.failures > 0
        counted = replace(self, failures=self.failures + (not repeated), last_message_id=message_id)
        if self.state is BreakerState.OPEN:
            return counted  # sent before it opened: no reason to wait longer
        must_open = (
            self.state is BreakerState.HALF_OPEN
            or judged is Verdict.MISCONFIGURED
            or counted.failures >= FAILURES_TO_OPEN
            or wait is not None
        )
        if not must_open:
            return counted
        if wait is not None:
            wish = moment + timedelta(seconds=min(_LONGEST_WAIT, max(0.0, wait)))
            return counted._opened(wish, wish)
        # A refused login is not tried every other second: providers lock accounts for less.
        is_setting = judged is Verdict.MISCONFIGURED
        return counted._opened(
            moment + OPEN_FOR, moment + (OPEN_FOR if is_setting else LAST_RESORT)
        )

    def _opened(self, retry_at: datetime, last_resort_at: datetime) -> "Circuit":
        return replace(
            self, state=BreakerState.OPEN, retry_at=retry_at, last_resort_at=last_resort_at
        )


def after_waiting(
    attempts: int,
    retry_times: Iterable[datetime],
    moment: datetime,
    deadline: datetime,
    *,
    jitter: float,
) -> datetime | None:
    """Return when to come back after every connector was passed over, None when too late.

    That is shortly after the first of them may be tried again, for only one mail may try it.
    """
    earliest = min(retry_times, default=moment)
    pause = timedelta(seconds=min(attempts, _LONGEST_PAUSE) * (1 + jitter))
    due_at = max(earliest, moment) + pause
    return due_at if due_at < deadline else None

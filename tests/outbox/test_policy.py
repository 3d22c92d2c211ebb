"""The retry policy: never late, never at once, never too rarely."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.connector_kit import UsageType
from idp.outbox.policy import (
    BACK_OFF,
    LEASE,
    SEND_TIMEOUT,
    may_repeat,
    may_start,
    next_attempt,
)

MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)

attempts = st.integers(1, 1000)
jitters = st.floats(-0.2, 0.2)
lifetimes = st.timedeltas(timedelta(-1), timedelta(1))
wishes = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(attempts, jitters, lifetimes, wishes)
def test_no_attempt_is_planned_in_the_past_or_past_the_deadline(
    attempts: int, jitter: float, lifetime: timedelta, retry_after: float | None
) -> None:
    deadline = MOMENT + lifetime
    due_at = next_attempt(attempts, MOMENT, deadline, jitter=jitter, retry_after=retry_after)
    assert due_at is None or MOMENT < due_at < deadline


@given(attempts, jitters)
def test_the_pause_is_the_back_off_with_a_fifth_of_jitter(attempts: int, jitter: float) -> None:
    due_at = next_attempt(attempts, MOMENT, MOMENT + timedelta(1), jitter=jitter)
    assert due_at
    planned = BACK_OFF[min(attempts, 6) - 1]
    assert 0.8 * planned <= (due_at - MOMENT).total_seconds() <= 1.2 * planned


@given(attempts, jitters, st.floats(0, 3600))
def test_the_providers_wish_is_honoured(attempts: int, jitter: float, retry_after: float) -> None:
    deadline = MOMENT + timedelta(1)
    due_at = next_attempt(attempts, MOMENT, deadline, jitter=jitter, retry_after=retry_after)
    assert due_at
    assert due_at >= MOMENT + timedelta(seconds=retry_after)


def test_without_jitter_the_pauses_are_the_documented_ones() -> None:
    dues = [next_attempt(n, MOMENT, MOMENT + timedelta(1), jitter=0) for n in range(1, 9)]
    pauses = [(due - MOMENT).total_seconds() for due in dues if due]
    assert pauses == [1, 2, 5, 15, 30, 60, 60, 60]


def test_an_attempt_at_the_deadline_itself_is_not_made() -> None:
    assert next_attempt(1, MOMENT, MOMENT + timedelta(seconds=1), jitter=0) is None


@pytest.mark.parametrize(
    ("to_deadline", "to_lease_end", "expected"),
    [(600, 20, True), (0.001, 10, True), (0, 20, False), (-1, 20, False), (600, 9.999, False)],
)
def test_a_send_starts_before_the_deadline_and_ends_within_the_lease(
    to_deadline: float, to_lease_end: float, expected: bool
) -> None:
    deadline, lease_end = (
        MOMENT + timedelta(seconds=seconds) for seconds in (to_deadline, to_lease_end)
    )
    assert may_start(MOMENT, deadline, lease_end) is expected


def test_a_lease_leaves_time_for_a_first_and_a_second_connector() -> None:
    assert 2 * SEND_TIMEOUT <= LEASE


@pytest.mark.parametrize("usage_type", UsageType)
def test_everything_but_an_invitation_may_be_sent_twice(usage_type: UsageType) -> None:
    is_invitation = usage_type is UsageType.ORGANIZATION_INVITATION
    assert may_repeat(usage_type) is not is_invitation

"""The retry policy: never late, never at once, never too rarely."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    DeliveryReceipt,
    InvalidConfig,
    PermanentFailure,
    ProviderReply,
    TemplateNotFound,
    TransientFailure,
    UsageType,
)
from idp.outbox.policy import (
    BACK_OFF,
    LEASE,
    SEND_TIMEOUT,
    Circuit,
    Result,
    Verdict,
    after_waiting,
    goes_on,
    may_repeat,
    may_start,
    next_attempt,
    priority_of,
    verdict,
)
from idp.storage.tables import BreakerState, Priority

SIGN_IN, INVITATION = UsageType.SIGN_IN, UsageType.ORGANIZATION_INVITATION
CLOSED, OPEN = BreakerState.CLOSED, BreakerState.OPEN
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
    [(600, 20, True), (0.001, 6, True), (0, 20, False), (-1, 20, False), (600, 5.999, False)],
)
def test_a_send_starts_before_the_deadline_and_ends_within_the_lease(
    to_deadline: float, to_lease_end: float, expected: bool
) -> None:
    deadline, lease_end = (
        MOMENT + timedelta(seconds=seconds) for seconds in (to_deadline, to_lease_end)
    )
    assert may_start(MOMENT, deadline, lease_end) is expected


def test_after_a_connector_that_hangs_there_is_time_for_a_second_one() -> None:
    lease_end = MOMENT + LEASE
    assert may_start(MOMENT + SEND_TIMEOUT + timedelta(seconds=1), lease_end, lease_end)


@pytest.mark.parametrize("usage_type", UsageType)
def test_everything_but_an_invitation_may_be_sent_twice(usage_type: UsageType) -> None:
    is_invitation = usage_type is UsageType.ORGANIZATION_INVITATION
    assert may_repeat(usage_type) is not is_invitation


@pytest.mark.parametrize("usage_type", UsageType)
def test_a_code_leaves_before_an_invitation(usage_type: UsageType) -> None:
    is_invitation = usage_type is UsageType.ORGANIZATION_INVITATION
    assert priority_of(usage_type) is (Priority.NOTICE if is_invitation else Priority.CODE)


@pytest.mark.parametrize(
    ("failure", "attempts", "usage_type", "expected"),
    [
        (TransientFailure("busy"), 1, SIGN_IN, True),
        (InvalidConfig("bad password"), 1, INVITATION, True),
        (TemplateNotFound("none"), 1, SIGN_IN, True),
        (PermanentFailure("no such user"), 1, SIGN_IN, False),
        (AmbiguousFailure("lost"), 1, SIGN_IN, False),
        (AmbiguousFailure("lost"), 2, SIGN_IN, True),
        (AmbiguousFailure("lost"), 2, INVITATION, False),
    ],
)
def test_which_failure_the_next_connector_takes_over(
    failure: ConnectorError, attempts: int, usage_type: UsageType, expected: bool
) -> None:
    assert goes_on(failure, attempts, usage_type) is expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (DeliveryReceipt(), Verdict.WORKS),
        (PermanentFailure("no such user"), Verdict.WORKS),
        (TransientFailure("greylisted", reply=ProviderReply(stage="rcpt")), Verdict.WORKS),
        (TransientFailure("refused", reply=ProviderReply(stage="connect")), Verdict.FAILS),
        (AmbiguousFailure("lost"), Verdict.FAILS),
        (InvalidConfig("bad password"), Verdict.MISCONFIGURED),
        (TemplateNotFound("none"), Verdict.UNDECIDED),
    ],
)
def test_what_a_result_says_about_the_connector(result: Result, expected: Verdict) -> None:
    assert verdict(result) is expected


def test_five_failing_mails_in_a_row_open_the_circuit_for_half_a_minute() -> None:
    circuit = Circuit()
    for number in range(5):
        assert circuit.passage(MOMENT) == "free"
        circuit = circuit.after(Verdict.FAILS, f"m{number}", MOMENT)
    assert circuit.passage(MOMENT + timedelta(seconds=29)) == "shut"
    assert circuit.passage(MOMENT + timedelta(seconds=30)) == "trial"


def test_one_bad_mail_alone_opens_no_circuit() -> None:
    circuit = Circuit()
    for _ in range(20):
        circuit = circuit.after(Verdict.FAILS, "always the same", MOMENT)
    assert circuit.state is CLOSED


def test_settings_that_cannot_work_open_the_circuit_at_once() -> None:
    assert Circuit().after(Verdict.MISCONFIGURED, "m", MOMENT).state is OPEN


@pytest.mark.parametrize(("wish", "pause"), [(90, 90), (-5, 0), (86400, 300), (math.nan, 0)])
def test_a_provider_that_asks_for_a_pause_is_left_alone_so_long(wish: float, pause: float) -> None:
    circuit = Circuit().after(Verdict.FAILS, "m", MOMENT, wait=wish)
    assert circuit.state is OPEN
    assert circuit.retry_at == MOMENT + timedelta(seconds=pause)


def test_while_no_other_connector_works_it_is_tried_again_after_two_seconds() -> None:
    """Resting it longer would only let mails expire that could be sent."""
    circuit = Circuit(failures=4).after(Verdict.FAILS, "m", MOMENT)
    assert circuit.passage(MOMENT + timedelta(seconds=1.9), last_resort=True) == "shut"
    assert circuit.passage(MOMENT + timedelta(seconds=2), last_resort=True) == "trial"
    assert circuit.passage(MOMENT + timedelta(seconds=2)) == "shut"


@pytest.mark.parametrize(("judged", "wait"), [(Verdict.MISCONFIGURED, None), (Verdict.FAILS, 30)])
def test_a_refused_login_or_a_wish_for_a_pause_is_respected_all_the_same(
    judged: Verdict, wait: float | None
) -> None:
    circuit = Circuit().after(judged, "m", MOMENT, wait)
    assert circuit.passage(MOMENT + timedelta(seconds=29), last_resort=True) == "shut"


HALF_OPEN = Circuit(BreakerState.HALF_OPEN, 5, "m", MOMENT, MOMENT)


@pytest.mark.parametrize(
    ("judged", "state", "retry_in"),
    [(Verdict.WORKS, CLOSED, None), (Verdict.FAILS, OPEN, 30), (Verdict.UNDECIDED, OPEN, 0)],
)
def test_how_a_trial_ends(judged: Verdict, state: BreakerState, retry_in: int | None) -> None:
    circuit = HALF_OPEN.after(judged, "m", MOMENT)
    assert circuit.state is state
    expected = None if retry_in is None else MOMENT + timedelta(seconds=retry_in)
    assert circuit.retry_at == expected


def test_a_trial_whose_courier_died_is_offered_again() -> None:
    lease_end = MOMENT + timedelta(seconds=20)
    taken = Circuit(BreakerState.HALF_OPEN, 5, "m", lease_end, lease_end)
    assert taken.passage(MOMENT, last_resort=True) == "shut"
    assert taken.passage(MOMENT) == "shut"
    assert taken.passage(MOMENT + timedelta(seconds=20)) == "trial"


def test_a_failure_that_began_earlier_prolongs_nothing() -> None:
    opened = Circuit(OPEN, 5, "a", MOMENT + timedelta(seconds=3), MOMENT)
    assert opened.after(Verdict.FAILS, "b", MOMENT).retry_at == opened.retry_at


verdicts = st.sampled_from(Verdict)
steps = st.lists(st.tuples(verdicts, st.sampled_from("abcdefgh"), st.none() | wishes))


@given(steps)
def test_a_circuit_always_lets_somebody_through_in_the_end(
    steps: list[tuple[Verdict, str, float | None]],
) -> None:
    circuit = Circuit()
    for judged, message_id, wait in steps:
        circuit = circuit.after(judged, message_id, MOMENT, wait)
        assert circuit.passage(MOMENT + timedelta(minutes=5)) != "shut"
        assert circuit.passage(MOMENT + timedelta(minutes=5), last_resort=True) != "shut"
        assert (circuit.retry_at is None) == (circuit.state is CLOSED)


@given(steps)
def test_one_mail_that_goes_out_closes_any_circuit(
    steps: list[tuple[Verdict, str, float | None]],
) -> None:
    circuit = Circuit()
    for judged, message_id, wait in steps:
        circuit = circuit.after(judged, message_id, MOMENT, wait)
    assert circuit.after(Verdict.WORKS, "m", MOMENT) == Circuit()


@given(attempts, st.lists(st.timedeltas(timedelta(-1), timedelta(1))), lifetimes, jitters)
def test_who_was_passed_over_comes_back_when_a_connector_may_be_tried_but_never_late(
    attempts: int, pauses: list[timedelta], lifetime: timedelta, jitter: float
) -> None:
    times, deadline = [MOMENT + pause for pause in pauses], MOMENT + lifetime
    due_at = after_waiting(attempts, times, MOMENT, deadline, jitter=jitter)
    earliest = max(min(times, default=MOMENT), MOMENT)
    if due_at is None:
        assert deadline <= earliest + timedelta(seconds=6)
    else:
        assert earliest < due_at < deadline

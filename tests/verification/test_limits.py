"""Limits: how often a code is sent, whoever asks."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session

from idp.storage import Database
from idp.storage.tables import CodeSend, FailedAttempt, Verification, now
from idp.verification.limits import (
    LimitReached,
    Limits,
    TooManyAttempts,
    TooManySends,
    count_attempt,
    count_send,
    uncount_attempt,
)

MOMENT = now()


def sent(times: int, ago: float = 0) -> Verification:
    at = MOMENT - timedelta(seconds=ago)
    return Verification(usage_type="SignIn", address="a", sends=times, sent_at=at, expires_at=at)


@pytest.mark.parametrize(
    ("times", "seconds"), [(0, 0), (1, 30), (2, 60), (3, 120), (4, 240), (5, 240), (50, 240)]
)
def test_each_resend_waits_longer_than_the_one_before(times: int, seconds: int) -> None:
    assert Limits().resend_in(sent(times), MOMENT) == seconds


@pytest.mark.parametrize(("ago", "seconds"), [(29.2, 1), (30, 0), (31, 0), (3600, 0), (10.5, 20)])
def test_the_remaining_seconds_are_rounded_up_and_end(ago: float, seconds: int) -> None:
    assert Limits().resend_in(sent(1, ago), MOMENT) == seconds


def test_lifted_limits_let_everything_through_but_guessing() -> None:
    lifted = Limits.lifted()
    assert lifted.resend_in(sent(9), MOMENT) == 0
    assert lifted.sends == ()
    assert lifted.wait_after(10_000) == timedelta()
    assert (lifted.ip_sends, lifted.ip_attempts, lifted.all_sends) == (None, None, None)
    assert lifted.attempts == Limits().attempts == 5


async def count_sends(database: Database, ages: list[timedelta], address: str = "a") -> int:
    """Count a send after earlier ones of these ages; return the seconds to wait, or 0."""

    def record(session: Session) -> None:
        session.add_all(CodeSend(address="a", sent_at=now() - age) for age in ages)

    await database.run(record)
    try:
        await database.run(count_send, address, Limits())
    except TooManySends as refusal:
        return refusal.retry_after
    return 0


async def test_the_sixth_code_in_a_quarter_of_an_hour_has_to_wait(database: Database) -> None:
    assert await count_sends(database, [timedelta(minutes=n) for n in range(4)]) == 0
    waiting = await count_sends(database, [])
    assert 718 <= waiting <= 720  # the oldest of the five was sent three minutes ago


async def test_sends_long_ago_do_not_count(database: Database) -> None:
    assert await count_sends(database, [timedelta(minutes=15, seconds=1)] * 10) == 0


async def test_the_twenty_first_code_in_a_day_has_to_wait(database: Database) -> None:
    ages = [timedelta(hours=n + 1) for n in range(19)]
    assert await count_sends(database, ages) == 0
    assert 4 * 3600 < await count_sends(database, []) <= 5 * 3600


async def test_every_address_has_limits_of_its_own(database: Database) -> None:
    assert await count_sends(database, [timedelta()] * 5, address="b") == 0


async def test_a_refused_send_is_not_counted(database: Database) -> None:
    ages = [timedelta(minutes=14, seconds=59.5)] * 5
    assert await count_sends(database, ages) == 1
    assert await count_sends(database, []) == 1


def test_the_refusal_says_how_long() -> None:
    assert str(TooManySends(7)) == "no code may be sent for 7 s"
    assert str(TooManyAttempts(9)) == "no attempt may be made for 9 s"


async def at_once(database: Database, times: int, work: Callable[..., object]) -> int:
    """Run a unit of work so often at once; return how often it went through."""
    units = [database.run(work, "a", Limits()) for _ in range(times)]
    results = await asyncio.gather(*units, return_exceptions=True)
    refusals = [result for result in results if isinstance(result, LimitReached)]
    rows = [result for result in results if not isinstance(result, BaseException)]
    assert len(refusals) + len(rows) == times, results
    return len(rows)


async def test_codes_asked_for_at_once_do_not_get_past_the_limit(database: Database) -> None:
    assert await at_once(database, 25, count_send) == 5


async def test_guesses_made_at_once_do_not_get_past_the_limit(database: Database) -> None:
    assert await at_once(database, 40, count_attempt) == 20


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (19, 0), (20, 60), (21, 120), (22, 240), (23, 480), (24, 900), (500, 900)],
)
def test_after_twenty_failures_each_attempt_waits_longer(failures: int, seconds: int) -> None:
    assert Limits().wait_after(failures) == timedelta(seconds=seconds)


async def fail(database: Database, *ages: timedelta, bucket: str = "a") -> None:
    """Have attempts failed this long ago."""

    def record(session: Session) -> None:
        session.add_all(FailedAttempt(bucket=bucket, failed_at=now() - age) for age in ages)

    await database.run(record)


async def wait_for_attempt(database: Database, bucket: str = "a") -> int:
    try:
        await database.run(count_attempt, bucket, Limits())
    except TooManyAttempts as refusal:
        return refusal.retry_after
    return 0


async def test_the_back_off_ends_by_itself(database: Database) -> None:
    await fail(database, *[timedelta(minutes=2)] * 19, timedelta(seconds=30))
    assert 29 <= await wait_for_attempt(database) <= 30
    await fail(database, *[timedelta(hours=1)] * 200, bucket="b")
    assert await wait_for_attempt(database, "b") == 0
    assert 899 <= await wait_for_attempt(database, "b") <= 900


async def test_nobody_is_locked_out_longer_than_a_quarter_of_an_hour(database: Database) -> None:
    await fail(database, *[timedelta()] * 1_000)
    assert await wait_for_attempt(database) <= 900


async def test_the_failures_of_yesterday_are_forgotten(database: Database) -> None:
    await fail(database, *[timedelta(hours=24, seconds=1)] * 50)
    assert await wait_for_attempt(database) == 0


async def test_a_right_attempt_is_taken_back(database: Database) -> None:
    await fail(database, *[timedelta()] * 19)
    attempt = await database.run(count_attempt, "a", Limits())
    assert await wait_for_attempt(database) > 0
    await database.run(uncount_attempt, attempt.id)
    assert await wait_for_attempt(database) == 0


async def test_a_refused_attempt_is_not_counted(database: Database) -> None:
    await fail(database, *[timedelta(seconds=59.5)] * 20)
    assert await wait_for_attempt(database) == 1
    assert await wait_for_attempt(database) == 1

"""Limits: how often a code is sent, whoever asks."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from idp.storage import Database
from idp.storage.tables import CodeSend, Verification, now
from idp.verification.limits import Limits, TooManySends, count_send

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

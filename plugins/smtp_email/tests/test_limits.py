"""The `pool` key and the token bucket behind its rate."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from idp_smtp_email import SmtpConfig
from idp_smtp_email.limits import PoolOptions, TokenBucket

from idp.connector_kit import InvalidConfig


@pytest.mark.parametrize("absent", [{}, None, "", False])
def test_the_defaults_are_nodemailer_s_but_for_the_idle_time(
    wire: Callable[..., Any], absent: object
) -> None:
    options = SmtpConfig.parse(wire(pool=absent)).pool
    assert (options.max_connections, options.max_messages) == (5, 100)
    assert (options.idle_timeout, options.bucket()) == (120_000, None)


def test_every_key_is_read(wire: Callable[..., Any]) -> None:
    pool = {"maxConnections": 2, "maxMessages": 7, "idleTimeout": 9, "rateLimit": 3}
    options = SmtpConfig.parse(wire(pool={**pool, "rateDelta": 4000})).pool
    assert options.model_dump(by_alias=True) == {**pool, "rateDelta": 4000}


def test_a_rate_delta_without_a_limit_means_nothing() -> None:
    with pytest.raises(InvalidConfig) as caught:
        PoolOptions.parse({"rateDelta": 1000})
    assert "together with rateLimit" in caught.value.problems["rateDelta"]


def test_tokens_are_taken_for_a_second_when_no_time_is_given() -> None:
    bucket = PoolOptions.parse({"rateLimit": 2}).bucket()
    assert bucket is not None
    assert [bucket.take(10.0) for _ in range(5)] == [10.0, 10.0, 11.0, 11.0, 12.0]


@given(
    tokens=st.integers(1, 5),
    pauses=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60),
)
def test_no_stretch_of_time_sees_more_mails_than_tokens(tokens: int, pauses: list[float]) -> None:
    bucket, now, good = TokenBucket(tokens, 1.0), 100.0, []
    for pause in pauses:
        now += pause
        expected = bucket.next_at(now)
        good.append(bucket.take(now))
        assert good[-1] == expected >= now
    for first, later in zip(good, good[tokens:], strict=False):
        assert later - first >= 1.0 - 1e-9

"""What HTTP answers mean for all providers alike."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from httpx2 import Headers
from hypothesis import given
from hypothesis import strategies as st

from idp.connector_kit import RateLimited, TransientFailure
from idp.connector_kit.http import HttpAnswer, seconds_until


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("", None), ("tomorrow", None), ("-1", None), ("1.5", None),
     ("٣", None), ("9" * 5000, None), ("86401", None)],
)  # fmt: skip
def test_a_number_of_seconds_is_read(value: str, seconds: float | None) -> None:
    assert HttpAnswer(503, {"Retry-After": value}).retry_after() == seconds


def test_a_moment_is_read_as_the_seconds_until_then() -> None:
    def retry_after(moment: datetime) -> float | None:
        return HttpAnswer(503, {"Retry-After": format_datetime(moment)}).retry_after()

    now = datetime.now(UTC)
    assert retry_after(now + timedelta(minutes=1)) == pytest.approx(60, abs=2)
    assert retry_after(now - timedelta(minutes=1)) == 0.0
    assert retry_after(now + timedelta(days=2)) is None
    assert retry_after(now.replace(tzinfo=None) + timedelta(minutes=1)) == pytest.approx(60, abs=2)


DATES = st.from_regex(r"\w{3}, \d{1,12} (Jan|Feb|x) \d{1,12} \d{1,9}:\d\d:\d\d( [+-]?\w{1,12})?")


@given(st.one_of(st.binary(max_size=60), DATES.map(lambda text: text.encode("utf-8"))))
def test_no_header_breaks_the_reading(value: bytes) -> None:
    seconds = HttpAnswer(503, Headers([(b"retry-after", value)])).retry_after()
    assert seconds is None or 0 <= seconds <= 86_400


@given(st.binary(max_size=100))
def test_no_body_breaks_the_reading(body: bytes) -> None:
    assert isinstance(HttpAnswer(200, {}, body).json_object(), dict)


@pytest.mark.parametrize("body", [b"[1]", b"null", b"<html>", b"", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_none(body: bytes) -> None:
    assert HttpAnswer(200, {}, body).json_object() == {}


def test_only_2xx_means_that_the_mail_was_taken() -> None:
    assert [status for status in range(100, 600) if HttpAnswer(status, {}).is_success] == [
        *range(200, 300)
    ]


def test_some_answers_mean_that_it_may_work_later() -> None:
    postponed = {}
    for status in range(100, 600):
        answer = HttpAnswer(status, {"Retry-After": "3"})
        if (failure := answer.postponement(answer.as_reply(""))) is not None:
            postponed[status] = (type(failure), failure.retry_after)
    expected = dict.fromkeys([408, 425, *range(500, 600)], (TransientFailure, 3.0))
    assert postponed == {**expected, 429: (RateLimited, 3.0)}


def test_the_standard_header_outranks_a_providers_own_wish() -> None:
    silent, clear = HttpAnswer(429, {}), HttpAnswer(429, {"Retry-After": "3"})
    wishes = [
        failure.retry_after
        for answer in (silent, clear)
        if (failure := answer.postponement(answer.as_reply(""), retry_after=9))
    ]
    assert wishes == [9, 3.0]


def test_an_answer_is_shown_with_its_status() -> None:
    reply = HttpAnswer(400, {}).as_reply("no such field")
    assert (reply.text, reply.reply_code, reply.stage) == (
        "HTTP 400 no such field",
        400,
        "answer",
    )


def test_a_moment_long_past_means_now() -> None:
    assert seconds_until(datetime(1970, 1, 1, tzinfo=UTC)) == 0.0

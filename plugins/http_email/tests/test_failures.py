"""What each answer of an endpoint means."""

from collections.abc import Callable
from typing import Any

import pytest
from http_server import reply, running_http_server
from idp_http_email.failures import refusal

from idp.connector_kit import (
    AmbiguousFailure,
    InvalidConfig,
    Mask,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from idp.connector_kit.http import HttpAnswer

Start = Callable[..., Any]


def test_every_answer_but_2xx_has_its_meaning() -> None:
    meant: dict[type, set[int]] = {}
    for status in [*range(300, 600)]:
        failure = refusal(HttpAnswer(status, {}), Mask([]))
        meant.setdefault(type(failure), set()).add(status)
    invalid = {*range(300, 400), 401, 403, 404, 405, 410}
    transient = {408, 425, *range(500, 600)}
    assert meant == {
        InvalidConfig: invalid,
        RateLimited: {429},
        TransientFailure: transient,
        PermanentFailure: {*range(400, 500)} - invalid - transient - {429},
    }


@pytest.mark.parametrize(
    ("status", "key", "message"),
    [
        (308, "endpoint", "redirects are not followed: put the final address into endpoint"),
        (401, "authorization", "check authorization and secret"),
        (403, "authorization", "check authorization and secret"),
        (404, "endpoint", r"Nothing takes mails there \(HTTP 404\): check endpoint"),
        (410, "endpoint", "check endpoint"),
    ],
)
async def test_wrong_settings_are_named(
    connect: Start, request_for: Start, status: int, key: str, message: str
) -> None:
    async with running_http_server(lambda _: reply(status)) as server:
        with pytest.raises(InvalidConfig, match=message) as caught:
            await connect(server.port).send(request_for())
    assert set(caught.value.problems) == {key}
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "message_refused"), (413, "message_too_large")]
)
def test_a_refused_mail_says_why(status: int, reason: str) -> None:
    failure = refusal(HttpAnswer(status, {}), Mask([]))
    assert isinstance(failure, PermanentFailure)
    assert failure.reason == reason


@pytest.mark.parametrize("status", [408, 425, 429, 503])
async def test_the_endpoint_may_say_when_to_come_back(
    connect: Start, request_for: Start, status: int
) -> None:
    async with running_http_server(lambda _: reply(status, Retry_After="7")) as server:
        with pytest.raises(TransientFailure) as caught:
            await connect(server.port).send(request_for())
    assert caught.value.retry_after == 7.0


async def test_the_endpoints_words_are_kept_without_what_is_private(
    connect: Start, request_for: Start, secret: str
) -> None:
    words = f"no {secret} or Bearer hush-77 or hush-77 or 428913 for reader@example.test"
    async with running_http_server(lambda _: reply(422, words.encode())) as server:
        with pytest.raises(PermanentFailure) as caught:
            await connect(server.port).send(request_for())
    assert caught.value.reply.text == "HTTP 422 no *** or *** or *** or *** for ***"
    assert "hush" not in str(caught.value)


async def test_contact_lost_after_the_mail_is_ambiguous(connect: Start, request_for: Start) -> None:
    async with running_http_server(lambda _: b"", hangs_up=True) as server:
        with pytest.raises(AmbiguousFailure, match="may have taken it"):
            await connect(server.port).send(request_for())
    assert len(server.requests) == 1

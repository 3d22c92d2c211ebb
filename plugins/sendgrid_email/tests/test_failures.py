"""What each of SendGrid's answers means."""

from collections.abc import Callable
from typing import Any

import pytest
from http_server import reply, running_http_server
from hypothesis import given
from hypothesis import strategies as st
from idp_sendgrid_email import SendGridConfig, SendGridConnector
from idp_sendgrid_email.failures import refusal

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    InvalidConfig,
    Mask,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)
from idp.connector_kit.http import HttpAnswer

Start = Callable[..., Any]
NOT_VERIFIED = (
    "The from address does not match a verified Sender Identity. Mail cannot be sent until this "
    "error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/"
)
INVALID_KEY = "The provided authorization grant is invalid, expired, or revoked"
NOT_AUTHORIZED = "Authenticated user is not authorized to send mail"
NO_ADDRESS = "Does not contain a valid address."


def errors(message: str, field: str | None = None) -> dict[str, object]:
    return {"errors": [{"message": message, "field": field, "help": None}]}


@pytest.mark.parametrize(
    ("status", "body", "failure", "message"),
    [
        (302, b"", InvalidConfig, r"Something else .* \(HTTP 302\): check baseUrl"),
        (400, errors(NO_ADDRESS, "personalizations.0.to.0.email"), PermanentFailure, "recipient"),
        (400, errors(NO_ADDRESS, "from.email"), InvalidConfig, "check fromEmail"),
        (400, errors(NO_ADDRESS, "reply_to.email"), InvalidConfig, "check replyTo"),
        (400, errors("The subject is required.", "subject"), PermanentFailure, "the message"),
        (400, errors("x", "personalizations.0.custom_args"), PermanentFailure, "the message"),
        (400, errors("Bad Request"), PermanentFailure, "the message"),
        (400, b"<html>", PermanentFailure, "the message"),
        (401, errors(INVALID_KEY), InvalidConfig, "deleted, is not complete, or belongs"),
        (401, errors("Maximum credits exceeded"), InvalidConfig, "plan are used up"),
        (401, errors(NOT_AUTHORIZED), InvalidConfig, "permission Mail Send"),
        (401, b"", InvalidConfig, "refused apiKey"),
        (403, errors(NOT_VERIFIED, "from"), InvalidConfig, "verify fromEmail or its domain"),
        (403, errors(NOT_VERIFIED), InvalidConfig, "verify fromEmail or its domain"),
        (403, errors("access forbidden"), InvalidConfig, "permission Mail Send"),
        (403, errors("Your IP is not allowed"), InvalidConfig, "the address of this machine"),
        (404, b"", InvalidConfig, "check baseUrl"),
        (405, b"", InvalidConfig, "check baseUrl"),
        (408, b"", TransientFailure, "cannot take this mail now"),
        (413, errors("Payload too large"), PermanentFailure, "of this size"),
        (415, errors("Invalid UTF8 in request"), PermanentFailure, "the message"),
        (429, errors("too many requests"), RateLimited, "slow down"),
        (500, b"", TransientFailure, r"cannot take this mail now \(HTTP 500\)"),
        (503, errors("unavailable"), TransientFailure, "cannot take this mail now"),
    ],
)  # fmt: skip
async def test_an_answer_becomes_a_failure_that_says_what_to_do(
    connect: Start, request_for: Start, status: int, body: object,
    failure: type[ConnectorError], message: str,
) -> None:  # fmt: skip
    async with running_http_server(lambda _: reply(status, body)) as server:
        with pytest.raises(failure, match=message) as caught:
            await connect(server.port).send(request_for())
    assert type(caught.value) is failure
    assert (caught.value.reply.reply_code, caught.value.reply.stage) == (status, "answer")


@pytest.mark.parametrize(
    ("status", "field", "reason"),
    [
        (400, "personalizations.0.to.0.email", "recipient_refused"),
        (400, "content.0.value", "message_refused"),
        (413, None, "message_too_large"),
    ],
)
def test_a_refused_mail_says_why(wire: Start, status: int, field: str | None, reason: str) -> None:
    answer = HttpAnswer(status, {}, reply(200, errors("no", field)).partition(b"\r\n\r\n")[2])
    failure = refusal(answer, SendGridConfig.parse(wire()), Mask([]))
    assert isinstance(failure, PermanentFailure)
    assert failure.reason == reason


@pytest.mark.parametrize(
    ("status", "field", "key"),
    [(400, "from", "fromEmail"), (400, "reply_to", "replyTo"), (401, None, "apiKey"),
     (403, "from", "fromEmail"), (404, None, "baseUrl")],
)  # fmt: skip
def test_wrong_settings_are_named(wire: Start, status: int, field: str | None, key: str) -> None:
    answer = HttpAnswer(status, {}, reply(200, errors("no", field)).partition(b"\r\n\r\n")[2])
    failure = refusal(answer, SendGridConfig.parse(wire()), Mask([]))
    assert isinstance(failure, InvalidConfig)
    assert failure.problems == {key: str(failure)}


async def test_a_key_of_something_else_is_recognized(connect: Start, request_for: Start) -> None:
    async with running_http_server(lambda _: reply(401, errors(INVALID_KEY))) as server:
        with pytest.raises(InvalidConfig, match=r"a key of SendGrid starts with SG\."):
            await connect(server.port, apiKey="key-of-mailgun").send(request_for())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"X_RateLimit_Reset": "1392815263"}, 0.0),
        ({"X_RateLimit_Reset": "9999999999"}, None),
        ({"X_RateLimit_Reset": "soon"}, None),
        ({"X_RateLimit_Reset": "1392815263", "Retry_After": "7"}, 7.0),
        ({}, None),
    ],
)
async def test_sendgrid_says_when_to_come_back(
    connect: Start, request_for: Start, headers: dict[str, str], seconds: float | None
) -> None:
    async with running_http_server(lambda _: reply(429, b"", **headers)) as server:
        with pytest.raises(RateLimited) as caught:
            await connect(server.port).send(request_for())
    assert caught.value.retry_after == seconds


async def test_sendgrids_words_are_kept_without_what_is_private(
    connect: Start, request_for: Start, wire: Start
) -> None:
    key = wire()["apiKey"]
    words = f"{key}: the code 428913 for Reader@example.test and idp@example.test"
    async with running_http_server(lambda _: reply(400, errors(words, "content"))) as server:
        with pytest.raises(PermanentFailure) as caught:
            await connect(server.port).send(request_for())
    assert caught.value.reply.text == "HTTP 400 content: ***: the code *** for *** and ***"


async def test_contact_lost_after_the_mail_is_ambiguous(connect: Start, request_for: Start) -> None:
    async with running_http_server(lambda _: b"", hangs_up=True) as server:
        with pytest.raises(AmbiguousFailure, match="may have taken it"):
            await connect(server.port).send(request_for())
    assert len(server.requests) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["errors", "field", "message", "x"]), inner, max_size=3)
    ),
)


@given(st.integers(300, 599), JSON)
def test_every_answer_is_understood(status: int, body: object) -> None:
    config = SendGridConfig.parse(
        {**SendGridConnector.metadata.example_config, "fromEmail": "a@x.test"}
    )
    answer = HttpAnswer(status, {}, reply(200, body).partition(b"\r\n\r\n")[2])
    assert isinstance(refusal(answer, config, Mask([])), ConnectorError)

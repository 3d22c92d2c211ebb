"""What a token endpoint may answer, and what becomes of it."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from idp_smtp_email.token_endpoint import TokenResponse, request_token
from oauth2_endpoint import running_token_endpoint

from idp.connector_kit import ConnectorError, InvalidConfig, Mask, RateLimited, TransientFailure

FORM = {"grant_type": "refresh_token", "refresh_token": "hush-refresh"}
MASK = Mask(["hush-refresh"])


@pytest.mark.parametrize(
    ("answer", "expires_in", "refresh_token"),
    [
        ({"access_token": "a", "expires_in": 3599, "token_type": "Bearer"}, 3599, None),
        ({"access_token": "a", "expires_in": "3600", "refresh_token": "r"}, 3600, "r"),
        ({"access_token": "a", "expires_in": None, "refresh_token": ""}, None, None),
        ({"access_token": "a", "expires_in": -1, "refresh_token": 7}, None, None),
    ],
)
async def test_a_grant_is_read(
    answer: object, expires_in: float | None, refresh_token: str | None
) -> None:
    async with running_token_endpoint() as endpoint:
        endpoint.answers = [(200, answer)]
        granted = await request_token(endpoint.url, FORM, MASK)
    assert granted == TokenResponse("a", expires_in, refresh_token)
    assert repr(granted) == f"TokenResponse(expires_in={granted.expires_in})"


@pytest.mark.parametrize(
    ("status", "body", "failure", "message"),
    [
        (200, {}, InvalidConfig, "sent no access token: check auth.accessUrl"),
        (200, [], InvalidConfig, "sent no access token"),
        (200, b"<html>", InvalidConfig, "sent no access token"),
        (200, {"access_token": "a\1b"}, InvalidConfig, "sent no access token"),
        (200, {"access_token": ""}, InvalidConfig, "sent no access token"),
        (200, b"x" * 70_000, InvalidConfig, "answer is too long"),
        (302, b"", InvalidConfig, r"refused \(HTTP 302\): check auth.accessUrl"),
        (404, b"no such page", InvalidConfig, r"refused \(HTTP 404\): check auth.accessUrl"),
        (401, {"error": "invalid_client"}, InvalidConfig, "check auth.clientId and"),
        (400, {"error": "invalid_scope"}, InvalidConfig, "check auth.scope"),
        (400, {"error": "a line\nand more"}, InvalidConfig, r"refused \(HTTP 400\)"),
        (429, b"", RateLimited, "asks to slow down"),
        (500, b"", TransientFailure, r"out of order \(HTTP 500\)"),
        (400, {"error": "temporarily_unavailable"}, TransientFailure, "out of order"),
    ],
)
async def test_anything_else_is_a_failure_that_says_what_to_check(
    status: int, body: object, failure: type[ConnectorError], message: str
) -> None:
    async with running_token_endpoint() as endpoint:
        endpoint.answers = [(status, body)]
        with pytest.raises(failure, match=message) as caught:
            await request_token(endpoint.url, FORM, MASK)
    assert (type(caught.value), caught.value.reply.stage) == (failure, "auth")


async def test_the_endpoints_words_are_shown_without_secrets() -> None:
    description = "AADSTS70000: hush-refresh of reader@example.test is malformed."
    async with running_token_endpoint() as endpoint:
        answer = {"error": "invalid_grant", "error_description": description}
        endpoint.answers = [(400, answer)]
        with pytest.raises(InvalidConfig) as caught:
            await request_token(endpoint.url, FORM, MASK)
    words = "HTTP 400 invalid_grant AADSTS70000: *** of *** is malformed."
    assert caught.value.reply.text == words
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(("retry_after", "seconds"), [("7", 7.0), ("tomorrow", None)])
async def test_the_endpoint_may_say_when_to_come_back(
    retry_after: str, seconds: float | None
) -> None:
    async with running_token_endpoint() as endpoint:
        endpoint.answers = [(429, b"")]
        endpoint.headers = {"Retry-After": retry_after}
        with pytest.raises(RateLimited) as caught:
            await request_token(endpoint.url, FORM, MASK)
    assert caught.value.retry_after == seconds


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


async def test_an_endpoint_that_cannot_be_reached_may_work_later(free_port: int) -> None:
    with pytest.raises(TransientFailure, match="could not be reached") as caught:
        await request_token(f"http://127.0.0.1:{free_port}/token", FORM, MASK)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_an_endpoint_that_never_answers_is_left() -> None:
    async with running_token_endpoint() as endpoint:
        endpoint.may_answer.clear()
        with pytest.raises(TransientFailure, match="did not answer in time"):
            await request_token(endpoint.url, FORM, MASK, patience=0.1)


async def test_the_certificate_of_the_endpoint_is_verified(
    server_tls: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_token_endpoint(server_tls) as endpoint:
        with pytest.raises(InvalidConfig, match="certificate of the token endpoint is not tr"):
            await request_token(endpoint.url, FORM, MASK)
        assert endpoint.requests == []
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        granted = await request_token(endpoint.url, FORM, MASK)
    assert granted.access_token == "access-1"

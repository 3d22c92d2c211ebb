"""From a request to what the endpoint gets."""

from collections.abc import Callable
from typing import Any

import pytest
from http_server import HttpRequest, reply, running_http_server
from standardwebhooks import Webhook

from idp.connector_kit import PermanentFailure, UsageType

Start = Callable[..., Any]


def accepted(_: HttpRequest) -> bytes:
    return reply(200)


async def test_the_endpoint_gets_the_mail_to_the_letter(connect: Start, request_for: Start) -> None:
    payload = {"code": "428913", "locale": "de-AT", "application": {"name": "Größe"}}
    async with running_http_server(accepted) as server:
        receipt = await connect(server.port).send(request_for(payload=payload, ip="192.0.2.7"))
    [request] = server.requests
    assert request.body == (
        b'{"to":"reader@example.test","type":"SignIn","payload":{"code":"428913",'
        b'"locale":"de-AT","application":{"name":"Gr\\u00f6\\u00dfe"}},"ip":"192.0.2.7"}'
    )
    assert (request.method, request.target) == ("POST", "/mails")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer hush-77"
    assert (receipt.provider_id, receipt.reply) == (None, "HTTP 200")


async def test_what_is_not_known_is_left_out(connect: Start, request_for: Start) -> None:
    async with running_http_server(accepted) as server:
        await connect(server.port, authorization="", secret="").send(request_for())
    [request] = server.requests
    assert set(request.json()) == {"to", "type", "payload"}
    assert not {"authorization", "webhook-signature"} & set(request.headers)


@pytest.mark.parametrize("usage_type", UsageType)
async def test_the_endpoint_chooses_the_wording_by_type(
    connect: Start, request_for: Start, usage_type: UsageType
) -> None:
    async with running_http_server(accepted) as server:
        await connect(server.port).send(request_for(usage_type=usage_type))
    assert server.requests[0].json()["type"] == usage_type.value


async def test_a_second_attempt_bears_the_same_id(
    connect: Start, request_for: Start, secret: str
) -> None:
    async with running_http_server(accepted) as server:
        connector = connect(server.port)
        for _ in range(2):
            await connector.send(request_for(idempotency_key="0199-b"))
    for request in server.requests:
        assert request.headers["webhook-id"] == "0199-b"
        assert Webhook(secret).verify(request.body, dict(request.headers))
    assert server.connections == 1


async def test_the_domain_of_the_reader_is_written_in_ascii(
    connect: Start, request_for: Start
) -> None:
    async with running_http_server(accepted) as server:
        await connect(server.port).send(request_for("reader@größe.example"))
    assert server.requests[0].json()["to"] == "reader@xn--gre-6ka8i.example"


@pytest.mark.parametrize("recipient", ["a@x.test,b@x.test", "x@corp.test@evil.test", ""])
async def test_a_hostile_recipient_never_reaches_the_endpoint(
    connect: Start, request_for: Start, recipient: str
) -> None:
    async with running_http_server(accepted) as server:
        with pytest.raises(PermanentFailure) as caught:
            await connect(server.port).send(request_for(recipient))
    assert caught.value.reason == "invalid_recipient"
    assert not server.requests


async def test_a_test_mail_shows_its_steps(connect: Start, request_for: Start) -> None:
    async with running_http_server(accepted) as server:
        steps = await connect(server.port).probe(request_for())
    assert [(step.name, step.ok) for step in steps] == [
        ("connect", True),
        ("request", True),
        ("answer", True),
    ]
    assert steps[-1].detail == "HTTP 200"


async def test_a_test_mail_that_is_refused_says_what_to_do(
    connect: Start, request_for: Start
) -> None:
    async with running_http_server(lambda _: reply(401, b"who are you?")) as server:
        *_, last = await connect(server.port).probe(request_for())
    assert (last.name, last.ok, last.detail) == ("answer", False, "HTTP 401 who are you?")
    assert "check authorization and secret" in (last.advice or "")

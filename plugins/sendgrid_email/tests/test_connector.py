"""From a request to a queued mail: senders, templates, connections, steps."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from idp.connector_kit import EmailTemplate, PermanentFailure, UsageType

Start = Callable[..., Any]


def _template(**words: str) -> EmailTemplate:
    base = {"usageType": "SignIn", "subject": "Custom {{code}}", "content": "<p>{{code}}</p>"}
    return EmailTemplate.parse({**base, **words})


async def test_a_queued_mail_bears_sendgrids_name_for_it(
    sendgrid: Start, connect: Start, request_for: Start
) -> None:
    async with sendgrid() as running:
        receipt = await connect(running.server.port).send(request_for())
    assert (receipt.provider_id, receipt.reply) == ("sg-1", "HTTP 202")


async def test_all_mails_share_one_connection(
    sendgrid: Start, connect: Start, request_for: Start
) -> None:
    async with sendgrid() as running:
        connector = connect(running.server.port)
        for _ in range(5):
            await connector.send(request_for())
    assert (running.server.connections, len(running.api.emails)) == (1, 5)


async def test_the_configuration_names_sender_and_reply_address(
    sendgrid: Start, connect: Start, request_for: Start
) -> None:
    async with sendgrid() as running:
        await connect(running.server.port, replyTo="Help <help@x.test>").send(request_for())
        await connect(running.server.port, fromEmail="Own <idp@example.test>", fromName="").send(
            request_for()
        )
    first, second = running.api.bodies
    assert first["from"] == {"email": "idp@example.test", "name": "Idp"}
    assert first["reply_to"] == {"email": "help@x.test", "name": "Help"}
    assert second["from"] == {"email": "idp@example.test", "name": "Own"}


@pytest.mark.parametrize(
    ("send_from", "name"),
    [("{{team}} <idp@example.test>", "Ops, Inc."), ("{{team}}", "Ops, Inc."),
     ("idp@example.test", None)],
)  # fmt: skip
async def test_a_template_may_name_the_sender(
    sendgrid: Start, connect: Start, request_for: Start, send_from: str, name: str | None
) -> None:
    payload = {"code": "428913", "team": "Ops, Inc."}
    custom = _template(sendFrom=send_from, replyTo="{{code}}@example.test")
    async with sendgrid() as running:
        connector = connect(running.server.port)
        await connector.send(request_for(custom_template=custom, payload=payload))
    [body] = running.api.bodies
    assert body["from"].get("name") == name
    assert body["reply_to"] == {"email": "428913@example.test"}


async def test_generic_stands_in_for_a_missing_template(
    sendgrid: Start, connect: Start, request_for: Start
) -> None:
    async with sendgrid() as running:
        await connect(running.server.port).send(request_for(usage_type=UsageType.BIND_MFA))
    assert running.api.emails[0].subject == "428913"


@pytest.mark.parametrize("words", [{"sendFrom": "{{t}} <idp@example.test>"}, {"replyTo": "{{t}}"}])
@pytest.mark.parametrize("hostile", ["x\r\nBcc: evil@x.test", "a@x.test,b@x.test <c@x.test"])
async def test_a_value_cannot_add_an_address(
    sendgrid: Start, connect: Start, request_for: Start, words: dict[str, str], hostile: str
) -> None:
    request = request_for(custom_template=_template(**words), payload={"code": "1", "t": hostile})
    async with sendgrid() as running:
        with pytest.raises(PermanentFailure) as caught:
            await connect(running.server.port).send(request)
    assert caught.value.reason == "invalid_header"
    assert not running.server.requests


async def test_a_sender_that_is_a_hostile_name_is_refused(
    sendgrid: Start, connect: Start, request_for: Start
) -> None:
    payload = {"code": "1", "t": "x\r\nBcc: evil"}
    request = request_for(custom_template=_template(sendFrom="{{t}}"), payload=payload)
    async with sendgrid() as running:
        with pytest.raises(PermanentFailure) as caught:
            await connect(running.server.port).send(request)
    assert caught.value.reason == "invalid_header"


async def test_a_test_mail_shows_its_steps_though_a_connection_is_open(
    sendgrid: Start, connect: Start, request_for: Start
) -> None:
    async with sendgrid() as running:
        connector = connect(running.server.port)
        await connector.send(request_for())
        steps = await connector.probe(request_for())
        await asyncio.wait_for(running.server.is_closed.wait(), 1)
    assert [(step.name, step.ok) for step in steps] == [
        ("connect", True),
        ("request", True),
        ("answer", True),
    ]
    assert steps[-1].detail == "HTTP 202"


async def test_a_test_mail_that_is_refused_says_what_to_do(
    sendgrid: Start, connect: Start, request_for: Start
) -> None:
    async with sendgrid() as running:
        connector = connect(running.server.port, fromEmail="other@example.test")
        *_, last = await connector.probe(request_for())
    assert (last.name, last.ok) == ("answer", False)
    assert last.detail.startswith("HTTP 403 from: The from address does not match")
    assert "verify fromEmail" in (last.advice or "")

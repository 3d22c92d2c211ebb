"""From a request to an envelope: templates, senders and hostile addresses."""

from collections.abc import Callable
from typing import Any

import pytest
from idp_smtp_email.transaction import Envelope

from idp.connector_kit import EmailTemplate, PermanentFailure, UsageType

Start = Callable[..., Any]


def _template(**words: str) -> EmailTemplate:
    base = {"usageType": "SignIn", "subject": "Custom {{code}}", "content": "<p>{{code}}</p>"}
    return EmailTemplate.parse({**base, **words})


async def test_the_configuration_names_sender_and_reply_address(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    async with mail_server() as server:
        await connect(server.port, replyTo="Help <help@example.test>").send(request_for())
    headers = server.emails[0].headers
    assert str(headers["From"]) == "Idp <idp@example.test>"
    assert str(headers["Reply-To"]) == "Help <help@example.test>"
    assert server.envelopes[0].mail_from == "idp@example.test"


async def test_the_addresses_of_a_template_win(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    custom = _template(sendFrom="{{team}} <team@example.test>", replyTo="{{team}}@example.test")
    payload = {"code": "428913", "team": "ops"}
    async with mail_server() as server:
        connector = connect(server.port, replyTo="help@example.test")
        await connector.send(request_for(custom_template=custom, payload=payload))
    headers = server.emails[0].headers
    assert str(headers["From"]) == "ops <team@example.test>"
    assert str(headers["Reply-To"]) == "ops@example.test"
    assert server.envelopes[0].mail_from == "team@example.test"


async def test_generic_stands_in_for_a_missing_template(
    mail_server: Start, connect: Start, request_for: Start
) -> None:
    async with mail_server() as server:
        await connect(server.port).send(request_for(usage_type=UsageType.BIND_MFA))
    assert server.emails[0].subject == "428913"


@pytest.mark.parametrize(
    "recipient",
    [
        "b@x.test\r\nRCPT TO:<evil@x.test>",
        "a@x.test,evil@x.test",
        "x@corp.test@evil.test",
        "b@x.test NOTIFY=NEVER",
        "<b@x.test>",
        "Name <b@x.test>",
        "b@x.test>\0",
        "",
    ],
)
async def test_a_hostile_recipient_never_reaches_a_server(
    scripted: Start, connect: Start, request_for: Start, recipient: str
) -> None:
    async with scripted() as server:
        with pytest.raises(PermanentFailure) as caught:
            await connect(server.port).send(request_for(recipient))
    assert not server.commands
    assert not recipient or recipient not in str(caught.value)


@pytest.mark.parametrize("key", ["sendFrom", "replyTo"])
async def test_a_template_cannot_add_a_recipient(
    scripted: Start, connect: Start, request_for: Start, key: str
) -> None:
    custom = _template(**{key: "{{team}} <idp@example.test>"})
    payload = {"code": "1", "team": "x\r\nBcc: evil@x.test\r\n"}
    async with scripted() as server:
        with pytest.raises(PermanentFailure, match="not exactly one mail address") as caught:
            await connect(server.port).send(request_for(custom_template=custom, payload=payload))
    assert caught.value.reason == "invalid_header"
    assert not server.commands


@pytest.mark.parametrize(
    ("reply", "provider_id"),
    [
        ("250 2.0.0 Ok: queued as 4F2A91C", "4F2A91C"),
        ("250 OK id=1rZk3x-0001aB-2C", "1rZk3x-0001aB-2C"),
        ("250 Ok 0102018c1f2e3d4b-aa-000000", "0102018c1f2e3d4b-aa-000000"),
        ("250 thank you", None),
    ],
)
async def test_the_name_the_server_gave_the_mail_is_kept(
    scripted: Start, connect: Start, request_for: Start, reply: str, provider_id: str | None
) -> None:
    async with scripted(message=reply) as server:
        receipt = await connect(server.port).send(request_for())
    assert (receipt.provider_id, receipt.reply) == (provider_id, reply)


def test_an_envelope_shows_neither_recipient_nor_message() -> None:
    envelope = Envelope(
        sender="idp@example.test",
        recipient="reader@example.test",
        message=b"428913",
        has_leading_dots=False,
        needs_smtputf8=False,
    )
    assert "reader" not in repr(envelope)
    assert "428913" not in repr(envelope)

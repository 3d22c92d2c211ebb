"""Whatever stands in a request or a template: one sender, one recipient, one mail."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from idp_smtp_email import SmtpConfig, SmtpConnector

from idp.connector_kit import EmailRequest, InvalidConfig, PermanentFailure, parse_mailbox

Start = Callable[..., AbstractAsyncContextManager[Any]]
Make = Callable[..., Any]

ONE_MAIL = ["EHLO", "MAIL", "RCPT", "DATA"]
COMMANDS = ["RCPT TO:<evil@y.test>", ".", "RSET", "DATA", "QUIT", "Bcc: evil@y.test", ""]
breaks = st.sampled_from(["\r\n", "\n", "\r", "\0", "\u2028", "\x0b", "\x85", " ", ",", ">", ";"])
hostile = st.builds(
    lambda before, separator, commands, after: (
        before + separator + separator.join(commands) + after
    ),
    st.sampled_from(["", "a@x.test", "<a@x.test>", "428913", "=?utf-8?q?a=0D=0A?="]),
    breaks,
    st.lists(st.sampled_from(COMMANDS), max_size=4),
    st.sampled_from(["", "\r\n.\r\n", "@x.test", "\r\n"]) | st.text(max_size=5),
)
names = st.sampled_from(["Acme", "Zoë", "."]) | hostile
addresses = st.sampled_from(["reader@example.test", "o'neil+a@x.test"]) | hostile


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(to=addresses, value=hostile, name=names, message_id=st.none() | hostile)
@example("reader@example.test", "1\r\n.\r\nRCPT TO:<evil@y.test>\r\n.", "x", None)
@example("reader@example.test", ".", "Bcc: evil@y.test", None)
@example("a@x.test\r\nRCPT TO:<evil@y.test>", "1", "x", None)
def test_no_input_adds_a_command_a_recipient_or_a_mail(
    scripted: Start, wire: Make, request_for: Make, to: str, value: str, name: str, message_id: str
) -> None:
    templates = [
        {
            "usageType": usage_type,
            "subject": "Code {{name}}",
            "content": "<p>{{code}}</p>",
            "text": "{{code}}\n{{name}}",
        }
        for usage_type in ("Register", "SignIn", "ForgotPassword", "Generic")
    ]
    changes = {"payload": {"code": value, "name": name, "issuer": value}, "message_id": message_id}
    try:
        request = request_for(to, **changes)
    except ValueError:
        return
    config = wire(templates=templates, customHeaders={"X-A": "fine"})
    commands = asyncio.run(_commands(scripted, config, request))
    verbs = [command.partition(" ")[0] for command in commands if command != "QUIT"]
    assert verbs in ([], ONE_MAIL)
    assert not [command for command in commands if "evil" in command]


async def _commands(scripted: Start, config: dict[str, object], request: EmailRequest) -> list[str]:
    """Send one mail and return what the server took for commands."""
    async with scripted() as server:
        connector = SmtpConnector(SmtpConfig.parse({**config, "port": server.port}))
        try:
            await connector.send(request)
        except PermanentFailure:
            pass
        finally:
            await connector.aclose()
        commands: list[str] = server.commands
        return commands


@pytest.mark.parametrize("key", ["fromEmail", "replyTo", "envelopeFrom"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=hostile)
@example("a@x.test")
def test_no_address_of_the_configuration_is_more_than_one(wire: Make, key: str, value: str) -> None:
    try:
        SmtpConfig.parse(wire(**{key: value}))
    except InvalidConfig:
        return
    address = parse_mailbox(value).address if value else ""
    assert address.count("@") <= 1
    assert not set(address) & set("\r\n\0 <>,;")

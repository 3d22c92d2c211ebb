"""What a test send shows of real servers."""

from collections.abc import Callable

import pytest
from idp_smtp_email import SmtpConnector
from mail_servers import REFUSED

from idp.connector_kit import EmailRequest

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("name", ["postfix", "dovecot_before_smtp_server", "exim", "smtp_server"])
async def test_a_test_send_shows_all_steps(
    request: pytest.FixtureRequest,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
    name: str,
) -> None:
    server = request.getfixturevalue(name)
    steps = await connect_to(server, "starttls").probe(request_for())
    before = ["DNS", "TCP", "banner", "EHLO", "TLS", "EHLO", "AUTH"]
    assert [step.name for step in steps] == [*before, "MAIL", "RCPT", "DATA", "reply"]
    assert [step for step in steps if not step.ok or not step.detail] == []


@pytest.mark.parametrize("name", ["postfix", "exim", "smtp_server"])
async def test_a_refused_recipient_fails_at_its_step(
    request: pytest.FixtureRequest,
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
    name: str,
) -> None:
    server = request.getfixturevalue(name)
    *_, step = await connect_to(server, "implicit").probe(request_for(REFUSED))
    assert (step.name, step.ok) == ("RCPT", False)
    assert step.advice
    assert REFUSED not in step.detail

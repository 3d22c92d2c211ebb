"""What comes of each command that `smtp-sink` is told to refuse, or to hang up on."""

from collections.abc import Callable

import pytest
from idp_smtp_email import SmtpConnector
from mail_servers.sink import running_sink

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    EmailRequest,
    InvalidConfig,
    PermanentFailure,
    TransientFailure,
)

pytestmark = pytest.mark.servers

REFUSED_FOR_GOOD, REFUSED_FOR_NOW, HUNG_UP, SHUT_DOWN = "-f", "-r", "-q", "-Q"

_FAULTS: list[tuple[str, str, type[ConnectorError], str]] = [
    (REFUSED_FOR_GOOD, "CONNECT", InvalidConfig, "greeting"),
    (REFUSED_FOR_GOOD, "MAIL", InvalidConfig, "mail"),
    (REFUSED_FOR_GOOD, "RCPT", PermanentFailure, "rcpt"),
    (REFUSED_FOR_GOOD, "DATA", PermanentFailure, "data"),
    (REFUSED_FOR_GOOD, ".", PermanentFailure, "message"),
    (REFUSED_FOR_NOW, "CONNECT", TransientFailure, "greeting"),
    (REFUSED_FOR_NOW, "EHLO", TransientFailure, "ehlo"),
    (REFUSED_FOR_NOW, "MAIL", TransientFailure, "mail"),
    (REFUSED_FOR_NOW, "RCPT", TransientFailure, "rcpt"),
    (REFUSED_FOR_NOW, "DATA", TransientFailure, "data"),
    (REFUSED_FOR_NOW, ".", TransientFailure, "message"),
    (HUNG_UP, "CONNECT", TransientFailure, "greeting"),
    (HUNG_UP, "EHLO", TransientFailure, "ehlo"),
    (HUNG_UP, "MAIL", TransientFailure, "mail"),
    (HUNG_UP, "RCPT", TransientFailure, "rcpt"),
    (HUNG_UP, "DATA", TransientFailure, "data"),
    (HUNG_UP, ".", AmbiguousFailure, "message"),
    (SHUT_DOWN, "CONNECT", TransientFailure, "greeting"),
    (SHUT_DOWN, "EHLO", TransientFailure, "ehlo"),
    (SHUT_DOWN, "MAIL", TransientFailure, "mail"),
    (SHUT_DOWN, "RCPT", TransientFailure, "rcpt"),
    (SHUT_DOWN, "DATA", TransientFailure, "data"),
    (SHUT_DOWN, ".", TransientFailure, "message"),
]


@pytest.mark.parametrize(("fault", "command", "error", "stage"), _FAULTS)
async def test_each_fault_is_told_apart(
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
    fault: str,
    command: str,
    error: type[ConnectorError],
    stage: str,
) -> None:
    with running_sink(fault, command) as sink:
        with pytest.raises(ConnectorError) as failure:
            await connect_to(sink, "plain").send(request_for())
        assert type(failure.value) is error
        assert failure.value.reply.stage == stage


async def test_a_server_that_knows_no_ehlo_gets_helo(
    connect_to: Callable[..., SmtpConnector], request_for: Callable[..., EmailRequest]
) -> None:
    with running_sink(REFUSED_FOR_GOOD, "EHLO") as sink:
        await connect_to(sink, "plain").send(request_for())
        assert len(sink.received()) == 1


@pytest.mark.parametrize("without", ["-p", "-8", "-E", "-N"])
async def test_no_extension_is_taken_for_granted(
    connect_to: Callable[..., SmtpConnector],
    request_for: Callable[..., EmailRequest],
    without: str,
) -> None:
    with running_sink(without) as sink:
        connector = connect_to(sink, "plain", pool={"maxConnections": 1})
        for number in range(3):
            await connector.send(request_for(to=f"reader{number}@example.test"))
        assert len(sink.received()) == 3

"""Every way SMTP fails: most from a real server, the rest from the error it would cause."""

import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from idp_smtp_email import SmtpConfig
from idp_smtp_email.failures import Stage, breakdown

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    InvalidConfig,
    Mask,
    PermanentFailure,
    TransientFailure,
)

Start = Callable[..., Any]


@pytest.mark.parametrize(
    ("number", "failure"),
    [(socket.EAI_NONAME, InvalidConfig), (socket.EAI_AGAIN, TransientFailure)],
)
def test_a_missing_name_is_told_from_a_missing_name_server(
    wire: Callable[..., Any], number: int, failure: type[ConnectorError]
) -> None:
    config = SmtpConfig.parse(wire())
    error = breakdown(Stage.DNS, socket.gaierror(number, "no"), config, Mask([]))
    assert type(error) is failure


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError()])
def test_port_465_without_tls_is_explained(wire: Callable[..., Any], error: OSError) -> None:
    config = SmtpConfig.parse(wire(port=465, secure=False))
    failure = breakdown(Stage.GREETING, error, config, Mask([]))
    assert isinstance(failure, InvalidConfig)
    assert failure.problems["secure"].endswith("set secure to true.")


def test_a_tls_alert_names_what_to_check(wire: Callable[..., Any]) -> None:
    error = ssl.SSLError(1, "alert")
    error.reason = "TLSV1_ALERT_PROTOCOL_VERSION"
    failure = breakdown(Stage.TLS, error, SmtpConfig.parse(wire()), Mask([]))
    assert isinstance(failure, InvalidConfig)
    assert "(TLSV1_ALERT_PROTOCOL_VERSION): check tls.minVersion" in failure.problems["tls"]


@pytest.mark.parametrize(
    ("script", "failure", "stage"),
    [
        ({"greeting": "421 too busy"}, TransientFailure, "greeting"),
        ({"greeting": "554 5.7.1 you are on a list"}, InvalidConfig, "greeting"),
        ({"greeting": "SSH-2.0-OpenSSH_9.2"}, InvalidConfig, "greeting"),
        ({"greeting": ""}, TransientFailure, "greeting"),
        ({"EHLO": "421 no"}, TransientFailure, "ehlo"),
        ({"EHLO": "550 no"}, InvalidConfig, "ehlo"),
        ({"EHLO": ""}, TransientFailure, "ehlo"),
        ({"EHLO": "250-m\r\n250 STARTTLS", "STARTTLS": "454 later"}, TransientFailure, "tls"),
        ({"MAIL": "451 4.3.0 later"}, TransientFailure, "mail"),
        ({"MAIL": "550 5.1.8 no such sender"}, InvalidConfig, "mail"),
        ({"MAIL": "530 5.7.0 authentication required"}, InvalidConfig, "mail"),
        ({"MAIL": "552 5.3.4 too big"}, PermanentFailure, "mail"),
        ({"MAIL": ""}, TransientFailure, "mail"),
        ({"RCPT": "450 4.2.1 greylisted"}, TransientFailure, "rcpt"),
        ({"RCPT": "550 5.1.1 no such user"}, PermanentFailure, "rcpt"),
        ({"RCPT": "552 5.2.2 full"}, PermanentFailure, "rcpt"),
        ({"RCPT": "554 5.7.1 Relay access denied"}, InvalidConfig, "rcpt"),
        ({"RCPT": "421 4.7.0 closing"}, TransientFailure, "rcpt"),
        ({"RCPT": ""}, TransientFailure, "rcpt"),
        ({"DATA": "451 later"}, TransientFailure, "data"),
        ({"DATA": "554 no"}, PermanentFailure, "data"),
        ({"DATA": ""}, TransientFailure, "data"),
        ({"DATA": "250 what"}, TransientFailure, "data"),
        ({"message": "452 4.3.1 disk full"}, TransientFailure, "message"),
        ({"message": "554 5.7.1 spam"}, PermanentFailure, "message"),
        ({"message": "421 4.3.2 going down"}, TransientFailure, "message"),
        ({"message": ""}, AmbiguousFailure, "message"),
        ({"message": "2xx?"}, AmbiguousFailure, "message"),
    ],
)
async def test_a_failure_is_told_by_its_stage_and_reply(
    scripted: Start, connect: Start, request_for: Start, script: dict[str, str],
    failure: type[ConnectorError], stage: str,
) -> None:  # fmt: skip
    async with scripted(**script) as server:
        with pytest.raises(ConnectorError) as caught:
            await connect(server.port).send(request_for())
    assert type(caught.value) is failure
    assert caught.value.reply.stage == stage


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"RCPT": "550 5.1.1 unknown; relay.example.test asked"}, "recipient_refused"),
        ({"RCPT": "550 no such user"}, "recipient_refused"),
        ({"RCPT": "552 5.2.2 over quota"}, "mailbox_full"),
        ({"message": "552 5.2.2 over quota"}, "mailbox_full"),
        ({"message": "550 5.1.10 the domain takes no mail"}, "recipient_refused"),
        ({"message": "550 5.2.1 mailbox disabled"}, "recipient_refused"),
        ({"RCPT": "550 5.7.1 rejected by policy"}, "policy"),
        ({"message": "552 too much"}, "message_too_large"),
        ({"message": "554 no"}, "message_refused"),
    ],
)
async def test_a_permanent_failure_has_a_reason(
    scripted: Start, connect: Start, request_for: Start, script: dict[str, str], reason: str
) -> None:
    async with scripted(**script) as server:
        with pytest.raises(PermanentFailure) as caught:
            await connect(server.port).send(request_for())
    assert caught.value.reason == reason


@pytest.mark.parametrize("stage", ["AUTH", "MAIL", "message"])
@pytest.mark.parametrize("refusal", ["535 5.7.139 basic auth disabled", "550 5.7.30 no basic"])
async def test_a_provider_that_wants_oauth2_is_named(
    scripted: Start, connect: Start, request_for: Start, refusal: str, stage: str
) -> None:
    script = {"EHLO": "250-m\r\n250 AUTH PLAIN", "AUTH": "235 ok", stage: refusal}
    async with scripted(**script) as server:
        connector = connect(server.port, auth={"user": "u", "pass": "p"}, ignoreTLS=True)
        with pytest.raises(InvalidConfig, match=r"set auth\.type to OAuth2"):
            await connector.send(request_for())


async def test_what_the_server_repeats_is_masked(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    words = "550 5.1.1 <jane@example.test> jane: code 428913 open-sesame-77 unwanted"
    auth = {"user": "u", "pass": "open-sesame-77"}
    ehlo = "250-m\r\n250 AUTH PLAIN"
    async with scripted(RCPT=words, EHLO=ehlo, AUTH="235 ok") as server:
        connector = connect(server.port, auth=auth, ignoreTLS=True)
        with pytest.raises(PermanentFailure) as caught:
            await connector.send(request_for("jane@example.test"))
    assert caught.value.reply.text == "5.1.1 <***> ***: code *** *** unwanted"
    assert caught.value.__cause__ is None
    assert not {"jane", "428913", "open-sesame-77"} & set(repr(caught.value).split())

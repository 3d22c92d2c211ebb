"""Each command, answered in every way a server can, in every way of saying it."""

import ssl
from collections.abc import Callable
from typing import Any

import pytest

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    InvalidConfig,
    PermanentFailure,
    TransientFailure,
)

Start = Callable[..., Any]
Failure = type[ConnectorError] | None

ANSWERS: dict[str, str | None] = {
    "4yz": "450 4.0.0 later",
    "5yz": "554 5.0.0 no",
    "421": "421 4.3.2 going down",
    "drop": "",
    "timeout": None,
    "garbage": "what?",
}
FAVOURABLE = {"greeting": "220 hello", "STARTTLS": "220 go", "AUTH": "235 ok", "DATA": "354 go"}
WAYS = {
    "lock-step": "250-mail\r\n",
    "pipelining": "250-mail\r\n250-PIPELINING\r\n",
    "chunking": "250-mail\r\n250-PIPELINING\r\n250-CHUNKING\r\n",
}
T, P, C, A = TransientFailure, PermanentFailure, InvalidConfig, AmbiguousFailure
# What each command means when it is answered 2yz (or 3yz), 4yz, 5yz, 421, and then as in ANSWERS.
MATRIX: dict[str, tuple[Failure, ...]] = {
    #           2yz   4yz 5yz 421 drop timeout garbage
    "greeting": (None, T, C, T, T, T, C),
    "EHLO": (None, T, C, T, T, T, T),
    "STARTTLS": (None, T, C, T, T, T, T),
    "AUTH": (None, T, C, T, T, T, T),
    "MAIL": (None, T, C, T, T, T, T),
    "RCPT": (None, T, P, T, T, T, T),
    "DATA": (None, T, P, T, T, T, T),
    "message": (None, T, P, T, A, A, A),
    "RSET": (P, P, P, P, P, P, P),
}
CASES = [
    (way, command, answer, failure)
    for way in WAYS
    for command, failures in MATRIX.items()
    for answer, failure in zip(["2yz", *ANSWERS], failures, strict=True)
    if (way, command) != ("chunking", "DATA")  # BDAT takes its place
]


def _expected(way: str, command: str, answer: str, failure: Failure) -> tuple[Failure, str]:
    """With the body in the same write, only a clear refusal proves that it was not taken."""
    stage = {"STARTTLS": "tls", "RSET": "rcpt"}.get(command, command.lower())
    is_unclear = answer in {"drop", "timeout", "garbage"}
    if way == "chunking" and command in {"MAIL", "RCPT"} and is_unclear:
        return AmbiguousFailure, "message"
    return failure, stage


@pytest.mark.parametrize(("way", "command", "answer", "failure"), CASES)
async def test_an_answer_means_the_same_whichever_way_it_was_asked_for(
    scripted: Start, connect: Start, request_for: Start, server_tls: ssl.SSLContext,
    authority_pem: str, way: str, command: str, answer: str, failure: Failure,
) -> None:  # fmt: skip
    good = {"EHLO": f"{WAYS[way]}250-STARTTLS\r\n250 AUTH PLAIN", "AUTH": "235 ok"}
    good |= {"STARTTLS": "220 go"}
    script: dict[str, str | None] = {
        **good,
        **({"RCPT": "550 5.1.1 unknown"} if command == "RSET" else {}),
    }
    script[command] = ANSWERS.get(answer, FAVOURABLE.get(command, script.get(command, "250 ok")))
    failure, stage = _expected(way, command, answer, failure)
    async with scripted(tls=server_tls, **script) as server:
        options = {"auth": {"user": "u", "pass": "p"}, "tls": {"ca": authority_pem}}
        # A busy machine may need longer than this to answer.
        clocks = {"greetingTimeout": 150, "socketTimeout": 150} if answer == "timeout" else {}
        connector = connect(server.port, **options, **clocks)
        if failure is None:
            assert (await connector.send(request_for())).reply == "250 ok"
            return
        with pytest.raises(ConnectorError) as caught:
            await connector.send(request_for())
        assert type(caught.value) is failure
        assert caught.value.reply.stage == stage
        await _send_again(server, connector, request_for, good, command)


async def _send_again(
    server: Any, connector: Any, request_for: Start, good: dict[str, str], command: str
) -> None:
    """Show that a failure harms nobody else; only a refused login is remembered."""
    server.script |= {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", "message": "250 yours"}
    server.script |= {**good, "greeting": "220 hello", "RSET": "250 ok"}
    if command == "AUTH":
        connector._authenticator._refused_until = 0.0
    receipt = await connector.send(request_for("next@example.test"))
    assert receipt.reply == "250 yours"
    assert server.commands.count("RCPT TO:<next@example.test>") == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "message"])
@pytest.mark.parametrize("answer", ["4yz", "5yz"])
async def test_a_refused_message_leaves_the_connection_open(
    scripted: Start, connect: Start, request_for: Start, way: str, command: str, answer: str
) -> None:
    async with scripted(EHLO=f"{WAYS[way]}250 OK", **{command: ANSWERS[answer]}) as server:
        if way == "chunking":
            server.script["message"] = ANSWERS[answer]
        elif way == "pipelining" and command in {"MAIL", "RCPT"}:
            server.script["DATA"] = "503 5.5.1 no"
        connector = connect(server.port)
        with pytest.raises(ConnectorError):
            await connector.send(request_for())
        server.script |= {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", "message": "250 ok"}
        await connector.send(request_for())
    assert "RSET" in server.commands
    assert server.connections == 1

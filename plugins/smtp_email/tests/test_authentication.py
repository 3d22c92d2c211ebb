"""Logging in with a password: the best mechanism, one attempt, and no attempt too many."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
from aiosmtplib import SMTPResponse
from idp_smtp_email import SmtpConfig
from idp_smtp_email.authentication import Authenticator
from login_server import ALL, PASSWORD, USER, LoginServer, greeted_client, running_login_server

from idp.connector_kit import InvalidConfig

Start = Callable[..., Any]
AUTH = {"user": USER, "pass": PASSWORD}
WRONG = {"user": USER, "pass": "wrong-horse-1"}


async def save_nothing(change: object) -> None:
    raise AssertionError(change)


@pytest.fixture
def authenticator(wire: Start) -> Start:
    def make(server: Any, auth: object = AUTH) -> Authenticator:
        return Authenticator(SmtpConfig.parse(wire(port=server.port, auth=auth)), save_nothing)

    return make


async def log_in(authenticator: Authenticator, server: Any) -> SMTPResponse:
    async with greeted_client(server.port) as client:
        return await authenticator.log_in(client)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (ALL, "SCRAM-SHA-256"),
        ({"LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1"}, "SCRAM-SHA-1"),
        ({"LOGIN", "PLAIN", "CRAM-MD5"}, "CRAM-MD5"),
        ({"LOGIN", "PLAIN", "XOAUTH2"}, "PLAIN"),
        ({"LOGIN", "OAUTHBEARER"}, "LOGIN"),
    ],
)
async def test_the_best_mechanism_offered_is_used(
    authenticator: Start, offered: set[str], chosen: str
) -> None:
    async with running_login_server(offered) as server:
        logs_in = authenticator(server)
        reply = await log_in(logs_in, server)
    assert (reply.code, logs_in.mechanism, server.logins) == (235, chosen, [(chosen, True)])


@pytest.mark.parametrize("mechanism", sorted(ALL - {"XOAUTH2", "OAUTHBEARER"}))
async def test_a_wrong_password_costs_one_login(authenticator: Start, mechanism: str) -> None:
    # Whatever else is offered: the mechanisms that come after it must not be tried.
    ranked = ("SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN")
    async with running_login_server(ranked[ranked.index(mechanism) :]) as server:
        reply = await log_in(authenticator(server, WRONG), server)
    assert (reply.code, server.logins) == (535, [(mechanism, False)])


async def test_a_password_that_is_not_ascii_is_taken(authenticator: Start) -> None:
    for mechanism in ("SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"):
        async with running_login_server({mechanism}) as server:
            server.password = "Größe-七"
            logs_in = authenticator(server, {"user": USER, "pass": server.password})
            assert (await log_in(logs_in, server)).code == 235


async def test_a_refused_login_is_not_tried_again_for_half_a_minute(
    authenticator: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    async with running_login_server({"PLAIN"}) as server:
        logs_in = authenticator(server, WRONG)
        assert logs_in.recent_refusal() is None
        first, again = [await log_in(logs_in, server) for _ in range(2)]
        assert first == again == logs_in.recent_refusal()
        assert len(server.logins) == 1
        start = loop.time
        monkeypatch.setattr(loop, "time", lambda: start() + 30)
        await log_in(logs_in, server)
        assert len(server.logins) == 2
        await log_in(authenticator(server, WRONG), server)
    assert len(server.logins) == 3


async def test_five_connections_with_a_wrong_password_cost_one_login(authenticator: Start) -> None:
    async with running_login_server({"SCRAM-SHA-256"}) as server:
        logs_in = authenticator(server, WRONG)
        replies = await asyncio.gather(*(log_in(logs_in, server) for _ in range(5)))
    assert {reply.code for reply in replies} == {535}
    assert len(server.logins) == 1


async def test_many_waiting_mails_with_a_wrong_password_cost_one_login(
    connect: Start, request_for: Start
) -> None:
    async with running_login_server() as server:
        connector = connect(server.port, auth=WRONG, ignoreTLS=True)
        sends = (connector.send(request_for()) for _ in range(50))
        failures = await asyncio.gather(*sends, return_exceptions=True)
        with pytest.raises(InvalidConfig, match="refused the login") as caught:
            await connector.send(request_for())
    assert {type(failure) for failure in failures} == {InvalidConfig}
    assert {str(failure) for failure in failures} == {str(caught.value)}
    assert len(server.logins) == 1


async def test_a_password_that_stops_working_is_noticed(authenticator: Start) -> None:
    async with running_login_server({"PLAIN"}) as server:
        logs_in = authenticator(server)
        for _ in range(2):
            assert (await log_in(logs_in, server)).code == 235
        server.password = "changed"
        await asyncio.gather(*(log_in(logs_in, server) for _ in range(3)))
        refused = await asyncio.gather(*(log_in(logs_in, server) for _ in range(3)))
    assert {reply.code for reply in refused} == {535}
    assert len(server.logins) <= 5


async def test_a_temporary_refusal_is_tried_again(authenticator: Start, scripted: Start) -> None:
    script = {"EHLO": "250-x\r\n250 AUTH PLAIN", "AUTH": "454 4.7.0 Try again later"}
    async with scripted(**script) as server:
        logs_in = authenticator(server)
        for _ in range(2):
            assert (await log_in(logs_in, server)).code == 454
    assert len([command for command in server.commands if command.startswith("AUTH")]) == 2


@pytest.mark.parametrize(
    ("offer", "problem"),
    [
        ("SIZE 1000", "The server offers no login: remove auth, or use the port for submission"),
        ("AUTH XOAUTH2 gssapi", "The server offers no login with a password, only XOAUTH2, GSSAPI"),
    ],
)
async def test_a_server_without_a_fitting_mechanism_is_explained(
    authenticator: Start, scripted: Start, offer: str, problem: str
) -> None:
    async with scripted(EHLO=f"250-x\r\n250 {offer}") as server:
        logs_in = authenticator(server)
        for _ in range(2):
            with pytest.raises(InvalidConfig, match=problem) as caught:
                await log_in(logs_in, server)
    assert (caught.value.reply.stage, list(caught.value.problems)) == ("auth", ["auth"])
    with pytest.raises(InvalidConfig, match=problem):
        logs_in.recent_refusal()


async def test_a_scram_server_must_prove_that_it_knows_the_password(authenticator: Start) -> None:
    async with running_login_server({"SCRAM-SHA-256", "PLAIN"}) as server:
        server.knows_password = False
        with pytest.raises(InvalidConfig, match="could not prove that it knows the password"):
            await log_in(authenticator(server), server)
    assert "PLAIN" not in str(server.logins)


async def test_a_scram_server_cannot_skip_its_proof(authenticator: Start, scripted: Start) -> None:
    script = {"EHLO": "250-x\r\n250 AUTH SCRAM-SHA-256", "AUTH": "235 2.7.0 welcome"}
    async with scripted(**script) as server:
        with pytest.raises(InvalidConfig, match="not understood"):
            await log_in(authenticator(server), server)


async def test_a_login_accepted_with_250_counts(authenticator: Start, scripted: Start) -> None:
    async with scripted(EHLO="250-x\r\n250 AUTH PLAIN", AUTH="250 ok") as server:
        assert (await log_in(authenticator(server), server)).code == 250


def base64_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_the_questions_of_login_may_be_plain_text(
    authenticator: Start, scripted: Start
) -> None:
    user, password = base64_text(USER), base64_text(PASSWORD)
    script = {
        "EHLO": "250-x\r\n250 AUTH=LOGIN",
        "AUTH": "334 Username:",
        user.upper(): "334 Password:",
        password.upper(): "235 ok",
    }
    async with scripted(**script) as server:
        assert (await log_in(authenticator(server), server)).code == 235
    assert server.commands[1:4] == ["AUTH LOGIN", user, password]


async def test_a_server_that_never_stops_asking_is_left(
    authenticator: Start, scripted: Start
) -> None:
    script = {"EHLO": "250-x\r\n250 AUTH PLAIN", "AUTH": "334 ", "*": "501 5.7.0 Aborted"}
    async with scripted(**script) as server:
        assert (await log_in(authenticator(server), server)).code == 501


async def test_what_the_server_repeats_holds_no_secret(
    authenticator: Start, scripted: Start
) -> None:
    plain = base64_text(f"\0{USER}\0{PASSWORD}")
    reply = f"535 5.7.8 Not you: {PASSWORD} {plain}"
    async with scripted(EHLO="250-x\r\n250 AUTH PLAIN", AUTH=reply) as server:
        refused = await log_in(authenticator(server), server)
    assert refused == SMTPResponse(535, "5.7.8 Not you: *** ***")


async def test_closing_without_oauth2_closes_nothing(authenticator: Start) -> None:
    await authenticator(LoginServer(port=25)).aclose()

"""Twenty traps of SMTP libraries, G1 to G20: each was met in one of them, none is left here."""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any

import pytest
from idp_smtp_email import SmtpConfig
from idp_smtp_email.dialing import dial

from idp.connector_kit import (
    ConnectorError,
    EmailTemplate,
    InvalidConfig,
    PermanentFailure,
    TransientFailure,
)

Start = Callable[..., Any]
PIPELINING = "250-mail\r\n250 PIPELINING"
LOGIN = {"user": "u", "pass": "open-sesame-77"}


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "message"])
async def test_g1_a_cancelled_send_poisons_no_connection(
    scripted: Start, connect: Start, request_for: Start, stage: str
) -> None:
    async with scripted(**{stage: None}) as server:
        connector = connect(server.port, pool={"maxConnections": 1})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connector.send(request_for("one@example.test")), 0.03)
        server.speak("550 5.1.1 no such user a")
        server.script |= {
            "MAIL": "250 ok",
            "RCPT": "250 ok",
            "DATA": "354 go",
            "message": "250 two",
        }
        assert (await connector.send(request_for("next@example.test"))).reply == "250 two"
        assert server.connections == 2


@pytest.mark.parametrize("recipient", ["jörg@example.test", "b\0@example.test"])
async def test_g2_an_address_that_cannot_be_sent_leaves_no_transaction_open(
    scripted: Start, connect: Start, request_for: Start, recipient: str
) -> None:
    async with scripted() as server:
        connector = connect(server.port)
        await connector.send(request_for())
        with pytest.raises(PermanentFailure):
            await connector.send(request_for(recipient))
        await connector.send(request_for())
    assert (server.connections, len(server.messages)) == (1, 2)


@pytest.mark.parametrize(
    "recipient",
    ["b@x.test\r\nRCPT TO:<evil@x.test>", "a@x.test,evil@x.test", "b@x.test NOTIFY=NEVER"],
)
async def test_g3_an_address_is_checked_alike_on_every_python(
    scripted: Start, connect: Start, request_for: Start, recipient: str
) -> None:
    async with scripted() as server:
        with pytest.raises(PermanentFailure):
            await connect(server.port).send(request_for(recipient))
    assert server.commands == []


async def test_g4_mails_sent_at_once_do_not_wait_for_each_other(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(message=None) as server:
        connector = connect(server.port)
        sending = [asyncio.create_task(connector.send(request_for())) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert len(server.messages) == 5
        for task in sending:
            task.cancel()


async def test_g5_two_mails_at_once_open_two_connections_without_a_deadlock(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port)
        await asyncio.gather(*(connector.send(request_for()) for _ in range(2)))
    assert server.connections == 2


async def test_g6_a_refused_recipient_is_an_error_and_costs_one_rset(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(RCPT="550 5.1.1 no") as server:
        with pytest.raises(PermanentFailure):
            await connect(server.port).send(request_for())
    assert [command.split()[0] for command in server.commands[1:]] == ["MAIL", "RCPT", "RSET"]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "message"])
async def test_g7_421_ends_the_connection_wherever_it_comes(
    scripted: Start, connect: Start, request_for: Start, stage: str
) -> None:
    async with scripted(**{stage: "421 4.3.2 going down"}) as server:
        with pytest.raises(TransientFailure):
            await connect(server.port).send(request_for())
        await asyncio.sleep(0.01)
        assert server.hung_up == server.connections == 1


async def test_g8_a_password_does_not_leave_when_starttls_is_stripped(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO="250-mail\r\n250 AUTH PLAIN", AUTH="235 ok") as server:
        with pytest.raises(InvalidConfig, match="the password was not sent"):
            await connect(server.port, auth=LOGIN).send(request_for())
    assert "AUTH" not in str(server.commands)


async def test_g9_a_wrong_password_costs_one_login_however_many_mails_wait(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    ehlo = "250-mail\r\n250 AUTH CRAM-MD5 PLAIN LOGIN"
    async with scripted(EHLO=ehlo, AUTH="535 5.7.8 wrong") as server:
        connector = connect(server.port, auth=LOGIN, ignoreTLS=True)
        sending = [connector.send(request_for()) for _ in range(10)]
        failures = await asyncio.gather(*sending, return_exceptions=True)
    assert {type(failure) for failure in failures} == {InvalidConfig}
    assert len([command for command in server.commands if command.startswith("AUTH")]) == 1


async def test_g10_all_clocks_together_are_limited_by_the_deadline(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(RCPT=None) as server:
        started = perf_counter()
        deadline = datetime.now(UTC) + timedelta(seconds=0.1)
        with pytest.raises(TransientFailure):
            await connect(server.port).send(request_for(deadline=deadline))
        assert perf_counter() - started < 1


async def test_g11_nobody_waits_for_the_answer_to_quit(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(QUIT=None) as server:
        connector = connect(server.port, pool={"maxMessages": 1})
        await asyncio.wait_for(connector.send(request_for()), 1)
        await asyncio.wait_for(connector.aclose(), 1)
        await asyncio.sleep(0.01)
        assert server.commands[-1] == "QUIT"


async def test_g12_a_connection_closed_while_idle_is_opened_again_unseen(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port)
        await connector.send(request_for())
        server.speak("")
        await connector.send(request_for())
    assert len(server.messages) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other options")
async def test_g12_a_way_that_was_lost_is_noticed_while_the_connection_is_idle(
    scripted: Start, wire: Callable[..., Any]
) -> None:
    async with scripted() as server:
        connection = await dial([(socket.AF_INET, ("127.0.0.1", server.port))], None, 1)
        read = partial(connection.getsockopt, socket.IPPROTO_TCP)
        idle, interval = read(socket.TCP_KEEPIDLE), read(socket.TCP_KEEPINTVL)
        milliseconds = 1000 * (idle + interval * read(socket.TCP_KEEPCNT))
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert milliseconds < SmtpConfig.parse(wire()).pool.idle_timeout
        connection.close()


async def test_g13_a_header_cannot_be_broken_out_of(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    words = {"usageType": "SignIn", "subject": "Hi {{name}}", "content": "{{code}}"}
    payload = {"code": "428913", "name": "x\r\nBcc: evil@example.test"}
    async with scripted() as server:
        request = request_for(custom_template=EmailTemplate.parse(words), payload=payload)
        with pytest.raises(PermanentFailure):
            await connect(server.port).send(request)
    assert server.messages == []


async def test_g14_replies_that_share_a_segment_are_told_apart(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    replies = "250-first\r\n250 line\r\n250 rcpt\r\n354 go"
    async with scripted(EHLO=PIPELINING, MAIL=replies) as server:
        server.script |= {"RCPT": None, "DATA": None}
        sending = asyncio.create_task(connect(server.port, socketTimeout=100).send(request_for()))
        with pytest.raises(ConnectorError) as caught:
            await sending
    assert caught.value.reply.stage == "message"


async def test_g15_line_ends_are_crlf_and_leading_dots_doubled(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    content = ".\n..\rbare\r\n.\r\r\n\n.end"
    words = {"usageType": "SignIn", "contentType": "text/plain", "subject": "a", "content": content}
    async with scripted() as server:
        request = request_for(custom_template=EmailTemplate.parse(words))
        await connect(server.port).send(request)
    _, _, body = server.messages[0].partition(b"\r\n\r\n")
    assert body == b"..\r\n...\r\nbare\r\n..\r\n\r\n\r\n..end\r\n"


@pytest.mark.parametrize("name", ["Bcc", "bcc", "Cc"])
async def test_g16_no_header_adds_a_hidden_recipient(connect: Start, name: str) -> None:
    with pytest.raises(InvalidConfig, match="customHeaders"):
        connect(25, customHeaders={name: "evil@example.test"})


async def test_g17_only_a_local_part_beyond_ascii_needs_smtputf8(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port)
        await connector.send(request_for("user@exämple.test"))
        with pytest.raises(PermanentFailure) as caught:
            await connector.send(request_for("jörg@example.test"))
    assert "RCPT TO:<user@xn--exmple-cua.test>" in server.commands
    assert caught.value.reason == "smtputf8_unsupported"


async def test_g18_connections_share_one_tls_context_and_one_name(
    mail_server: Start, connect: Start, request_for: Start, server_tls: ssl.SSLContext,
    authority_pem: str,
) -> None:  # fmt: skip
    async with mail_server(implicit_tls=server_tls) as server:
        connector = connect(server.port, secure=True, tls={"ca": authority_pem})
        await asyncio.gather(*(connector.send(request_for()) for _ in range(3)))
        assert await connector._tls_context() is await connector._tls_context()
    assert len({each.peer for each in server.sessions}) == 3
    assert len({each.host_name for each in server.sessions}) == 1


async def test_g19_a_login_answered_250_is_accepted(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO="250-mail\r\n250 AUTH PLAIN", AUTH="250 fine") as server:
        await connect(server.port, auth=LOGIN, ignoreTLS=True).send(request_for())
    assert len(server.messages) == 1


async def test_g20_newcomers_do_not_overtake_those_who_wait(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    order: list[int] = []
    async with scripted() as server:
        connector = connect(server.port, pool={"maxConnections": 1})

        async def send(number: int) -> None:
            await connector.send(request_for())
            order.append(number)
            if number < 4:
                await connector.send(request_for())
                order.append(number + 4)

        await asyncio.gather(*(send(number) for number in range(4)))
    assert order == list(range(8))


def test_the_traps_are_all_here() -> None:
    traps = {name.split("_")[1] for name in globals() if name.startswith("test_g")}
    assert traps == {f"g{number}" for number in range(1, 21)}

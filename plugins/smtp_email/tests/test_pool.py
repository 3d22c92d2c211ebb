"""The connections of a connector: shared fairly, kept for a while, given up when in doubt."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import pytest

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    PermanentFailure,
    RateLimited,
    TransientFailure,
)

Start = Callable[..., Any]
PIPELINING = "250-mail\r\n250 PIPELINING"
CHUNKING = "250-mail\r\n250-PIPELINING\r\n250 CHUNKING"
EVERY_WAY = pytest.mark.parametrize("ehlo", ["250 mail", PIPELINING, CHUNKING])


@EVERY_WAY
async def test_mails_follow_each_other_over_one_connection(
    scripted: Start, connect: Start, request_for: Start, ehlo: str
) -> None:
    async with scripted(EHLO=ehlo) as server:
        connector = connect(server.port)
        for number in range(5):
            await connector.send(request_for(f"r{number}@example.test"))
    assert server.connections == 1
    assert len(server.messages) == 5
    assert "NOOP" not in server.commands


async def test_no_more_connections_are_opened_than_allowed(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port, pool={"maxConnections": 2})
        await asyncio.gather(*(connector.send(request_for()) for _ in range(20)))
    assert server.connections == 2
    assert len(server.messages) == 20


async def test_waiting_mails_leave_in_the_order_they_came(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO=PIPELINING) as server:
        connector = connect(server.port, pool={"maxConnections": 1})

        async def keep_sending(person: int) -> None:
            for number in range(10):
                await connector.send(request_for(f"p{person}.{number}@example.test"))

        await asyncio.gather(*(keep_sending(person) for person in range(6)))
    recipients = [command for command in server.commands if command.startswith("RCPT")]
    rounds = [recipients[start : start + 6] for start in range(0, 60, 6)]
    people = [[recipient[9:11] for recipient in each] for each in rounds]
    assert people == [["p0", "p1", "p2", "p3", "p4", "p5"]] * 10


async def test_a_connection_is_replaced_after_its_number_of_messages(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port, pool={"maxMessages": 2})
        for _ in range(5):
            await connector.send(request_for())
        await asyncio.sleep(0.01)
    assert (server.connections, server.commands.count("QUIT")) == (3, 2)


async def test_an_idle_connection_is_closed_in_time(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port, pool={"idleTimeout": 30})
        await asyncio.gather(*(connector.send(request_for()) for _ in range(2)))
        await asyncio.sleep(0.1)
        assert (server.commands.count("QUIT"), server.hung_up) == (2, 2)
        await connector.send(request_for())
        assert server.connections == 3


@EVERY_WAY
@pytest.mark.parametrize("goodbye", ["421 4.4.2 idle for too long", ""])
async def test_a_connection_that_died_idle_is_replaced(
    scripted: Start, connect: Start, request_for: Start, ehlo: str, goodbye: str
) -> None:
    async with scripted(EHLO=ehlo) as server:
        connector = connect(server.port)
        await connector.send(request_for())
        server.speak(goodbye)
        await asyncio.sleep(0.01)
        await connector.send(request_for())
    assert (server.connections, len(server.messages)) == (2, 2)


@pytest.mark.parametrize("ehlo", ["250 mail", PIPELINING])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("goodbye", ["421 4.4.2 idle for too long", "", None])
async def test_a_message_of_which_nothing_was_read_is_sent_again_once(
    scripted: Start, connect: Start, request_for: Start, ehlo: str, stage: str, goodbye: str | None
) -> None:
    async with scripted(EHLO=ehlo) as server:
        connector = connect(server.port, socketTimeout=100)
        await connector.send(request_for())
        server.script[stage] = [goodbye, "354 go" if stage == "DATA" else "250 ok"]
        await connector.send(request_for("second@example.test"))
        assert (server.connections, len(server.messages)) == (2, 2)
        server.script[stage] = goodbye
        with pytest.raises(TransientFailure):
            await connector.send(request_for())
    assert server.connections == 3


async def test_a_message_that_may_have_been_read_is_not_sent_again(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO=CHUNKING) as server:
        connector = connect(server.port)
        await connector.send(request_for())
        server.script["MAIL"] = ""
        with pytest.raises(AmbiguousFailure):
            await connector.send(request_for())
    assert server.connections == 1


@EVERY_WAY
async def test_the_commands_go_out_in_as_few_writes_as_the_server_allows(
    scripted: Start, connect: Start, request_for: Start, ehlo: str
) -> None:
    async with scripted(EHLO=ehlo, MAIL=None) as server:
        with pytest.raises(ConnectorError):
            await connect(server.port, socketTimeout=50).send(request_for())
    verbs = [command.split()[0] for command in server.commands[1:]]
    expected = {
        "250 mail": ["MAIL"],
        PIPELINING: ["MAIL", "RCPT", "DATA"],
        CHUNKING: ["MAIL", "RCPT", "BDAT"],
    }
    assert verbs == expected[ehlo]


async def test_a_message_to_nobody_is_ended_with_a_lone_dot(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO=PIPELINING, RCPT=["550 5.1.1 no", "250 ok"]) as server:
        connector = connect(server.port)
        with pytest.raises(PermanentFailure):
            await connector.send(request_for())
        await connector.send(request_for())
    assert server.messages[0] == b""
    assert (server.connections, server.commands[4]) == (1, "RSET")


async def test_a_server_that_wants_a_message_from_nobody_is_left(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO=PIPELINING, MAIL=["450 later", "250 ok"]) as server:
        connector = connect(server.port)
        with pytest.raises(TransientFailure):
            await connector.send(request_for())
        await connector.send(request_for())
    assert server.connections == 2
    assert len(server.messages) == 1


async def test_the_rate_is_kept_from_the_first_mail_on(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port, pool={"rateLimit": 3, "rateDelta": 100})
        started = perf_counter()
        sending = [asyncio.create_task(connector.send(request_for())) for _ in range(7)]
        await asyncio.sleep(0.05)
        assert (server.connections, len(server.messages)) == (3, 3)
        await asyncio.gather(*sending)
        assert perf_counter() - started >= 0.2


async def test_a_mail_the_rate_leaves_no_time_for_is_refused_at_once(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port, pool={"rateLimit": 1, "rateDelta": 3_600_000})
        await connector.send(request_for())
        with pytest.raises(RateLimited, match=r"pool\.rateLimit") as caught:
            await connector.send(request_for())
    assert caught.value.retry_after == pytest.approx(3600, abs=5)


async def test_a_mail_waits_for_a_connection_until_it_is_too_late(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(RCPT=None) as server:
        connector = connect(server.port, pool={"maxConnections": 1}, socketTimeout=200)
        first = asyncio.create_task(connector.send(request_for()))
        await asyncio.sleep(0)
        deadline = datetime.now(UTC) + timedelta(seconds=0.05)
        with pytest.raises(TransientFailure, match="until it was too late"):
            await connector.send(request_for(deadline=deadline))
        assert not first.done()
        with pytest.raises(TransientFailure):
            await first


@EVERY_WAY
async def test_closing_waits_for_the_mails_under_way(
    scripted: Start, connect: Start, request_for: Start, ehlo: str
) -> None:
    async with scripted(EHLO=ehlo) as server:
        connector = connect(server.port, pool={"maxConnections": 1})
        sending = [asyncio.create_task(connector.send(request_for())) for _ in range(3)]
        await asyncio.sleep(0)
        await connector.aclose()
        assert all(task.done() for task in sending)
        await connector.send(request_for())
        await asyncio.sleep(0.01)
        assert server.hung_up == server.connections
        assert len(server.messages) == 4


async def test_a_mail_that_hangs_does_not_keep_the_pool_open(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(RCPT=None) as server:
        connector = connect(server.port)
        sending = asyncio.create_task(connector.send(request_for()))
        await asyncio.sleep(0.02)
        await connector._pool.aclose(grace=0.02)
        with pytest.raises(TransientFailure):
            await sending


async def test_a_queue_that_is_full_refuses_at_once(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(RCPT=None) as server:
        connector = connect(server.port, pool={"maxConnections": 1})
        sending = [asyncio.create_task(connector.send(request_for())) for _ in range(10_001)]
        await asyncio.sleep(0.02)
        with pytest.raises(TransientFailure, match="Too many mails wait") as caught:
            await connector.send(request_for())
        for each in sending:
            each.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
    assert caught.value.retry_after == 1


@pytest.mark.parametrize(
    ("ehlo", "stage"),
    [
        (ehlo, stage)
        for ehlo in ("250 mail", PIPELINING, CHUNKING)
        for stage in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "message", "RSET")
        if (ehlo, stage) != (CHUNKING, "DATA")
    ],
)
async def test_cancelling_at_any_stage_harms_nobody_else(
    scripted: Start, connect: Start, request_for: Start, ehlo: str, stage: str
) -> None:
    refusal = {"RCPT": "550 5.1.1 no such user", "message": "503 no"} if stage == "RSET" else {}
    async with scripted(**{"EHLO": ehlo, **refusal, stage: None}) as server:
        connector = connect(server.port, pool={"maxConnections": 1})
        sending = asyncio.create_task(connector.send(request_for("gone@example.test")))
        waiting = asyncio.create_task(connector.send(request_for("next@example.test")))
        await asyncio.sleep(0.03)
        server.script |= {"greeting": "220 hello", "EHLO": ehlo, "DATA": "354 go"}
        server.script |= dict.fromkeys(("MAIL", "RCPT", "message", "RSET"), "250 fine")
        assert not sending.done()
        sending.cancel()
        assert (await waiting).reply == "250 fine"
    assert b"To: next@example.test" in server.messages[-1]


async def test_a_place_given_to_one_who_is_cancelled_goes_to_the_next(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(greeting=["421 busy", "220 hello"]) as server:
        connector = connect(server.port, pool={"maxConnections": 1})

        async def refuse_the_first_and_stop_the_second() -> None:
            with pytest.raises(TransientFailure):
                await connector.send(request_for())
            second.cancel()  # it has the place now, and has not woken up yet

        first = asyncio.create_task(refuse_the_first_and_stop_the_second())
        second, third = [asyncio.create_task(connector.send(request_for())) for _ in range(2)]
        await asyncio.gather(first, third)
    assert second.cancelled()
    assert (server.connections, len(server.messages)) == (2, 1)


async def test_mails_that_fail_at_once_are_told_one_after_the_other(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO="250-mail\r\n250 SIZE 10") as server:
        connector = connect(server.port, pool={"maxConnections": 1})
        sends = [connector.send(request_for()) for _ in range(2000)]
        failures = await asyncio.gather(*sends, return_exceptions=True)
    assert {type(failure) for failure in failures} == {PermanentFailure}


async def test_no_one_sees_the_answer_to_another(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted(EHLO=PIPELINING) as server:
        server.answer_recipients = True
        connector = connect(server.port)

        async def send(number: int) -> None:
            sending = asyncio.create_task(connector.send(request_for(f"u{number}@example.test")))
            await asyncio.sleep(number % 7 / 2000)
            if number % 3 == 0:
                sending.cancel()
            with suppress(asyncio.CancelledError):
                assert (await sending).reply == f"250 number {number}."

        await asyncio.gather(*(send(number) for number in range(200)))


async def test_what_the_server_says_out_of_turn_ends_the_connection(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    async with scripted() as server:
        connector = connect(server.port)
        await connector.send(request_for())
        server.speak("250 an answer to nothing")
        await asyncio.sleep(0.01)
        assert server.hung_up == 1
        assert (await connector.send(request_for())).reply == "250 ok"


async def test_an_endless_answer_is_not_read_to_its_end(
    scripted: Start, connect: Start, request_for: Start
) -> None:
    endless = "\r\n".join(["250-" + "x" * 1000] * 200)
    async with scripted(MAIL=endless) as server:
        with pytest.raises(TransientFailure):
            await connect(server.port).send(request_for())
    assert "RCPT" not in str(server.commands)

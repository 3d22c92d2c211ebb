"""Messages that are posted to another program: the same promises as mails, by another road."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from http_server import HttpServer, reply, running_http_server
from postman import Postman

from idp.connector_kit.http import HttpMail
from idp.outbox import Call
from idp.outbox.http_channel import HttpChannel
from idp.storage.tables import Message, MessageState, now


class Notes(HttpChannel):
    """Posts what it was given."""

    name = "notes"
    key = "address"

    async def compose(self, payload: Mapping[str, Any]) -> HttpMail:
        return HttpMail(payload["text"].encode(), {})


class Receiver:
    """A program that answers as it is told, with the office that writes to it."""

    def __init__(self, postman: Postman, server: HttpServer) -> None:
        self.postman, self.server = postman, server

    async def promise(self, seconds: float = 600) -> str:
        url = f"http://127.0.0.1:{self.server.port}/notes"
        deadline = now() + timedelta(seconds=seconds)
        call = Call(channel="notes", kind="Note", to=url, payload={"text": "hi"}, deadline=deadline)
        message = await self.postman.database.run(self.postman.outbox.promise_call, call)
        return message.id

    async def deliver(self, *answers: bytes | None) -> Message:
        """Promise a message and try it as often as there are answers."""
        message_id = await self.promise()
        for answer in answers:
            self.server.respond = lambda _, answer=answer: answer  # type: ignore[misc]
            await self.postman.change(message_id, due_at=now() - timedelta(seconds=1))
            await self.postman.deliver(message_id)
        return await self.postman.message(message_id)


@pytest.fixture
async def receiver(postman: Postman) -> AsyncIterator[Receiver]:
    postman.courier.open(Notes(postman.secrets))
    async with running_http_server(lambda _: reply(200)) as server:
        yield Receiver(postman, server)
        await postman.courier.aclose()


@pytest.mark.parametrize("status", [200, 204])
async def test_a_message_that_was_taken_is_sent_and_its_content_erased(
    receiver: Receiver, status: int
) -> None:
    message = await receiver.deliver(reply(status))
    assert message.state is MessageState.SENT
    assert (message.connector_id, message.payload) == ("notes", None)
    assert [request.body for request in receiver.server.requests] == [b"hi"]
    [attempt] = await receiver.postman.attempts(message.id)
    assert (attempt.outcome, attempt.reply) == ("sent", f"HTTP {status}")


@pytest.mark.parametrize("status", [400, 401, 404, 410])
async def test_a_message_that_was_refused_is_not_sent_again(
    receiver: Receiver, status: int
) -> None:
    message = await receiver.deliver(reply(status, b"no secret of yours"))
    assert message.state is MessageState.FAILED
    assert message.reason == f"The receiver refused it (HTTP {status})."


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    here = f"http://127.0.0.1:{receiver.server.port}/elsewhere"
    message = await receiver.deliver(reply(307, Location=here))
    assert message.state is MessageState.FAILED
    assert [request.target for request in receiver.server.requests] == ["/notes"]


async def test_a_receiver_in_trouble_is_asked_again_until_it_takes_the_message(
    receiver: Receiver,
) -> None:
    message = await receiver.deliver(reply(500), reply(503), reply(200))
    assert (message.state, message.attempts) == (MessageState.SENT, 3)


async def test_a_receiver_that_hangs_up_is_asked_again(receiver: Receiver) -> None:
    receiver.server.hangs_up = True
    message = await receiver.deliver(b"")
    assert message.state is MessageState.PROMISED
    assert message.due_at > now()
    assert message.payload


async def test_a_message_nobody_took_in_time_expires(receiver: Receiver) -> None:
    message_id = await receiver.promise(seconds=-1)
    message = await receiver.postman.deliver(message_id)
    assert message.state is MessageState.EXPIRED
    assert receiver.server.requests == []


async def test_those_who_observe_mails_hear_nothing_of_it(receiver: Receiver) -> None:
    await receiver.deliver(reply(200))
    assert receiver.postman.observer.attempts == []


async def test_a_message_of_an_unknown_channel_waits_for_a_server_that_knows_it(
    receiver: Receiver,
) -> None:
    message_id = await receiver.promise()
    await receiver.postman.change(message_id, channel="pigeons")
    message = await receiver.postman.deliver(message_id)
    assert message.state is MessageState.PROMISED
    assert message.reason == "Nothing here knows the channel pigeons."

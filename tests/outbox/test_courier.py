"""The courier: what becomes of a mail, by what the connectors say."""

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from postman import ADDRESS, CODE, Postman, just_now
from structlog.testing import capture_logs

from idp.connector_kit import (
    AmbiguousFailure,
    InvalidConfig,
    PermanentFailure,
    ProviderReply,
    RateLimited,
    TemplateNotFound,
    TransientFailure,
    UsageType,
)
from idp.connectors import Connectors
from idp.outbox import Courier
from idp.plugins import load_plugins
from idp.storage import Secrets
from idp.storage.tables import Message, MessageState, now

REPLY = ProviderReply(
    text="greylisted, come back", reply_code=451, enhanced_code="4.7.1", stage="rcpt"
)
INVITATION: dict[str, Any] = {
    "usage_type": UsageType.ORGANIZATION_INVITATION,
    "payload": {"link": "https://x.y"},
}


class HardBounce(PermanentFailure):
    """A plugin may have errors of its own."""


def seconds_until(message: Message) -> float:
    return (message.due_at - now()).total_seconds()


async def test_a_mail_is_sent_once_and_recorded(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    message_id = await postman.promise()
    message = await postman.deliver(message_id)
    [sent] = postman.first.sent
    assert sent.recipient == ADDRESS
    assert CODE in sent.text
    assert (message.state, message.payload) == (MessageState.SENT, None)
    assert (message.connector_id, message.provider_id) == (instance, "provider-1")
    [attempt] = await postman.attempts(message_id)
    assert (attempt.number, attempt.connector_id, attempt.outcome) == (1, instance, "sent")
    assert attempt.reply == "kept in memory"
    assert 0 < attempt.duration < 10


async def test_delivering_again_does_nothing(postman: Postman) -> None:
    await postman.save(postman.first)
    message_id = await postman.promise()
    await asyncio.gather(*(postman.courier.deliver(message_id) for _ in range(5)))
    await postman.deliver(message_id)
    assert len(postman.first.requests) == 1


async def test_an_unknown_message_is_nobodys(postman: Postman) -> None:
    await postman.courier.deliver("gone")
    assert postman.observer.attempts == []


@pytest.mark.parametrize(
    "failure",
    [
        TransientFailure("The server is busy.", reply=REPLY),
        TemplateNotFound("No template for SignIn.", reply=REPLY),
        AmbiguousFailure("The connection was lost.", reply=REPLY),
    ],
)
async def test_a_mail_that_may_work_later_waits_and_then_goes_out(
    postman: Postman, failure: Exception
) -> None:
    [instance] = await postman.save(postman.first)
    postman.first.script.append(failure)
    message_id, began = await postman.promise(), now()
    waiting = await postman.deliver(message_id)
    assert waiting.state is MessageState.PROMISED
    assert waiting.payload
    assert waiting.due_at > began + timedelta(seconds=0.5)
    assert seconds_until(waiting) <= 1.2
    await postman.change(message_id, due_at=just_now())
    assert (await postman.deliver(message_id)).state is MessageState.SENT
    first, second = await postman.attempts(message_id)
    assert (first.outcome, second.outcome) == (type(failure).__name__, "sent")
    assert (first.number, second.number) == (1, 2)
    assert (first.error, first.stage, first.reply_code) == (str(failure), "rcpt", 451)
    assert (first.reply, first.enhanced_code) == ("greylisted, come back", "4.7.1")
    assert postman.observer.outcomes == [(instance, "deferred"), (instance, "sent")]


async def test_every_attempt_has_the_same_message_id(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(TransientFailure("busy"))
    message_id = await postman.promise()
    await postman.deliver(message_id)
    await postman.change(message_id, due_at=just_now())
    await postman.deliver(message_id)
    assert {request.message_id for request in postman.first.requests} == {message_id}
    assert len({request.idempotency_key for request in postman.first.requests}) == 1


async def test_the_provider_says_when_to_come_back(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(RateLimited("slow down", retry_after=90))
    waiting = await postman.deliver(await postman.promise())
    assert 88 < seconds_until(waiting) <= 90


@pytest.mark.parametrize("failure", [PermanentFailure("No such user."), HardBounce("No user.")])
async def test_a_permanent_failure_ends_the_mail_at_once(
    postman: Postman, failure: Exception
) -> None:
    [instance, _] = await postman.save(postman.first, postman.second)
    postman.first.script.append(failure)
    message_id = await postman.promise()
    message = await postman.deliver(message_id)
    assert (message.state, message.payload) == (MessageState.FAILED, None)
    assert postman.second.requests == []
    assert [attempt.error for attempt in await postman.attempts(message_id)] == [str(failure)]
    assert postman.observer.outcomes == [(instance, "failed")]


@pytest.mark.parametrize(
    "failure",
    [TransientFailure("busy"), InvalidConfig("bad password"), ValueError("a defect")],
)
async def test_the_second_connector_takes_over(postman: Postman, failure: Exception) -> None:
    ids = await postman.save(postman.first, postman.second)
    postman.first.script.append(failure)
    message_id = await postman.promise()
    with capture_logs():
        message = await postman.deliver(message_id)
    assert (message.state, message.connector_id) == (MessageState.SENT, ids[1])
    assert len(postman.second.sent) == 1
    attempts = await postman.attempts(message_id)
    assert [attempt.connector_id for attempt in attempts] == ids
    assert {attempt.number for attempt in attempts} == {1}
    assert postman.observer.outcomes == [(ids[0], "deferred"), (ids[1], "sent")]


async def test_a_mail_perhaps_sent_is_not_given_to_another_connector(postman: Postman) -> None:
    await postman.save(postman.first, postman.second)
    postman.first.script.append(AmbiguousFailure("The connection was lost."))
    message = await postman.deliver(await postman.promise())
    assert message.state is MessageState.PROMISED
    assert postman.second.requests == []


async def test_an_invitation_perhaps_sent_is_left_to_the_operator(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    postman.first.script.append(AmbiguousFailure("The connection was lost."))
    message = await postman.deliver(await postman.promise(**INVITATION))
    assert (message.state, message.reason) == (MessageState.UNKNOWN, "The connection was lost.")
    assert message.payload, "the operator may have it sent again"
    assert postman.observer.outcomes == [(instance, "failed")]


async def test_a_defect_of_a_plugin_is_logged_and_tried_again(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(ZeroDivisionError(f"{ADDRESS} divided by {CODE}"))
    message_id = await postman.promise()
    with capture_logs() as logs:
        message = await postman.deliver(message_id)
    assert message.state is MessageState.PROMISED
    [attempt] = await postman.attempts(message_id)
    assert attempt.error == "The connector failed with ZeroDivisionError."
    [entry] = [entry for entry in logs if entry["event"] == "connector defect"]
    assert (entry["connector"], entry["error"]) == ("first", "ZeroDivisionError")
    assert entry["plugin"] == "tests"
    assert entry["at"].startswith("scripted.py:")
    assert ADDRESS not in str(logs)
    assert CODE not in str(logs)


async def test_a_send_that_outlasts_the_deadline_is_given_up(postman: Postman) -> None:
    await postman.save(postman.first, postman.second)
    postman.first.script.append(asyncio.Event().wait)
    message_id = await postman.promise(lifetime=0.3)
    message = await asyncio.wait_for(postman.deliver(message_id), 2)
    assert (message.state, message.payload) == (MessageState.EXPIRED, None)
    [attempt] = await postman.attempts(message_id)
    assert attempt.outcome == "AmbiguousFailure"
    assert postman.first.sent == []
    assert postman.second.requests == []
    assert [outcome for _, outcome in postman.observer.outcomes] == ["expired"]


async def test_a_timeout_of_the_plugins_own_is_ambiguous(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(TimeoutError())
    message_id = await postman.promise(**INVITATION)
    assert (await postman.deliver(message_id)).state is MessageState.UNKNOWN


async def test_a_mail_past_its_deadline_is_never_sent(postman: Postman) -> None:
    await postman.save(postman.first)
    message_id = await postman.promise(lifetime=-1)
    message = await postman.deliver(message_id)
    assert (message.state, message.payload) == (MessageState.EXPIRED, None)
    assert postman.first.requests == []
    [attempt] = await postman.attempts(message_id)
    assert (attempt.outcome, attempt.connector_id) == ("expired", None)
    assert postman.observer.outcomes == [("", "expired")]


async def test_a_retry_past_the_deadline_is_not_waited_for(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    postman.first.script.append(RateLimited("slow down", retry_after=3600))
    message = await postman.deliver(await postman.promise(lifetime=600))
    assert (message.state, message.payload) == (MessageState.EXPIRED, None)
    assert postman.observer.outcomes == [(instance, "expired")]


async def test_without_a_connector_the_mail_waits_for_one(postman: Postman) -> None:
    message_id = await postman.promise()
    assert (await postman.deliver(message_id)).state is MessageState.PROMISED
    [attempt] = await postman.attempts(message_id)
    assert (attempt.connector_id, attempt.error) == (None, "No email connector is set up.")
    await postman.save(postman.first)
    await postman.change(message_id, due_at=just_now())
    assert (await postman.deliver(message_id)).state is MessageState.SENT


async def test_no_connector_is_tried_after_the_deadline(postman: Postman) -> None:
    async def block() -> None:
        time.sleep(0.2)
        raise TransientFailure("busy")

    await postman.save(postman.first, postman.second)
    postman.first.script.append(block)
    message = await postman.deliver(await postman.promise(lifetime=0.1))
    assert message.state is MessageState.EXPIRED
    assert postman.second.requests == []


async def test_a_courier_that_lost_its_lease_does_not_overrule_the_next(
    postman: Postman,
) -> None:
    await postman.save(postman.first)
    stalled = asyncio.Event()
    postman.first.script.append(stalled.wait)
    message_id = await postman.promise()
    slow = asyncio.create_task(postman.courier.deliver(message_id))
    while not postman.first.requests:
        await asyncio.sleep(0.01)
    await postman.change(message_id, due_at=now() - timedelta(seconds=1))
    plugins = load_plugins()
    other = Courier(postman.database, postman.secrets, postman.connectors, plugins)
    await other.deliver(message_id)
    assert (await postman.message(message_id)).provider_id == "provider-1"
    stalled.set()
    with capture_logs() as logs:
        await slow
    assert (await postman.message(message_id)).provider_id == "provider-1"
    assert logs[0]["lease_lost"] is True
    assert len(await postman.attempts(message_id)) == 2


async def test_a_message_that_cannot_be_opened_is_left_until_its_deadline(
    postman: Postman,
) -> None:
    """The key may come back; what must not happen is that it vanishes silently."""
    await postman.save(postman.first)
    message_id = await postman.promise()
    foreign = Secrets([Fernet.generate_key().decode()])
    plugins = load_plugins()
    connectors = Connectors(postman.database, postman.secrets, plugins)
    courier = Courier(postman.database, foreign, connectors, plugins)
    with pytest.raises(Exception, match="does not hold the key"):
        await courier.deliver(message_id)
    assert (await postman.message(message_id)).state is MessageState.SENDING
    await postman.change(message_id, due_at=just_now(), deadline=now())
    await courier.deliver(message_id)
    assert (await postman.message(message_id)).state is MessageState.EXPIRED


async def test_observers_learn_everything_but_who_and_what(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    postman.first.script.append(TransientFailure("busy", reply=REPLY))
    message_id = await postman.promise()
    await postman.deliver(message_id)
    [seen] = postman.observer.attempts
    assert (seen.message_id, seen.usage_type) == (message_id, UsageType.SIGN_IN)
    assert (seen.connector, seen.number, seen.outcome) == (instance, 1, "deferred")
    assert (seen.reply_code, seen.enhanced_code, seen.stage) == (451, "4.7.1", "rcpt")
    assert CODE not in repr(seen)
    assert ADDRESS not in repr(seen)


async def test_the_log_names_neither_code_nor_address(postman: Postman) -> None:
    await postman.save(postman.first)
    with capture_logs() as logs:
        await postman.deliver(await postman.promise())
    assert logs[0]["state"] == "sent"
    assert CODE not in str(logs)
    assert ADDRESS not in str(logs)

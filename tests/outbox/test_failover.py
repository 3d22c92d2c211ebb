"""Failover: a connector that does not work is passed over, and somebody is told."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from postman import Postman, just_now
from sqlmodel import Session, col, update
from structlog.testing import capture_logs

from idp.connector_kit import (
    AmbiguousFailure,
    InvalidConfig,
    PermanentFailure,
    ProviderReply,
    RateLimited,
    TransientFailure,
)
from idp.outbox import email_channel, log
from idp.storage.tables import Breaker, BreakerState, Connector, Message, MessageState, now

BUSY = TransientFailure("The connection was refused.", reply=ProviderReply(stage="connect"))
GREYLISTED = TransientFailure("Come back.", reply=ProviderReply(stage="rcpt"))


async def deliver(postman: Postman, count: int = 1, **values: Any) -> list[Message]:
    """Promise and deliver so many mails, one after the other."""
    return [await postman.deliver(await postman.promise(**values)) for _ in range(count)]


async def let_time_pass(postman: Postman) -> None:
    def write(session: Session) -> None:
        session.exec(update(Breaker).values(retry_at=just_now(), last_resort_at=just_now()))
        waiting = col(Message.state) == MessageState.PROMISED
        session.exec(update(Message).where(waiting).values(due_at=just_now()))

    await postman.database.run(write)


async def test_after_five_failures_the_first_connector_is_passed_over(postman: Postman) -> None:
    ids = await postman.save(postman.first, postman.second)
    postman.first.script.extend([BUSY] * 5)
    messages = await deliver(postman, 7)
    assert {message.connector_id for message in messages} == {ids[1]}
    assert len(postman.first.requests) == 5
    [skipped, sent] = await postman.attempts(messages[6].id)
    assert (skipped.connector_id, skipped.outcome, sent.outcome) == (ids[0], "skipped", "sent")
    assert skipped.error == "It is passed over after repeated failures."


async def test_settings_that_cannot_work_open_the_breaker_at_once_and_say_what_to_fix(
    postman: Postman,
) -> None:
    await postman.save(postman.first, postman.second)
    postman.first.script.append(InvalidConfig("The login was refused."))
    await deliver(postman, 2)
    assert len(postman.first.requests) == 1
    rows = await postman.database.run(log.breakers)
    assert [row.reason for row in rows if row.state is BreakerState.OPEN] == [
        "The login was refused."
    ]


async def test_saved_settings_nobody_can_open_are_a_failure_on_record(postman: Postman) -> None:
    """A connector that cannot be loaded must not vanish without a word."""
    ids = await postman.save(postman.first, postman.second)

    def spoil(session: Session) -> None:
        session.get_one(Connector, ids[0]).connector_id = "uninstalled"

    await postman.database.run(spoil)
    [message] = await deliver(postman)
    assert (message.state, message.saved_by_fallback) == (MessageState.SENT, True)
    first, _ = await postman.attempts(message.id)
    assert first.outcome == "InvalidConfig"
    assert first.error == "No installed plugin provides the connector 'uninstalled'."


async def test_a_connector_that_works_again_gets_its_mails_back(postman: Postman) -> None:
    ids = await postman.save(postman.first, postman.second)
    postman.first.script.extend([BUSY] * 5)
    await deliver(postman, 6)
    await let_time_pass(postman)
    [trial] = await deliver(postman)
    assert (trial.connector_id, trial.saved_by_fallback) == (ids[0], False)
    assert [seen.breaker for seen in postman.observer.attempts if seen.breaker] == [
        "opened",
        "closed",
    ]
    assert len(await deliver(postman, 2)) == len(postman.first.sent) - 1


async def test_a_mail_saved_by_a_fallback_still_raises_the_alert(postman: Postman) -> None:
    """Otherwise nobody learns that the first choice is broken until the fallback breaks, too."""
    ids = await postman.save(postman.first, postman.second)
    postman.first.script.append(BUSY)
    with capture_logs() as logs:
        [message] = await deliver(postman)
    assert (message.state, message.saved_by_fallback) == (MessageState.SENT, True)
    [alert] = [entry for entry in logs if entry["event"] == "mail saved by fallback"]
    assert (alert["log_level"], alert["connector"]) == ("warning", ids[1])
    assert [seen.saved_by_fallback for seen in postman.observer.attempts] == [False, True]


async def test_opening_and_closing_are_logged(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    postman.first.script.append(InvalidConfig("The login was refused."))
    with capture_logs() as logs:
        await deliver(postman)
        await let_time_pass(postman)
        await deliver(postman)
    alerts = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [entry["event"] for entry in alerts] == [
        "connector passed over from now on",
        "connector back",
    ]
    assert {entry["connector"] for entry in alerts} == {instance}
    assert alerts[0]["reason"] == "The login was refused."


async def test_while_no_connector_works_one_mail_tries_again_every_other_second(
    postman: Postman,
) -> None:
    await postman.save(postman.first, postman.second)
    for connector in (postman.first, postman.second):
        connector.script.extend([BUSY] * 5)
    await deliver(postman, 5)
    [waiting] = await deliver(postman)
    assert waiting.state is MessageState.PROMISED
    assert 1 < (waiting.due_at - now()).total_seconds() < 4
    await asyncio.sleep(2)
    [trial] = await deliver(postman)
    assert trial.state is MessageState.SENT


async def test_while_no_settings_work_mails_wait_for_the_next_trial(
    postman: Postman,
) -> None:
    await postman.save(postman.first)
    postman.first.script.extend([InvalidConfig("The login was refused.")])
    await deliver(postman)
    [waiting] = await deliver(postman)
    assert waiting.state is MessageState.PROMISED
    assert waiting.reason == "It is passed over after repeated failures."
    assert 25 < (waiting.due_at - now()).total_seconds() < 32


async def test_refused_recipients_and_greylisting_open_no_breaker(postman: Postman) -> None:
    """The provider is at work; one bad address must not cost everybody else the connector."""
    await postman.save(postman.first)
    postman.first.script.extend([PermanentFailure("No such user.")] * 6 + [GREYLISTED] * 6)
    await deliver(postman, 12)
    assert (await deliver(postman))[0].state is MessageState.SENT


async def test_one_mail_that_always_fails_does_not_stop_the_others(postman: Postman) -> None:
    """A poison message must not block the queue, nor have the connector taken out of use."""
    await postman.save(postman.first)
    poison = await postman.promise()
    for _ in range(8):
        postman.first.script.append(BUSY)
        await postman.change(poison, due_at=just_now())
        await postman.deliver(poison)
    assert (await deliver(postman))[0].state is MessageState.SENT


async def test_a_provider_that_asks_for_a_pause_gets_it_and_the_fallback_sends(
    postman: Postman,
) -> None:
    ids = await postman.save(postman.first, postman.second)
    postman.first.script.append(RateLimited("Slow down.", retry_after=90))
    messages = await deliver(postman, 3)
    assert {message.connector_id for message in messages} == {ids[1]}
    assert len(postman.first.requests) == 1


async def test_a_code_perhaps_sent_twice_goes_to_the_next_connector(postman: Postman) -> None:
    """A provider that hangs costs one repetition, not the whole life of the code."""
    ids = await postman.save(postman.first, postman.second)
    postman.first.script.extend([AmbiguousFailure("It hangs.")] * 2)
    message_id = await postman.promise()
    assert (await postman.deliver(message_id)).state is MessageState.PROMISED
    assert postman.second.requests == []
    await postman.change(message_id, due_at=just_now())
    message = await postman.deliver(message_id)
    assert (message.state, message.connector_id) == (MessageState.SENT, ids[1])
    requests = [*postman.first.requests, *postman.second.requests]
    assert {request.message_id for request in requests} == {message_id}


async def test_a_provider_that_hangs_is_passed_over_like_one_that_refuses(
    postman: Postman,
) -> None:
    ids = await postman.save(postman.first, postman.second)
    postman.first.script.extend([AmbiguousFailure("It hangs.")] * 5)
    await deliver(postman, 5)
    [message] = await deliver(postman)
    assert (message.state, message.connector_id) == (MessageState.SENT, ids[1])


async def test_mails_do_not_queue_behind_a_connector_that_hangs(
    postman: Postman, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await postman.save(postman.first, postman.second)
    gate = asyncio.Event()
    postman.first.script.extend([gate.wait] * email_channel.AT_ONCE)
    hanging = [await postman.promise() for _ in range(email_channel.AT_ONCE)]
    stuck = [asyncio.create_task(postman.courier.deliver(each)) for each in hanging]
    while len(postman.first.under_way) < email_channel.AT_ONCE:
        await asyncio.sleep(0.01)
    [message] = await asyncio.wait_for(deliver(postman), 3)
    assert (message.state, message.connector_id) == (MessageState.SENT, ids[1])
    first, _ = await postman.attempts(message.id)
    assert (first.outcome, first.error) == ("skipped", "It has too many mails under way.")
    gate.set()
    await asyncio.gather(*stuck)


async def test_an_invitation_whose_courier_died_is_not_sent_again(postman: Postman) -> None:
    await postman.save(postman.first)
    message_id = await postman.promise(usage_type="OrganizationInvitation", payload={"link": "x"})
    await postman.change(message_id, state=MessageState.SENDING, claimed_by="dead", attempts=1)
    message = await postman.deliver(message_id)
    assert message.state is MessageState.UNKNOWN
    assert message.reason == "Whoever was sending it died; whether it was sent is unknown."
    assert postman.first.requests == []
    assert [attempt.outcome for attempt in await postman.attempts(message_id)] == ["interrupted"]


async def test_a_code_whose_courier_died_is_sent_again_under_the_same_message_id(
    postman: Postman,
) -> None:
    await postman.save(postman.first)
    message_id = await postman.promise()
    await postman.change(message_id, state=MessageState.SENDING, claimed_by="dead", attempts=1)
    assert (await postman.deliver(message_id)).state is MessageState.SENT
    assert [request.message_id for request in postman.first.requests] == [message_id]


async def test_a_provider_that_answers_with_odd_bytes_keeps_no_mail_unsettled(
    postman: Postman,
) -> None:
    await postman.save(postman.first)
    odd = "no\x00such \udcff user"
    postman.first.script.append(PermanentFailure(odd, reply=ProviderReply(text=odd, stage=odd)))
    [message] = await deliver(postman)
    assert message.state is MessageState.FAILED
    assert message.reason == "no\N{REPLACEMENT CHARACTER}such ? user"


async def test_waiting_for_a_slow_connector_ends_with_the_deadline(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(partial(asyncio.sleep, 5))
    started = now()
    [message] = await deliver(postman, lifetime=0.3)
    assert message.state is MessageState.EXPIRED
    assert now() - started < timedelta(seconds=2)

"""What operators see and do: list, show, retry, cancel, count."""

from datetime import timedelta
from typing import Any

import pytest
from postman import ADDRESS, Postman

from idp.connector_kit import AmbiguousFailure, TransientFailure, UsageType
from idp.outbox import log
from idp.outbox.log import Backlog, NotPossible
from idp.storage.tables import Message, MessageState, Worker, now

INVITATION: dict[str, Any] = {
    "usage_type": UsageType.ORGANIZATION_INVITATION,
    "payload": {"link": "https://x.y"},
}


async def listed(postman: Postman, **filters: Any) -> list[str]:
    rows = await postman.database.run(log.list_messages, **filters)
    return [message.id for message in rows]


async def retry(postman: Postman, message_id: str) -> Message:
    return await postman.database.run(log.retry_now, message_id, postman.carrier.defer)


async def unknown(postman: Postman) -> str:
    """Return an invitation that was perhaps sent."""
    await postman.save(postman.first)
    postman.first.script.append(AmbiguousFailure("The connection was lost."))
    message_id = await postman.promise(**INVITATION)
    assert (await postman.deliver(message_id)).state is MessageState.UNKNOWN
    return message_id


async def test_messages_are_listed_newest_first_page_by_page(postman: Postman) -> None:
    ids = sorted([await postman.promise() for _ in range(5)])  # chance orders a millisecond
    assert await listed(postman, limit=3) == [ids[4], ids[3], ids[2]]
    assert await listed(postman, before=ids[2]) == [ids[1], ids[0]]


async def test_messages_are_found_by_what_is_known_of_them(postman: Postman) -> None:
    [instance] = await postman.save(postman.first)
    sent, waiting = await postman.promise(), await postman.promise(to="bob@example.com")
    invitation = await postman.promise(to="bob@example.com", **INVITATION)
    await postman.deliver(sent)
    hashes = postman.secrets.keyed_hashes("recipient", ADDRESS)
    assert await listed(postman, states=[MessageState.SENT]) == [sent]
    assert await listed(postman, recipient_hashes=hashes) == [sent]
    assert await listed(postman, connector_id=instance) == [sent]
    assert await listed(postman, usage_type="OrganizationInvitation") == [invitation]
    assert await listed(postman, states=[MessageState.PROMISED]) == [invitation, waiting]


async def test_a_message_is_shown_with_its_attempts_in_order(postman: Postman) -> None:
    await postman.save(postman.first, postman.second)
    postman.first.script.append(TransientFailure("busy"))
    message_id = await postman.promise()
    await postman.deliver(message_id)
    found = await postman.database.run(log.message_with_attempts, message_id)
    assert found
    assert found[0].state is MessageState.SENT
    assert [attempt.outcome for attempt in found[1]] == ["TransientFailure", "sent"]
    assert await postman.database.run(log.message_with_attempts, "gone") is None


async def test_a_waiting_mail_can_be_sent_at_once(postman: Postman) -> None:
    await postman.save(postman.first)
    postman.first.script.append(TransientFailure("busy", retry_after=300))
    message_id = await postman.promise()
    await postman.deliver(message_id)
    again = await retry(postman, message_id)
    assert (again.state, again.reason) == (MessageState.PROMISED, None)
    assert (await postman.deliver(message_id)).state is MessageState.SENT


async def test_a_mail_perhaps_sent_can_be_sent_again_before_its_deadline(
    postman: Postman,
) -> None:
    message_id = await unknown(postman)
    await retry(postman, message_id)
    message = await postman.deliver(message_id)
    assert (message.state, message.payload) == (MessageState.SENT, None)


async def test_a_mail_perhaps_sent_cannot_be_sent_again_later(postman: Postman) -> None:
    message_id = await unknown(postman)
    await postman.change(message_id, deadline=now() - timedelta(seconds=1))
    with pytest.raises(NotPossible, match="Its deadline has passed, so its content is gone"):
        await retry(postman, message_id)


@pytest.mark.parametrize("prepare", ["promised", "unknown"])
async def test_a_cancelled_mail_is_not_sent_and_its_content_is_gone(
    postman: Postman, prepare: str
) -> None:
    message_id = await (unknown(postman) if prepare == "unknown" else postman.promise())
    cancelled = await postman.database.run(log.cancel, message_id)
    assert (cancelled.state, cancelled.payload) == (MessageState.CANCELLED, None)
    assert cancelled.reason == "Cancelled by an operator."
    assert (await postman.deliver(message_id)).state is MessageState.CANCELLED


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (MessageState.SENDING, "It is being sent just now"),
        (MessageState.SENT, r"It has ended \(sent\)"),
        (MessageState.FAILED, r"It has ended \(failed\)"),
    ],
)
async def test_what_is_under_way_or_ended_stays_as_it_is(
    postman: Postman, state: MessageState, why: str
) -> None:
    message_id = await postman.promise()
    await postman.change(message_id, state=state)
    with pytest.raises(NotPossible, match=why):
        await retry(postman, message_id)
    with pytest.raises(NotPossible, match=why):
        await postman.database.run(log.cancel, message_id)


async def test_a_message_nobody_knows_is_named(postman: Postman) -> None:
    with pytest.raises(NotPossible, match="There is no message 'gone'"):
        await postman.database.run(log.cancel, "gone")


async def test_the_backlog_counts_what_has_not_ended_and_how_late_it_is(postman: Postman) -> None:
    assert await postman.database.run(log.backlog) == Backlog(0, 0, 0.0)
    late, other, ended = [await postman.promise() for _ in range(3)]
    await postman.change(late, due_at=now() - timedelta(seconds=30))
    await postman.change(other, state=MessageState.SENDING, due_at=now() + timedelta(seconds=9))
    await postman.change(ended, state=MessageState.FAILED, due_at=now() - timedelta(seconds=90))
    found = await postman.database.run(log.backlog)
    assert (found.promised, found.sending) == (1, 1)
    assert 29 < found.oldest_overdue < 32


async def test_workers_are_those_that_reported_themselves_lately(postman: Postman) -> None:
    def write(session: Any) -> None:
        for name, seconds in (("here", 5), ("gone", 60)):
            seen_at = now() - timedelta(seconds=seconds)
            session.add(Worker(name=name, carrier="embedded", seen_at=seen_at))

    await postman.database.run(write)
    assert [worker.name for worker in await postman.database.run(log.workers)] == ["here"]

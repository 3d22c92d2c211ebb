"""The ledger: one courier at a time, and only that one says how it ended."""

import asyncio
import os
import socket
import subprocess
from datetime import timedelta
from typing import Any

import pytest
from postman import Postman, just_now
from sqlmodel import Session, select

from idp.connector_kit import UsageType
from idp.outbox import ledger
from idp.outbox.ledger import Outcome
from idp.storage.clock import from_now
from idp.storage.tables import DeliveryAttempt, Message, MessageState, Priority, Worker, now

LEASE = timedelta(seconds=20)
SENT = MessageState.SENT


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


async def claim(
    postman: Postman, message_id: str, claimant: str = "me", lease: timedelta = LEASE
) -> Message | None:
    claimed = await postman.database.run(ledger.claim, [message_id], claimant, lease)
    return claimed[0] if claimed else None


async def settle(postman: Postman, claimed: Message | None, outcome: Outcome) -> bool:
    assert claimed
    [settled] = await postman.database.run(ledger.settle, [(claimed, outcome)])
    return settled.kept


def outcome(state: MessageState, **values: Any) -> Outcome:
    return Outcome(state=state, moment=now(), **values)


def attempt_of(message_id: str) -> DeliveryAttempt:
    return DeliveryAttempt(
        message_id=message_id, number=1, started_at=now(), duration=0.1, outcome="sent"
    )


async def test_a_claimed_message_is_leased(postman: Postman) -> None:
    message_id = await postman.promise()
    claimed = await claim(postman, message_id)
    assert claimed
    assert (claimed.state, claimed.attempts, claimed.claimed_by) == ("sending", 1, "me")
    assert timedelta(seconds=19) < claimed.due_at - now() <= LEASE


async def test_of_many_couriers_one_gets_the_message(postman: Postman) -> None:
    message_id = await postman.promise()
    claims = await asyncio.gather(*(claim(postman, message_id, f"c{n}") for n in range(10)))
    assert len([claimed for claimed in claims if claimed]) == 1


async def test_a_message_can_be_claimed_again_once_its_lease_ended(postman: Postman) -> None:
    message_id = await postman.promise()
    await claim(postman, message_id, "dead", lease=timedelta(seconds=-1))
    again = await claim(postman, message_id, "me")
    assert again
    assert (again.attempts, again.claimed_by) == (2, "me")


async def test_nothing_is_claimed_before_it_is_due(postman: Postman) -> None:
    message_id = await postman.promise()
    await postman.change(message_id, due_at=now() + timedelta(seconds=5))
    assert await claim(postman, message_id) is None


@pytest.mark.parametrize("state", ["sent", "failed", "expired", "cancelled", "unknown"])
async def test_an_ended_message_is_never_claimed(postman: Postman, state: str) -> None:
    message_id = await postman.promise()
    await postman.change(message_id, state=MessageState(state))
    assert await claim(postman, message_id) is None


async def test_at_the_end_the_payload_is_erased(postman: Postman) -> None:
    claimed = await claim(postman, await postman.promise())
    assert claimed
    sent = outcome(SENT, connector_id="c", provider_id="p")
    assert await settle(postman, claimed, sent)
    ended = await postman.message(claimed.id)
    assert (ended.state, ended.payload, ended.claimed_by) == (SENT, None, None)
    assert (ended.connector_id, ended.provider_id) == ("c", "p")
    assert ended.ended_at


async def test_a_message_put_back_keeps_its_payload_and_gets_its_time(postman: Postman) -> None:
    claimed = await claim(postman, await postman.promise())
    assert claimed
    due_at = now() + timedelta(seconds=7)
    put_back = outcome(MessageState.PROMISED, due_at=due_at)
    assert await settle(postman, claimed, put_back)
    waiting = await postman.message(claimed.id)
    assert (waiting.state, waiting.due_at) == (MessageState.PROMISED, due_at)
    assert waiting.payload
    assert waiting.ended_at is None


async def test_who_lost_the_lease_settles_nothing_but_leaves_a_record(postman: Postman) -> None:
    message_id = await postman.promise()
    slow = await claim(postman, message_id, "slow", lease=timedelta(seconds=-1))
    quick = await claim(postman, message_id, "quick")
    failed = outcome(MessageState.FAILED, attempts=[attempt_of(message_id)])
    assert not await settle(postman, slow, failed)
    assert (await postman.message(message_id)).state is MessageState.SENDING
    assert await settle(postman, quick, outcome(SENT))
    assert not await settle(postman, slow, outcome(MessageState.FAILED))
    assert (await postman.message(message_id)).state is SENT
    assert len(await postman.attempts(message_id)) == 1


async def test_an_earlier_claim_of_the_same_courier_settles_nothing(postman: Postman) -> None:
    message_id = await postman.promise()
    earlier = await claim(postman, message_id, "me", lease=timedelta(seconds=-1))
    await claim(postman, message_id, "me")
    assert not await settle(postman, earlier, outcome(SENT))


async def claim_due(postman: Postman, limit: int = 10, overdue_by: float = 0.0) -> list[str]:
    taken = await postman.database.run(ledger.claim_due, limit, "me", overdue_by=overdue_by)
    return [message.id for message in taken]


async def test_the_longest_waiting_are_taken_first(postman: Postman) -> None:
    ids = [await postman.promise() for _ in range(4)]
    for message_id, seconds in zip(ids, (-1, -3, -2, 60), strict=True):
        await postman.change(message_id, due_at=now() + timedelta(seconds=seconds))
    assert await claim_due(postman, 1) == [ids[1]]
    assert await claim_due(postman, 1) == [ids[2]]
    assert await claim_due(postman) == [ids[0]]
    assert await claim_due(postman) == []


async def test_codes_leave_before_notices_and_notices_before_bulk(postman: Postman) -> None:
    bulk = await postman.promise(priority=Priority.BULK)
    notice = await postman.promise(usage_type=UsageType.ORGANIZATION_INVITATION)
    code = await postman.promise()
    assert await claim_due(postman, 2) == [code, notice]
    assert await claim_due(postman, 2) == [bulk]


async def test_several_couriers_share_what_is_due(postman: Postman) -> None:
    ids = [await postman.promise() for _ in range(12)]
    taken = await asyncio.gather(*(claim_due(postman, 5) for _ in range(4)))
    assert sorted(message_id for each in taken for message_id in each) == sorted(ids)


async def test_what_became_due_just_now_may_be_left_out(postman: Postman) -> None:
    late, recent = await postman.promise(), await postman.promise()
    await postman.change(late, due_at=now() - timedelta(seconds=11))
    assert await claim_due(postman, overdue_by=10) == [late]
    assert await claim_due(postman) == [recent]


async def test_a_lease_is_counted_by_the_clock_of_the_database(postman: Postman) -> None:
    """A host whose clock is wrong must neither take what is another's nor wait for its own."""
    claimed = await claim(postman, await postman.promise())
    assert claimed
    begin = await postman.database.run(lambda s: s.exec(select(from_now())).one())
    assert abs((claimed.due_at - LEASE - begin).total_seconds()) < 1


async def test_a_claim_says_whether_the_one_before_never_told_how_it_ended(
    postman: Postman,
) -> None:
    message_id = await postman.promise()
    first = await claim(postman, message_id, lease=timedelta(seconds=-1))
    assert first
    assert not first.interrupted
    second = await claim(postman, message_id, lease=timedelta(seconds=-1))
    assert second
    assert second.interrupted
    assert await settle(postman, second, outcome(MessageState.PROMISED, due_at=just_now()))
    third = await claim(postman, message_id)
    assert third
    assert not third.interrupted


async def test_the_next_due_time_is_that_of_a_waiting_message(postman: Postman) -> None:
    assert await postman.database.run(ledger.next_due, now()) is None
    first, second = await postman.promise(), await postman.promise()
    soon, later = (now() + timedelta(seconds=seconds) for seconds in (5, 9))
    await postman.change(first, due_at=soon, state=MessageState.FAILED)
    await postman.change(second, due_at=later)
    assert await postman.database.run(ledger.next_due, now()) == later


async def release(postman: Postman, claimant: str | None) -> bool:
    """Tell whether a message claimed by somebody is due after a start."""
    message_id = await postman.promise()
    due_at = now() + LEASE
    await postman.change(message_id, state=MessageState.SENDING, claimed_by=claimant, due_at=due_at)
    await postman.database.run(ledger.release_orphans)
    return (await postman.message(message_id)).due_at < due_at


async def test_what_a_dead_process_had_claimed_is_released(
    postman: Postman, dead_process: int
) -> None:
    assert await release(postman, f"{socket.gethostname()}/{dead_process}/abcd")


async def test_what_an_earlier_process_with_our_own_number_had_claimed_is_released(
    postman: Postman,
) -> None:
    assert await release(postman, ledger.new_claimant())


async def test_what_a_living_process_has_claimed_stays_with_it(postman: Postman) -> None:
    assert not await release(postman, f"{socket.gethostname()}/{os.getppid()}/abcd")


@pytest.mark.parametrize("claimant", ["elsewhere/{pid}/abcd", "{host}/x/abcd", "{host}", None])
async def test_what_nobody_here_claimed_keeps_its_lease(
    postman: Postman, dead_process: int, claimant: str | None
) -> None:
    known = {"host": socket.gethostname(), "pid": dead_process}
    assert not await release(postman, claimant and claimant.format(**known))


async def test_a_process_of_another_user_is_alive(postman: Postman) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may signal every process")
    assert not await release(postman, f"{socket.gethostname()}/1/abcd")


async def silent(
    postman: Postman, *, seen: float, due_in: float = 10, **values: Any
) -> tuple[str, list[str]]:
    """Claim a message by a worker last seen so long ago; return what is then released."""
    message_id = await postman.promise(**values)
    await postman.database.run(ledger.report_worker, Worker(name="w", carrier="procrastinate"))
    await claim(postman, message_id, "w")
    await postman.change(message_id, due_at=now() + timedelta(seconds=due_in))

    def age(session: Session) -> None:
        session.get_one(Worker, "w").seen_at = now() - timedelta(seconds=seen)

    await postman.database.run(age)
    return message_id, await postman.database.run(ledger.release_dead)


async def test_what_a_silent_worker_had_claimed_is_released(postman: Postman) -> None:
    message_id, released = await silent(postman, seen=7)
    assert released == [message_id]
    assert await claim(postman, message_id)


async def test_what_a_worker_never_seen_had_claimed_is_released(postman: Postman) -> None:
    message_id = await postman.promise()
    await claim(postman, message_id, "nobody", lease=timedelta(seconds=10))
    assert await postman.database.run(ledger.release_dead) == [message_id]


@pytest.mark.parametrize(
    ("seen", "due_in"), [(1, 10), (7, 19)], ids=["it lives", "it claimed just now"]
)
async def test_what_a_worker_holds_that_may_live_stays_with_it(
    postman: Postman, seen: float, due_in: float
) -> None:
    assert (await silent(postman, seen=seen, due_in=due_in))[1] == []


async def test_an_invitation_of_a_silent_worker_keeps_its_lease(postman: Postman) -> None:
    invitation = UsageType.ORGANIZATION_INVITATION
    assert (await silent(postman, seen=7, usage_type=invitation))[1] == []

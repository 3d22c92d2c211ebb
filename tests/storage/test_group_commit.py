"""Group commits: many requests, few transactions, and nobody suffers from another."""

import asyncio
from collections.abc import Sequence

import pytest

from idp.storage.group_commit import GroupCommit


class Groups:
    """Doubles numbers; remembers which came together."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.seen.append(list(numbers))
        await asyncio.sleep(0)
        if -1 in numbers:
            raise ValueError("unlucky")
        return [2 * number for number in numbers]


async def test_a_single_item_is_worked_on_at_once() -> None:
    groups = Groups()
    assert await asyncio.wait_for(GroupCommit(groups.double)(4), 1) == 8
    assert groups.seen == [[4]]


async def test_what_comes_together_is_worked_on_together_and_answered_apart() -> None:
    groups = Groups()
    work = GroupCommit(groups.double)
    assert await asyncio.gather(*map(work, range(250))) == [2 * n for n in range(250)]
    assert [len(group) for group in groups.seen] == [100, 100, 50]


async def test_what_comes_meanwhile_waits_for_the_next_group() -> None:
    groups = Groups()
    work = GroupCommit(groups.double)
    first = asyncio.create_task(work(1))
    while not groups.seen:
        await asyncio.sleep(0)
    assert [*await asyncio.gather(work(2), work(3), first)] == [4, 6, 2]
    assert groups.seen == [[1], [2, 3]]


async def test_a_bad_item_spoils_no_other() -> None:
    work = GroupCommit(Groups().double)
    answers = await asyncio.gather(*map(work, (1, -1, 2)), return_exceptions=True)
    assert (answers[0], answers[2]) == (2, 4)
    assert isinstance(answers[1], ValueError)


async def test_who_no_longer_waits_stops_nobody() -> None:
    work = GroupCommit(Groups().double)
    gone, stays = asyncio.create_task(work(1)), asyncio.create_task(work(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await work(3) == 6

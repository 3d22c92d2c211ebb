"""Many small requests, few transactions: what is asked for meanwhile waits for the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_LARGEST = 100
_BUSY = 0.005  # seconds since the last group: more will come


class GroupCommit(Generic[Item, Answer]):
    """Collects items and works on all of them at once, one group after the other.

    The first to come is served at once; while many come, `linger` seconds are spent collecting.
    When a group fails its items are tried one by one, so that a bad one spoils no other.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], linger: float = 0.0
    ) -> None:
        self._work = work
        self._linger = linger
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._last = 0.0

    async def __call__(self, item: Item) -> Answer:
        """Have an item worked on; raises what the work on it raised."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # kept, for finding it is a system call
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = self._loop.create_task(self._work_off())
        return await future

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                if self._linger and perf_counter() - self._last < _BUSY:
                    await asyncio.sleep(self._linger)
                await self._collect()
                group, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
                if not await self._answer(group) and len(group) > 1:
                    for pair in group:
                        await self._answer([pair])
                self._last = perf_counter()
        finally:
            self._task = None

    async def _collect(self) -> None:
        """Give those who are about to ask two steps of the event loop, as long as more come."""
        seen = 0
        while seen < len(self._waiting) < _LARGEST:
            seen = len(self._waiting)
            for _ in range(2):
                await asyncio.sleep(0)

    async def _answer(self, group: Sequence[tuple[Item, asyncio.Future[Answer]]]) -> bool:
        """Work on a group; False when it failed, which is only told to a single item."""
        try:
            answers = await self._work([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 (it belongs to who asked)
            if len(group) == 1:
                _tell(group[0][1], error)
            return False
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)
        return True


def _tell(future: "asyncio.Future[Answer]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)

"""Pages that were made already: a hundred tabs cost one query."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import anyio.to_thread
from anyio import CapacityLimiter

THREADS = 4  # as many as the pool has connections
MOST_BYTES = 16 * 2**20
Made = tuple[bytes, str]


class PageCache:
    """Bodies with their media types by address and change token, the least used dropped first.

    A request for a page that is being made waits for it. After a failure the next request makes the page again.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._held = most_bytes, 0
        self._pages: OrderedDict[str, Made] = OrderedDict()
        self._making: dict[str, asyncio.Task[Made]] = {}
        self._limiter: CapacityLimiter | None = None

    async def get(self, key: str, make: Callable[[], Made]) -> Made:
        """The page of this key, made in a thread if it is not there."""
        if (found := self._pages.get(key)) is not None:
            self._pages.move_to_end(key)
            return found
        if (task := self._making.get(key)) is None:
            task = asyncio.create_task(self._make(key, make))
            self._making[key] = task
        return await asyncio.shield(task)  # another one may wait for it when this one's browser has gone

    async def run(self, work: Callable[[], Made]) -> Made:
        """Run in one of the threads."""
        if self._limiter is None:
            self._limiter = CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    async def _make(self, key: str, make: Callable[[], Made]) -> Made:
        try:
            made = await self.run(make)
        finally:
            del self._making[key]
        self._pages[key] = made
        self._held += len(made[0])
        while self._held > self._most and len(self._pages) > 1:
            _, (body, _) = self._pages.popitem(last=False)
            self._held -= len(body)
        return made

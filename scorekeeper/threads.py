"""Work in a thread that the caller always waits for, even when the caller is cancelled.

So a transaction ends before its database is closed.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")


async def run_in_thread(work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
    """As asyncio.to_thread; but when it is cancelled, it waits for the end of the thread first."""
    return await _run(partial(work, *args, **named), threading.Event())


async def run_until_stopped(work: Callable[[threading.Event], T]) -> T:
    """Run `work` in a thread, with an event that is set on cancellation: `work` should then end at a boundary."""
    stop = threading.Event()
    return await _run(partial(work, stop), stop)


async def _run(work: Callable[[], T], stop: threading.Event) -> T:
    # A future of the executor: a task would itself be cancelled when its loop ends.
    running = asyncio.get_running_loop().run_in_executor(None, copy_context().run, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        while not running.done():  # a second cancellation, as by a loop that ends, does not end the wait
            with suppress(asyncio.CancelledError):
                await asyncio.wait({running})
        with suppress(Exception):
            running.result()
        raise


def each_in_order(work: Callable[[Item], T], items: Iterable[Item], at_once: int) -> Iterator[T]:
    """The results of `work` for each item, in their order; `at_once` threads work on those that come next.

    Items are taken in the caller's thread, and no more than twice as many as there are threads before their results
    are. With one thread it is the caller's own.
    """
    if at_once == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(at_once) as pool:
        waiting: deque[Future[T]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= 2 * at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

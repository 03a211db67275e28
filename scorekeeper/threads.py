"""Work in a thread that is never left alone: cancelled, its caller waits until it is done.

So a transaction ends as it would have, before whoever opened its database closes it.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def run_in_thread(work: Callable[P, T], /, *args: P.args, **named: P.kwargs) -> T:
    """As asyncio.to_thread; but cancelled, it waits for the thread's end first."""
    return await _run(partial(work, *args, **named), threading.Event())


async def run_until_stopped(work: Callable[[threading.Event], T]) -> T:
    """`work` in a thread, with an event that is set when this is cancelled: then it is to end at its next boundary."""
    stop = threading.Event()
    return await _run(partial(work, stop), stop)


async def _run(work: Callable[[], T], stop: threading.Event) -> T:
    # No task, which would be cancelled itself when its loop ends.
    running = asyncio.get_running_loop().run_in_executor(None, copy_context().run, work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        while not running.done():  # cancelled again, as by a loop that ends, it waits all the same
            with suppress(asyncio.CancelledError):
                await asyncio.wait({running})
        with suppress(Exception):
            running.result()
        raise

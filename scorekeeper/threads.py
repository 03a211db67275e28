"""Work in a thread that the caller always waits for, even when the caller is cancelled.

So a transaction ends before its database is closed.
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

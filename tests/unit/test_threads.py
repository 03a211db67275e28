"""Work in a thread is waited for, however often its caller is cancelled."""

import asyncio
import threading

import pytest

from scorekeeper.threads import run_until_stopped


def test_a_caller_that_is_cancelled_twice_waits_for_the_end_of_its_work() -> None:
    ended = threading.Event()

    def work(stop: threading.Event) -> None:
        assert stop.wait(10)
        threading.Event().wait(0.5)
        ended.set()

    async def cancel_twice() -> None:
        running = asyncio.create_task(run_until_stopped(work))
        for _ in range(2):
            await asyncio.sleep(0.1)
            running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert ended.is_set()

    asyncio.run(cancel_twice())

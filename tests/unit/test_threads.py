"""Work in a thread is waited for, however often its caller is cancelled."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from scorekeeper.threads import each_in_order, run_until_stopped


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


@pytest.mark.parametrize("at_once", [1, 3])
def test_results_come_in_the_order_of_the_items_and_few_are_taken_ahead(at_once: int) -> None:
    taken: list[int] = []

    def taking() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    results = each_in_order(lambda number: number * number, taking(), at_once)
    assert next(results) == 0
    assert len(taken) == (1 if at_once == 1 else 2 * at_once)
    assert list(results) == [number * number for number in range(1, 20)]
    with pytest.raises(ZeroDivisionError):
        list(each_in_order(lambda number: 1 // number, [1, 0, 1], at_once))

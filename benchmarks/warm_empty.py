"""An empty flow run in a warm process, as often as a line comes: prints the seconds of each. See sustained.py."""

import asyncio
import sys
import time

from prefect import flow

from benchmarks.stack import EMPTY
from tasks.prefect_server import one_client
from tasks.warm_runs import WarmRunner


@flow
async def empty() -> None:
    return


async def _run() -> None:
    runner = WarmRunner({EMPTY: empty}, print)
    async with one_client():
        while await asyncio.to_thread(sys.stdin.readline):
            start = time.perf_counter()
            if not await runner.run_now(EMPTY):
                raise RuntimeError("the empty flow cannot be run")
            print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    asyncio.run(_run())

"""How an ingest stays for what comes soon after."""

import asyncio
import os
import resource
import time
from itertools import pairwise
from pathlib import Path

from tasks.staying import stay


async def nothing() -> None: ...


def never() -> bool:
    return False


def test_it_looks_again_at_a_file_that_is_not_ended_though_nothing_changes(tmp_path: Path) -> None:
    looks: list[float] = []

    async def take() -> bool:
        looks.append(time.monotonic())
        return False

    asyncio.run(stay(tmp_path, 60, take, lambda: len(looks) == 4, lambda: len(looks) < 4, nothing))
    gaps = [after - before for before, after in pairwise(looks)]
    assert len(gaps) == 3
    assert min(gaps) > 0.9


def test_it_does_not_look_again_while_nothing_changes_and_no_file_waits(tmp_path: Path) -> None:
    looks: list[float] = []

    async def take() -> bool:
        looks.append(time.monotonic())
        return False

    asyncio.run(stay(tmp_path, 1.5, take, never, never, nothing))
    assert len(looks) == 1


def test_where_the_system_cannot_watch_the_folder_it_ends_and_fails_nothing(tmp_path: Path) -> None:
    async def take() -> bool:
        raise AssertionError("there is nothing to take")

    async def without_a_free_descriptor() -> None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
        try:
            await stay(tmp_path, 60, take, never, never, nothing)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    asyncio.run(without_a_free_descriptor())

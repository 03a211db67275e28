"""How an ingest that an arrival has started stays: what comes soon after is taken at once, without a run of its own.

A run costs Prefect's server half a CPU second. A file costs a hundredth.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from watchfiles import Change, awatch

# The longest that a run stays: afterwards its states, its name and its log say what it did, and the next one stays.
LONGEST_SECONDS = 120.0
LOOK_SECONDS = 0.2


async def stay(
    folder: Path, seconds: float, take: Callable[[], Awaitable[bool]], is_over: Callable[[], bool]
) -> None:
    """Call `take` whenever a file comes into the folder, until nothing was taken for so many seconds, or `is_over`.

    `take` returns whether it took something. Changes that the file system does not report are left to the watcher.
    """
    ends = time.monotonic() + LONGEST_SECONDS
    quiet = time.monotonic() + seconds
    changes = awatch(
        folder.resolve(), watch_filter=lambda change, _path: change != Change.deleted, step=20, debounce=100,
        rust_timeout=int(LOOK_SECONDS * 1000), yield_on_timeout=True, recursive=True, ignore_permission_denied=True,
    )  # fmt: skip
    unseen = True  # what came before the first look
    async with aclosing(changes):
        async for found in changes:
            if (found or unseen) and await take():
                quiet = time.monotonic() + seconds
            unseen = False
            if is_over() or time.monotonic() > min(ends, quiet):
                return

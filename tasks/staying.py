"""How an ingest that an arrival has started stays: what comes soon after is taken at once, without a run of its own.

A run costs Prefect's server half a CPU second. A file costs a hundredth.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from watchfiles import Change, awatch

# The longest that a run stays: afterwards its states, its name and its log say what it did, and the next one stays.
LONGEST_SECONDS = 120.0
LOOK_SECONDS = 0.2
# How often it looks again at a file that its writer may not have ended.
AGAIN_SECONDS = 1.0


async def stay(
    folder: Path,
    seconds: float,
    take: Callable[[], Awaitable[bool]],
    is_over: Callable[[], bool],
    waits: Callable[[], bool],
    meanwhile: Callable[[], Awaitable[None]],
) -> None:
    """Call `take` whenever a file comes into the folder, until nothing was taken for so many seconds, or `is_over`.

    `take` returns whether it took something; while `waits` afterwards, it is called again every AGAIN_SECONDS.
    `meanwhile` is called after every look. Changes that the file system does not report are left to the watcher; also
    all, where the system cannot watch the folder.
    """
    ends = time.monotonic() + LONGEST_SECONDS
    quiet = time.monotonic() + seconds
    due = time.monotonic()  # at once, for what came before the first look
    async with aclosing(_changes(folder)) as changes:
        async for found in changes:
            if found or time.monotonic() >= due:
                if await take():
                    quiet = time.monotonic() + seconds
                due = time.monotonic() + AGAIN_SECONDS if waits() else float("inf")
            await meanwhile()
            if is_over() or time.monotonic() > min(ends, quiet):
                return


async def _changes(folder: Path) -> AsyncGenerator[bool]:
    """Every LOOK_SECONDS or sooner, whether something has come; it ends where the system cannot watch the folder."""
    changes = awatch(
        folder.resolve(), watch_filter=lambda change, _path: change != Change.deleted, step=20, debounce=100,
        rust_timeout=int(LOOK_SECONDS * 1000), yield_on_timeout=True, recursive=True, ignore_permission_denied=True,
    )  # fmt: skip
    try:
        async with aclosing(changes):
            async for found in changes:
                yield bool(found)
    except (OSError, RuntimeError):  # too many programs watch folders already
        return

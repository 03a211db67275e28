"""The task of the flow `ingest`, and what its run reports."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from scorekeeper.decisions import word_warnings
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.inbox.places import walk
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.operations.restored import refuse_lost
from scorekeeper.phrases import and_more
from scorekeeper.safe_text import escape_links
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_until_stopped
from tasks.at_work import run_logger
from tasks.engine import task
from tasks.progress import ProgressBar
from tasks.publish import publish_files
from tasks.retries import REPEATABLE
from tasks.staying import stay

WAIT_FOR_WRITERS_SECONDS = 6
PUBLISH_SECONDS = 1.0


@task(name="ingest files", **REPEATABLE)
async def ingest_files(
    db: Database, settings: Settings, paths: list[str] | None, stay_seconds: float = 0
) -> ingest.Summary:
    """Ingest the inbox (or `paths`); a file that is still being written is waited for, WAIT_FOR_WRITERS_SECONDS.

    `stay_seconds`: take in what comes within so many seconds of the last file, too, and publish it meanwhile. A file
    with rejections or trouble ends that, so that both are told.
    Raises ScorekeeperError while the database has lost what was published: see `refuse_lost`.
    """
    logger = run_logger()
    total = ingest.Summary()
    given = None if paths is None else walk.list_named(map(Path, paths))
    await asyncio.to_thread(refuse_lost, db, settings)
    bar = ProgressBar("ingest-progress", "Files of the inbox that have been read")
    loop = asyncio.get_running_loop()

    def show(now: ingest.Summary) -> None:
        logger.info(
            "%d of %d files, %d decisions, %d rejected so far",
            total.files + now.files, total.files + now.found, total.decisions + now.decisions,
            total.rejected + now.rejected,
        )  # fmt: skip
        asyncio.run_coroutine_threadsafe(bar.show(100 * now.files / max(1, now.found)), loop)

    take = partial(_take, db, settings, total, given)

    async def take_all() -> None:
        for _ in range(WAIT_FOR_WRITERS_SECONDS):
            done = await run_until_stopped(partial(take, show))
            total.add(done)
            if given is not None or not (done.waiting or done.files):
                break
            if done.waiting:
                await asyncio.sleep(1)

    await take_all()
    await bar.show(100)
    if stay_seconds and given is None:
        await _stay(db, settings, total, stay_seconds)
    for name in total.returned:
        words = f"{name} was written to after it had been moved: it is back in the inbox, and read on"
        logger.warning("%s", escape_links(words))
    for what, times in total.skipped.items():
        logger.info("%s", escape_links(f"no decision, left out {times} times: {what}"))
    for kind in total.passed_over:
        words = f"{kind.count} not read, {kind.what}: {', '.join(kind.names)}; {kind.do}"
        logger.warning("%s", escape_links(words))
    return total


def _take(
    db: Database, settings: Settings, total: ingest.Summary, paths: list[Path] | None,
    show: Callable[[ingest.Summary], None], stop: threading.Event,
) -> ingest.Summary:  # fmt: skip
    """Ingest once, after what `total` says. `stop` ends it between two transactions, by a ScorekeeperError."""

    def on_progress(now: ingest.Summary) -> None:
        if stop.is_set():
            raise ScorekeeperError(f"stopped after {total.files + now.files} files; the next run goes on from there")
        show(now)

    return ingest.ingest_files(db, settings, received_at=datetime.now(UTC), paths=paths, on_progress=on_progress)


async def _stay(db: Database, settings: Settings, total: ingest.Summary, seconds: float) -> None:
    """Add what comes meanwhile to `total`. An object store, where each look is a paid request, is not waited at."""
    folder = open_place(settings).watched_folder
    if folder is None or not folder.is_dir():
        return
    published_at, is_new = float("-inf"), True

    async def publish_new() -> None:
        nonlocal published_at, is_new
        if is_new and time.monotonic() - published_at > PUBLISH_SECONDS:
            await publish_files.fn(db, settings)  # no task run of its own: there may be one each second
            published_at, is_new = time.monotonic(), False

    take = partial(_take, db, settings, total, None, lambda _: None)

    async def take_new() -> bool:
        nonlocal is_new
        done = await run_until_stopped(take)
        total.add(done)
        took = bool(done.files or done.decisions)
        is_new = is_new or took
        return took

    def has_news() -> bool:
        return bool(total.rejected or total.trouble)

    if total.files and not has_news():
        await publish_new()
        await stay(folder, seconds, take_new, has_news, lambda: bool(total.waiting), publish_new)


def warn_of_unread(summary: ingest.Summary) -> None:
    """Warn in the run's log of fields, words and confidences that came in and were not understood."""
    lines = word_warnings.tell_words(summary.idle, summary.unread, opened=summary.opened)
    if summary.noted:
        first = summary.notes[0]
        lines.append(
            f"{summary.noted} decisions with fields left out or decided about; the first: {first['file']}, "
            f"line {first['line']}, {first['field']}: {first['reason']}"
        )
    for line in (*lines, word_warnings.tell_small(summary.small)):
        if line:
            run_logger().warning("%s", escape_links(line))


def fail_at_trouble(summary: ingest.Summary) -> None:
    """Raises ScorekeeperError, which fails the run, if a file could not be read or moved; the others have come in."""
    if summary.trouble:
        raise ScorekeeperError(
            f"{summary.trouble[0]}{and_more(len(summary.trouble), 1)}; {summary.files} files came in, "
            f"with {summary.decisions} decisions"
        )

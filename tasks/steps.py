"""The steps of the flows as Prefect tasks: retries and progress here, mechanism in the library."""

import asyncio
import threading
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from prefect import get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy.exc import OperationalError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from scorekeeper.decisions import word_warnings
from scorekeeper.errors import AwayError, ContendedError, ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.inbox.places import walk
from scorekeeper.metrics import score_update, voiding
from scorekeeper.operations import import_dataset
from scorekeeper.operations import prune as pruning
from scorekeeper.publish import publish
from scorekeeper.safe_text import escape_links
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.threads import run_in_thread, run_until_stopped
from scorekeeper.trades import close_requests, fetch, settle
from scorekeeper.verify.run import Verified, compare
from tasks.progress import ProgressBar

WAIT_FOR_WRITERS_SECONDS = 6
PREFETCH_SECONDS = 10.0  # how early a worker begins to prepare a scheduled run


async def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    return isinstance(await state.aresult(raise_on_failure=False), OperationalError | ContendedError | AwayError)


PATIENCE_SECONDS = 600.0
# Each step is one transaction that may be repeated; a database that went away may be back in a second.
REPEATABLE: dict[str, Any] = {
    "cache_policy": NO_CACHE, "retries": 2, "retry_delay_seconds": 1, "retry_condition_fn": _may_pass,
}  # fmt: skip


# What comes once a day does not wait for tomorrow because Postgres was away for a minute.
DAILY: dict[str, Any] = REPEATABLE | {"retries": 4, "retry_delay_seconds": [1, 10, 60, 240]}


def connect(settings: Settings) -> Database:
    """The database of this installation, migrated."""
    return open_database(settings.database_url, settings.scorekeeper_home)


async def connect_patiently(settings: Settings) -> Database:
    """As `connect`, for what runs once a day: a deployed run waits ten minutes for a database that is away.

    Raises ScorekeeperError.
    """
    if runtime.deployment.id is None:
        return connect(settings)
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(ScorekeeperError), stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(10), reraise=True,
    ):  # fmt: skip
        with attempt:
            return await asyncio.to_thread(connect, settings)
    raise AssertionError("tenacity gives up by raising")


def whole_minute(moment: datetime | None) -> datetime:
    """`moment` (None: now) as an as_of: UTC, rounded down to the minute; a naive one is UTC."""
    return as_utc(moment or datetime.now(UTC)).replace(second=0, microsecond=0)


def as_utc(moment: datetime) -> datetime:
    """The moment in UTC; a naive one is."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


async def fix_as_of(as_of: datetime | None) -> datetime:
    """The whole minute of this run: that of `as_of`, else now's.

    A scheduled run that was begun a moment early waits for its time: else its minute would be the one before.
    """
    due = runtime.flow_run.scheduled_start_time
    if as_of is None and due is not None and (early := (due - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(early, PREFETCH_SECONDS))
    return whole_minute(as_of)


@task(name="ingest files", **REPEATABLE)
async def ingest_files(db: Database, settings: Settings, paths: list[str] | None) -> ingest.Summary:
    """Everything in the inbox (or in `paths`); files still being written are given a few seconds."""
    logger = get_run_logger()
    total = ingest.Summary()
    given = None if paths is None else walk.list_named(map(Path, paths))
    bar = ProgressBar("ingest-progress", "Files of the inbox that have been read")
    loop = asyncio.get_running_loop()

    def on_progress(stop: threading.Event, now: ingest.Summary) -> None:
        if stop.is_set():
            raise ScorekeeperError(f"stopped after {total.files + now.files} files; the next run goes on from there")
        logger.info(
            "%d of %d files, %d decisions, %d rejected so far",
            total.files + now.files, total.files + now.found, total.decisions + now.decisions,
            total.rejected + now.rejected,
        )  # fmt: skip
        asyncio.run_coroutine_threadsafe(bar.show(100 * now.files / max(1, now.found)), loop)

    def take(stop: threading.Event) -> ingest.Summary:
        tell = partial(on_progress, stop)
        return ingest.ingest_files(db, settings, received_at=datetime.now(UTC), paths=given, on_progress=tell)

    for _ in range(WAIT_FOR_WRITERS_SECONDS):
        done = await run_until_stopped(take)
        total.add(done)
        if given is not None or not (done.waiting or done.files):
            break
        if done.waiting:
            await asyncio.sleep(1)
    await bar.show(100)
    for name in total.returned:
        words = f"{name} was written to after it had been moved: it is back in the inbox, and read on"
        logger.warning("%s", escape_links(words))
    for kind in total.passed_over:
        words = f"{kind.count} not read, {kind.what}: {', '.join(kind.names)}; {kind.do}"
        logger.warning("%s", escape_links(words))
    return total


def tell_unread(summary: ingest.Summary) -> None:
    """Warn in the run's log of what came in and was not understood."""
    lines = word_warnings.tell_words(summary.idle, summary.unread, opened=summary.opened)
    if summary.noted:
        first = summary.notes[0]
        lines.append(
            f"{summary.noted} decisions with fields left out or decided about; the first: {first['file']}, "
            f"line {first['line']}, {first['field']}: {first['reason']}"
        )
    for line in (*lines, word_warnings.tell_small(summary.small)):
        if line:
            get_run_logger().warning("%s", escape_links(line))


def stop_at_trouble(summary: ingest.Summary) -> None:
    """Let the run fail if a file could not be read or moved; the others have come in. Raises ScorekeeperError."""
    if summary.trouble:
        more = f" (and {len(summary.trouble) - 1} more)" if len(summary.trouble) > 1 else ""
        raise ScorekeeperError(
            f"{summary.trouble[0]}{more}; {summary.files} files came in, with {summary.decisions} decisions"
        )


@task(name="fetch candles", **REPEATABLE)
async def fetch_candles(db: Database, settings: Settings, as_of: datetime) -> fetch.Prices:
    """Candles for every symbol with something open or undecided; one that fails stops no other."""
    bar = ProgressBar("candles-progress", "Symbols whose candles have been fetched")
    return await fetch.fetch_prices(
        db,
        settings,
        as_of,
        now=datetime.now(UTC),
        tell=get_run_logger().log,
        on_percent=bar.show,
    )


@task(name="settle trades", **REPEATABLE)
async def settle_trades(db: Database, settings: Settings, as_of: datetime) -> settle.Settled:
    """Close what is due, fill horizon returns; then, in a transaction of its own, make touched days' rollups again.

    One task of the two: each minute's task runs, with their states and events, are most of Prefect's database.
    """
    settled = await run_in_thread(
        db.transact, lambda c: settle.settle(c, as_of, suspect_price_pct=settings.suspect_price_pct)
    )
    await run_in_thread(db.transact, lambda c: score_update.update_score(c, as_of))
    return settled


@task(name="publish files", **REPEATABLE)
async def publish_files(db: Database, settings: Settings) -> publish.Published:
    """Append what is new to log and dataset."""
    done = await run_in_thread(publish.publish, db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    for words in done.explain():
        get_run_logger().warning("%s", words)
    return done


@task(name="verify", **DAILY)
async def verify_all(db: Database, settings: Settings) -> Verified:
    """Every difference between what is stored or published and its recompute, and what waits."""
    return await run_in_thread(compare, db, settings)


def stop_at_differences(differences: list[str]) -> None:
    """Let the run fail if there are any. Raises ScorekeeperError."""
    if differences:
        raise ScorekeeperError(f"{len(differences)} differences; the artifact `differences` names them")


@task(name="import dataset", cache_policy=NO_CACHE)
async def import_records(db: Database, settings: Settings, path: Path) -> import_dataset.Imported:
    """Read a dataset of the predecessor."""
    return await run_in_thread(import_dataset.import_dataset, db, path, settings, datetime.now(UTC))


@task(name="void decision", cache_policy=NO_CACHE)
async def void_decision(db: Database, trade_id: str, why: str) -> str:
    """Take a decision out of every figure."""
    now = datetime.now(UTC)
    return await run_in_thread(db.transact, lambda c: voiding.void_decision(c, trade_id, why, now))


@task(name="request close", cache_policy=NO_CACHE)
async def request_close(db: Database, trade_id: str, as_of: datetime | None) -> str:
    """Note that a trade is to be closed at `as_of` (None: now; a naive one is UTC). Raises ScorekeeperError."""
    now = datetime.now(UTC)
    moment = as_utc(as_of or now)
    if moment > now:
        raise ScorekeeperError(f"{trade_id} is not closed: {moment:%F %R} UTC lies in the future")
    return await run_in_thread(db.transact, lambda c: close_requests.request_close(c, trade_id, moment))


@task(name="prune", **DAILY)
async def prune(db: Database, settings: Settings, as_of: datetime, dry_run: bool) -> pruning.Pruned:
    """Give up candles and archived files that are older than the settings keep them. Raises ScorekeeperError."""
    if as_of > datetime.now(UTC):
        raise ScorekeeperError(f"nothing is pruned: {as_of:%F %R} UTC lies in the future")
    return await run_in_thread(pruning.prune, db, settings, as_of, dry_run=dry_run)

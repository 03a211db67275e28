"""The steps of the flows as Prefect tasks: retries and progress here, mechanism in the library."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import get_run_logger, runtime, task
from prefect.cache_policies import NO_CACHE
from sqlalchemy.exc import OperationalError

from scorekeeper import importing, inbox, ingest, publish, score, settle
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market import UnknownSymbolError, open_market
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database, open_database
from tasks.progress import ProgressBar

WAIT_FOR_WRITERS_SECONDS = 6
SYMBOLS_AT_ONCE = 20
REPORT_SECONDS = 3.0
PREFETCH_SECONDS = 10.0  # how early a worker begins to prepare a scheduled run
CLOCK_TOLERANCE = timedelta(seconds=5)


async def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    return isinstance(await state.aresult(raise_on_failure=False), OperationalError)


# Each step is one transaction that may be repeated; a database that went away may be back in a second.
REPEATABLE: dict[str, Any] = {
    "cache_policy": NO_CACHE, "retries": 2, "retry_delay_seconds": 1, "retry_condition_fn": _may_pass,
}  # fmt: skip


def connect(settings: Settings) -> Database:
    """The database of this installation, migrated."""
    return open_database(settings.database_url, settings.scorekeeper_home)


def whole_minute(moment: datetime | None) -> datetime:
    """`moment` (None: now) as an as_of: UTC, rounded down to the minute; a naive one is UTC."""
    moment = moment or datetime.now(UTC)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).replace(second=0, microsecond=0)


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
    given = None if paths is None else _expand(paths)
    bar = ProgressBar("ingest-progress", "Files of the inbox that have been read")
    loop = asyncio.get_running_loop()

    def on_progress(now: ingest.Summary) -> None:
        logger.info(
            "%d of %d files, %d decisions, %d rejected so far",
            total.files + now.files, total.files + now.found, total.decisions + now.decisions,
            total.rejected + now.rejected,
        )  # fmt: skip
        asyncio.run_coroutine_threadsafe(bar.show(100 * now.files / max(1, now.found)), loop)

    def take() -> ingest.Summary:
        return ingest.ingest_files(db, settings, received_at=datetime.now(UTC), paths=given, on_progress=on_progress)

    for _ in range(WAIT_FOR_WRITERS_SECONDS):
        done = await asyncio.to_thread(take)
        total.add(done)
        if given is not None or not (done.waiting or done.files):
            break
        if done.waiting:
            await asyncio.sleep(1)
    await bar.show(100)
    return total


def stop_at_trouble(summary: ingest.Summary) -> None:
    """Let the run fail if a file could not be read or moved; the others have come in. Raises ScorekeeperError."""
    if summary.trouble:
        more = f" (and {len(summary.trouble) - 1} more)" if len(summary.trouble) > 1 else ""
        raise ScorekeeperError(
            f"{summary.trouble[0]}{more}; {summary.files} files came in, with {summary.decisions} decisions"
        )


def _expand(paths: list[str]) -> list[Path]:
    files: list[Path] = []
    for name in paths:
        path = Path(name)
        if path.is_dir():
            files += inbox.list_inbox(path)
        elif path.is_file():
            files.append(path)
        else:
            raise ScorekeeperError(f"{name}: there is no such file or folder")
    return files


@dataclass
class Prices:
    """What fetching did: symbols gone through and answered for, candles new, and what is wrong, a line each."""

    symbols: int = 0
    answered: int = 0
    candles: int = 0
    unknown: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@task(name="fetch candles", **REPEATABLE)
async def fetch_candles(db: Database, settings: Settings, as_of: datetime) -> Prices:
    """Candles for every symbol with something open or undecided; one that fails stops no other."""
    logger = get_run_logger()
    prices = Prices()
    cache = settings.scorekeeper_home / "cache"
    async with open_market(
        settings.market, settings.candle_grace_minutes, cache=cache, exchange_options=settings.exchange_options
    ) as market:
        await asyncio.to_thread(db.transact, lambda c: settle.check_market(c, market.name))
        clock = await market.now()
        if clock is not None and as_of > max(clock, datetime.now(UTC)) + CLOCK_TOLERANCE:
            raise ScorekeeperError(f"as_of {as_of:%Y-%m-%d %H:%M} UTC lies ahead of the exchange's clock: wait for it")
        await asyncio.to_thread(db.transact, lambda c: settle.bind_market(c, market.name, as_of))
        needs = await asyncio.to_thread(db.transact, lambda c: settle.select_needs(c, as_of))
        at_once = asyncio.Semaphore(SYMBOLS_AT_ONCE)
        bar = ProgressBar("candles-progress", "Symbols whose candles have been fetched")

        async def fetch(need: settle.Need) -> None:
            try:
                async with at_once:
                    if len(prices.failed) >= SYMBOLS_AT_ONCE and not prices.answered:
                        raise ScorekeeperError("not asked: the exchange has answered for no symbol so far")
                    done = await settle.fetch_candles(db, market, need, as_of, on_page=_reporter(need.symbol, as_of))
            except UnknownSymbolError as missing:
                prices.unknown.append(need.symbol)
                logger.warning("%s; its trades stay open", missing)
            except ScorekeeperError as broken:
                prices.failed.append(f"{need.symbol} ({broken})")
                logger.error("%s: %s; its trades stay open until prices come", need.symbol, broken)
            else:
                prices.answered += 1
                prices.candles += done.candles
                if done.gone_until is not None:
                    logger.warning("%s: the market keeps no prices before %s", need.symbol, done.gone_until)
            prices.symbols += 1
            if prices.symbols % 50 == 0 or prices.symbols == len(needs):
                logger.info("%d of %d symbols, %d new candles", prices.symbols, len(needs), prices.candles)
            await bar.show(100 * prices.symbols / len(needs))

        await asyncio.gather(*(fetch(need) for need in needs))
    for symbol, trades, since in await asyncio.to_thread(db.transact, lambda c: settle.select_stuck(c, as_of)):
        prices.gone.append(
            f"{symbol}: {trades} trades are older than the prices that the market keeps ({since:%F %R} UTC)"
        )
    for names in (prices.unknown, prices.gone, prices.failed):
        names.sort()
    return prices


def _reporter(symbol: str, as_of: datetime) -> Callable[[datetime], None]:
    """Says every few seconds how far a long back-fill of a symbol has come."""
    logger = get_run_logger()
    told_at = time.monotonic()

    def on_page(sealed_until: datetime) -> None:
        nonlocal told_at
        if time.monotonic() - told_at > REPORT_SECONDS:
            told_at = time.monotonic()
            logger.info("%s: candles up to %s, of %s UTC", symbol, f"{sealed_until:%F %R}", f"{as_of:%F %R}")

    return on_page


@task(name="settle trades", **REPEATABLE)
async def settle_trades(db: Database, settings: Settings, as_of: datetime) -> settle.Settled:
    """Close what is due, fill horizon returns."""
    return await asyncio.to_thread(
        db.transact, lambda c: settle.settle(c, as_of, suspect_price_pct=settings.suspect_price_pct)
    )


@task(name="score", **REPEATABLE)
async def score_days(db: Database, as_of: datetime) -> int:
    """Make the rollups of the touched days again; days."""

    def work(connection: Any) -> int:
        days = score.score_stale_days(connection, as_of)
        settle.mark(connection, as_of)
        settle.advance_as_of(connection, as_of)
        return days

    return await asyncio.to_thread(db.transact, work)


@task(name="publish files", **REPEATABLE)
async def publish_files(db: Database, settings: Settings) -> publish.Published:
    """Append what is new to log and dataset."""
    done = await asyncio.to_thread(publish.publish, db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    for path in done.set_aside:
        get_run_logger().warning("%s holds what was there before; scorekeeper import reads such a dataset", path)
    return done


@task(name="import dataset", cache_policy=NO_CACHE)
async def import_records(db: Database, settings: Settings, path: Path) -> importing.Imported:
    """Read a dataset of the predecessor."""
    return await asyncio.to_thread(importing.import_dataset, db, path, settings, datetime.now(UTC))


@task(name="void decision", cache_policy=NO_CACHE)
async def void_decision(db: Database, trade_id: str, why: str) -> str:
    """Take a decision out of every figure."""
    now = datetime.now(UTC)
    return await asyncio.to_thread(db.transact, lambda c: settle.void_decision(c, trade_id, why, now))


@task(name="request close", cache_policy=NO_CACHE)
async def request_close(db: Database, trade_id: str, at: datetime) -> str:
    """Note that a trade is to be closed at `at`."""
    return await asyncio.to_thread(db.transact, lambda c: settle.request_close(c, trade_id, at))

"""A backtest: past decisions scored in one go by the code of a live run, in a database of their own."""

import asyncio
import fcntl
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.inbox.ingest import Period
from scorekeeper.inbox.places import walk
from scorekeeper.market import open_market, sealed_candles
from scorekeeper.metrics import query, score_update
from scorekeeper.operations.backtest_weights import score_votes
from scorekeeper.private_files import make_folder
from scorekeeper.publish import publish
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database, open_copy, open_database, open_scratch
from scorekeeper.store.migrate import check_schema
from scorekeeper.store.sql import statement
from scorekeeper.trades import settle
from scorekeeper.trades.fetch import Prices, Tell, fetch_prices

DATABASE = "backtest"


@dataclass(frozen=True)
class BacktestResult:
    """The result of a backtest: `metrics` as query.system_metrics gives them, counts, notes and the two files.

    `voided`: decisions that are voided in the installation, and left out. `overdue`: open trades that are due but have
    no price. `unpriced`: one line per symbol that lacks some or all prices. `votes`: what score_votes gives, if it was
    asked for.
    """

    metrics: dict[str, Any]
    taken: ingest.Summary
    voided: int
    open_trades: int
    overdue: int
    unpriced: list[str]
    log_path: Path
    dataset_path: Path
    votes: dict[str, Any] | None = None


def run_backtest(
    settings: Settings,
    period: Period,
    *,
    now: datetime,
    paths: Sequence[Path] | None = None,
    with_weights: bool = False,
    tell: Tell,
) -> BacktestResult:
    """Score the decisions of a period as of its end. `period` is in whole minutes.

    `with_weights`: also learn from them walk-forward, and score the learned vote.

    `paths`: files and folders with decisions; None takes the decisions of the installation, whose database is not
    changed. Log and dataset replace those of the last backtest, in backtest/ under the home. `now`: the local time.
    `tell(level, message)` is called with progress and trouble. Raises ScorekeeperError.
    """
    with _alone(settings.scorekeeper_home / "backtest") as folder:
        own = settings.model_copy(update={"log_dir": folder / "logs", "datasets_dir": folder / "datasets"})
        with open_scratch(settings.scorekeeper_home, DATABASE) as db:
            return replay(db, own, period, now=now, paths=paths, with_weights=with_weights, tell=tell)


@contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    make_folder(folder)
    with (folder / "run.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScorekeeperError(f"another backtest is at work in {folder}: wait for it") from None
        yield folder


def replay(
    db: Database,
    settings: Settings,
    period: Period,
    *,
    now: datetime,
    paths: Sequence[Path] | None,
    with_weights: bool = False,
    tell: Tell,
) -> BacktestResult:
    """See run_backtest. `db` is an empty database; `settings` name the files to publish to."""
    if paths is None:
        with open_database(
            settings.database_url, settings.scorekeeper_home, migrate=False, system=settings.system
        ) as installation:
            taken, voided = copy_decisions(installation, db, period)
            candles = copy_candles(installation, db, period, settings)
        tell(logging.INFO, f"{candles} sealed candles taken as the installation holds them")
    else:
        taken, voided = _read_decisions(db, settings, period, now, paths, tell), 0
    as_of = period.until
    paths_of = {"log_path": settings.log_path, "dataset_path": settings.dataset_path}
    tell(logging.INFO, f"{taken.decisions} decisions taken; fetching candles")
    # It also releases decisions that wait for the market's list: their lines must keep their places among the others.
    prices = asyncio.run(fetch_prices(db, settings, as_of, now=now, tell=tell))
    for path in paths_of.values():
        path.unlink(missing_ok=True)  # publish would set the last backtest's file aside, as one of another database
    tell(logging.INFO, f"{prices.candles} candles; closing trades")
    votes = None
    with ThreadPoolExecutor(1, "publish") as beside:
        # Lines are rendered here while Postgres settles and scores. They are the same whenever they are published.
        published = beside.submit(publish.publish, db, **paths_of)
        limit = settings.suspect_price_pct
        db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=limit, asked=prices.asked))
        published.result()
        published = beside.submit(publish.publish, db, **paths_of)
        tell(logging.INFO, "scoring, and writing log and dataset")
        db.transact(lambda c: score_update.update_score(c, as_of))
        if with_weights:
            tell(logging.INFO, "learning from each decision once it was known")
            votes = score_votes(db, as_of, settings.fee_bps)
        published.result()
    publish.publish(db, **paths_of)  # what scoring adds to the log
    with db.begin() as connection:
        metrics = query.system_metrics(connection)
        still = connection.execute(statement("operations/count_still_open"), {"as_of": as_of}).one()
        unpriced = _list_unpriced(connection, prices)
    return BacktestResult(metrics, taken, voided, still.open_trades, still.overdue, unpriced, **paths_of, votes=votes)


def _read_decisions(
    db: Database, settings: Settings, period: Period, now: datetime, paths: Sequence[Path], tell: Tell
) -> ingest.Summary:
    def on_progress(done: ingest.Summary) -> None:
        tell(logging.INFO, f"{done.files} of {done.found} files, {done.decisions} decisions so far")

    files = walk.list_named(paths, deep=True)
    taken = ingest.ingest_files(db, settings, received_at=now, paths=files, replay=period, on_progress=on_progress)
    taken.trouble += [f"{name} changed while it was read" for name in taken.waiting]
    return taken


def copy_decisions(source: Database, target: Database, period: Period) -> tuple[ingest.Summary, int]:
    """Copy the decisions of a period. Returns what was taken, and how many voided decisions were left out.

    Raises ScorekeeperError if `source` has another schema: it must not change, so it is not migrated.
    """
    moments = {"since": period.since, "until": period.until}
    taken = ingest.Summary()
    with source.engine.connect() as unbound, target.begin() as connection:
        kept = unbound.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        check_schema(kept)
        taken.outside, voided = kept.execute(statement("operations/count_past"), moments).one()
        words = {name: moment.isoformat() for name, moment in moments.items()}
        kept.execute(statement("operations/begin_past"), words)
        _pour(kept, "operations/copy_past_readings", connection, "operations/copy_readings")
        taken.decisions = _pour(kept, "operations/copy_past_decisions", connection, "inbox/copy_decisions")
        _pour(kept, "operations/copy_past_held", connection, "inbox/copy_held_decisions")
        _pour(kept, "operations/copy_past_trades", connection, "inbox/copy_trades")
        _pour(kept, "operations/copy_past_exit_requests", connection, "inbox/copy_exit_requests")
        _pour(kept, "operations/copy_past_events", connection, "inbox/copy_decision_events")
        _pour(kept, "operations/copy_past_signals", connection, "inbox/copy_agent_signals")
    return taken, voided


def copy_candles(source: Database, target: Database, period: Period, settings: Settings) -> int:
    """Copy the sealed candles of a period, if `source` is bound to the same market. Returns the number of candles.

    They are copied because an exchange may give other candles today than it gave to the live run.
    """
    market = open_market(settings.market, settings.candle_grace_minutes, **settings.market_options)
    moments = {"since": period.since, "until": period.until}
    with source.engine.connect() as unbound, target.begin() as connection:
        kept = unbound.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        bound = kept.execute(statement("market/select_market")).one_or_none()
        if bound is None or (bound.name, bound.candle_seconds) != (market.name, market.bars.seconds):
            return 0
        grace = {"grace_minutes": settings.candle_grace_minutes}
        sealed = [
            dict(row) for row in kept.execute(statement("operations/select_past_coverage"), moments | grace).mappings()
        ]
        if not sealed:
            return 0
        sealed_candles.ensure_partitions(connection, min(row["sealed_from"] for row in sealed), period.until)
        kept.execute(statement("operations/begin_past"), {name: moment.isoformat() for name, moment in moments.items()})
        candles = _pour(kept, "operations/copy_past_candles", connection, "operations/copy_candles")
        connection.execute(statement("market/extend_coverage"), sealed)
    return candles


def _pour(source: Connection, out: str, target: Connection, into: str) -> int:
    """COPY rows from one database into the other, holding one block in memory. Returns the number of rows."""
    with open_copy(source, out) as blocks, open_copy(target, into) as copy:
        for block in blocks:
            copy.write(block)
    return int(copy.cursor.rowcount)


def _list_unpriced(connection: Connection, prices: Prices) -> list[str]:
    lines = [f"{symbol}: the market does not know it" for symbol in prices.unknown] + prices.failed + prices.gone
    told = {line.partition(" ")[0].removesuffix(":") for line in lines}
    silent = connection.execute(statement("operations/select_symbols_without_candles")).scalars()
    return sorted(
        lines + [f"{symbol}: the market has no candle of that time" for symbol in silent if symbol not in told]
    )

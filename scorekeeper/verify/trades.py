"""Everything once more from decisions and candles, with other code than `track` uses, and every difference named."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from scorekeeper.decisions.prices import LOOK_BACK
from scorekeeper.locks import Lock, lock
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.verify import published_files
from scorekeeper.verify.books import check_analyses, check_books, check_files
from scorekeeper.verify.candle_walk import MINUTE, Candle, Held, expiry_fill, walk_trade
from scorekeeper.verify.exit_walk import Asked, Exits, Followed
from scorekeeper.verify.scores import check_score

ROWS_AT_ONCE = 2_000
_EXIT = (
    "exit_time", "exit_price", "exit_reason", "ambiguous_exit", "price_age_seconds", "pnl_pct", "net_pnl_pct",
    "mfe_pct", "mae_pct",
)  # fmt: skip


@dataclass(frozen=True)
class Verified:
    """What a verification found: `differences`, a sentence each; `waits`: what is not done yet, and not wrong.

    `pruned`: since when candles are kept, and how many decisions from before cannot be recomputed; None: nothing is
    pruned.
    """

    differences: list[str]
    waits: list[str]
    pruned: tuple[datetime, int] | None


def verify(db: Database, settings: Settings) -> list[str]:
    """Every difference between what is stored or published and a recompute, a line each; none: all is well."""
    return compare(db, settings).differences


def compare(db: Database, settings: Settings) -> Verified:
    """Hold everything against its recompute, as it stands at one moment, whatever is being written meanwhile."""
    with db.snapshot("scorekeeper.candle") as connection:
        # To make an analysis again takes temporary tables; nothing after it writes anything.
        analyses = list(check_analyses(connection))
        connection.execute(text("SET TRANSACTION READ ONLY"))
        differences = [*check_trades(connection), *check_score(connection), *check_books(connection), *analyses]
        doubts = list(check_files(connection, settings))
        files = published_files.check_since(
            connection, db, log_path=settings.log_path, dataset_path=settings.dataset_path
        )
        waits, pruned = list(_find_waiting(connection)), _count_pruned(connection)
    if doubts:
        # A file may have been moved since that moment: they are looked at again while nobody moves one.
        with db.begin() as connection:
            lock(connection, Lock.INGEST)
            again = check_files(connection, settings, only={doubt.path for doubt in doubts})
            differences += [doubt.says for doubt in again]
    return Verified([*differences, *files], waits, pruned)


def count_pruned(db: Database) -> tuple[datetime, int] | None:
    """Since when candles are kept, and how many decisions from before cannot be recomputed; None: nothing is pruned."""
    with db.begin() as connection:
        return _count_pruned(connection)


def _count_pruned(connection: Connection) -> tuple[datetime, int] | None:
    row = connection.execute(statement("verify/count_pruned")).one_or_none()
    return None if row is None else (row.candles_from, row.decisions)


def _find_waiting(connection: Connection) -> Iterator[str]:
    """What a track has yet to do, a sentence each."""
    row = connection.execute(statement("verify/select_waiting")).one()
    if row.decisions:
        yield f"{_count(row.decisions, 'decision')} for the next track"
    if row.without_price:
        yield f"{_count(row.without_price, 'decision')} for a price of the symbol"
    if row.symbols:
        yield f"{_count(row.symbols, 'symbol')} with new candles for the next track"
    if row.days:
        yield f"{_count(row.days, 'day')} to be scored by the next track"


def _count(number: int, what: str) -> str:
    """`5 decisions wait`, `1 decision waits`."""
    return f"{number} {what} waits" if number == 1 else f"{number} {what}s wait"


def check_trades(connection: Connection) -> Iterator[str]:
    """Every difference between trades, horizon returns and reference prices and a recompute, a line each."""
    market = connection.execute(statement("market/select_market")).mappings().one_or_none()
    if market is None or market["settled_as_of"] is None:
        return
    as_of, pruned = market["settled_as_of"], market["candles_from"]
    for coverage in connection.execute(statement("verify/select_settled_coverage")).all():
        # What is sealed and not settled yet has decided nothing.
        symbol = {"symbol": coverage.symbol, "until": coverage.sealed_until}
        candles = [Candle(*row) for row in connection.execute(statement("verify/select_candles"), symbol)]
        minutes = [candle.minute_at for candle in candles]
        given = {"symbol": coverage.symbol, "as_of": as_of}
        exits = Exits(Asked(*row) for row in connection.execute(statement("verify/select_exits_to_verify"), given))
        rows = connection.execute(
            statement("verify/select_trades_to_verify").execution_options(yield_per=ROWS_AT_ONCE), symbol
        ).mappings()
        for row in rows:
            if row["opened_at"] > as_of:
                continue
            start = bisect_left(minutes, row["opened_at"] - MINUTE + timedelta(microseconds=1))
            stop = bisect_left(minutes, max(row["expires_at"], row["close_requested_at"] or row["expires_at"])) + 1
            lived = candles[start:stop]
            if bool(row["decision_direction"]) != (row["direction"] is not None):
                fault = "missing" if row["decision_direction"] else "one too many"
                yield f"decision {row['trade_id']}: its trade is {fault}"
                continue
            if row["left_out"] is not None and row["left_out"] != row["must_be_left_out"]:
                yield f"trade {row['trade_id']}: left_out is {row['left_out']}, its decision says otherwise"
            if row["direction"] is not None and (wrong := exits.find_fault(_followed(row))):
                yield f"trade {row['trade_id']}: {wrong}"
            if pruned is not None and row["opened_at"] < pruned:
                continue
            yield from _check(row, lived, candles, minutes, coverage, as_of, pruned)


def _followed(row: Mapping[Any, Any]) -> Followed:
    names = [part.name for part in fields(Followed) if part.name != "by_market"]
    return Followed(**{name: row[name] for name in names}, by_market=row["price_source"] in (None, "market"))


def _check(
    row: Mapping[Any, Any],
    lived: list[Candle],
    candles: list[Candle],
    minutes: list[datetime],
    coverage: Any,
    as_of: datetime,
    pruned: datetime | None,
) -> Iterator[str]:
    """A decision against the candles, as far as a settlement has held it against them."""
    opened_minute = row["opened_at"].replace(second=0, microsecond=0)
    reference = row["reference_price"]
    if coverage.sealed_from is not None and opened_minute >= coverage.sealed_from:
        known, expected = _reference(row["opened_at"], candles, minutes, coverage, pruned)
        if known and expected != reference and not _waits(row, reference):
            yield f"decision {row['trade_id']}: reference_price is {reference}, recomputed {expected}"
        # Nothing is scored before its price is judged.
        decides = (expected if known else reference) is not None
    else:
        decides = False  # from before a range that had to begin anew: what was not decided by then stays as it is
    if decides or row["exit_time"] is not None:
        yield from _trade(row, lived, coverage.sealed_until, as_of)
    if decides or row["horizon_price"] is not None:
        yield from _horizon(row, lived, coverage.sealed_until, as_of)


def _waits(row: Mapping[Any, Any], stored: object) -> bool:
    """Whether what is not stored yet has not been looked at: it waits for the next settlement, and is not wrong."""
    return stored is None and not row["tracked"]


def _trade(row: Mapping[Any, Any], candles: list[Candle], sealed_until: Any, as_of: Any) -> Iterator[str]:
    if row["direction"] is None or row["price_source"] in ("quote", "imported"):
        return
    if _waits(row, row["exit_time"]):
        return
    held = Held(**{part.name: row[part.name] for part in fields(Held)})
    expected = walk_trade(held, candles, sealed_until, as_of)
    for name in _EXIT:
        wanted = None if expected is None else getattr(expected, name)
        if wanted != row[name]:
            yield f"trade {row['trade_id']}: {name} is {row[name]}, recomputed {wanted}"


def _horizon(row: Mapping[Any, Any], candles: list[Candle], sealed_until: Any, as_of: Any) -> Iterator[str]:
    base = row["price"] if row["price"] is not None else row["reference_price"]
    expected = None
    if (
        base is not None
        and row["expires_at"] <= as_of
        and sealed_until >= row["expires_at"].replace(second=0, microsecond=0)
    ):
        fill = expiry_fill(candles, row["opened_at"], row["expires_at"])
        expected = None if fill is None else (fill[1], (fill[1] - base) / base * 100)
    price, change = expected or (None, None)
    for name, wanted in (("horizon_price", price), ("horizon_return_pct", change)):
        if wanted != row[name] and not _waits(row, row[name]):
            yield f"decision {row['trade_id']}: {name} is {row[name]}, recomputed {wanted}"


def _reference(
    opened_at: datetime, candles: list[Candle], minutes: list[datetime], coverage: Any, pruned: datetime | None
) -> tuple[bool, float | None]:
    """Whether the reference price can be recomputed, and what it is (None: there is none yet)."""
    if opened_at.replace(second=0, microsecond=0) > coverage.sealed_until:
        return True, None
    first = bisect_left(minutes, max(coverage.sealed_from, opened_at - LOOK_BACK))
    later = bisect_right(minutes, opened_at - MINUTE)
    if later > first:
        return True, candles[later - 1].close
    if pruned is not None and coverage.sealed_from <= pruned:
        return False, None  # the last price before it may be one of those given up
    return True, candles[later].open if coverage.filled_back and later < len(candles) else None

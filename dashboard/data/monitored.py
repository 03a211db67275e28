"""What monitoring reads: few rows, whose number does not grow with history."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, CursorResult, text

from dashboard.data.token import begin_read
from scorekeeper.errors import AwayError, DatabaseError
from scorekeeper.operations.health import price_patience
from scorekeeper.store.sql import raw, statement
from scorekeeper.store.systems import in_system

MOST_SYMBOLS = 200
MOST_UNDECIDED = 10_000


@dataclass(frozen=True)
class SymbolPrices:
    """From when to when a symbol's minutes are sealed (None: none), what is wrong, and whether something needs it."""

    symbol: str
    sealed_from: datetime | None
    sealed_until: datetime | None
    trouble: str | None
    needed: bool


@dataclass(frozen=True)
class Score:
    """Figures of all versions, percent, before or after fees; None where undefined."""

    completed_trades: int
    win_rate: float | None
    total_pnl_pct: float | None
    expectancy_pct: float | None
    current_drawdown_pct: float | None


@dataclass(frozen=True)
class Monitored:
    """One look. Moments are None before the first time; `undecided` is counted up to MOST_UNDECIDED. Prices older than
    `price_patience` are stale.

    `activity`: how often things have happened, by name and part. `symbols`: at most MOST_SYMBOLS of `all_symbols`.
    `waiting`: files that ingest has met, by outcome. `lines`: the last published event by kind of file. `score`: by
    whether it is after fees.
    """

    read_at: datetime
    market: str | None
    last_as_of: datetime | None
    analysed_at: datetime | None
    learned_until: datetime | None
    stale_days: int
    price_patience: timedelta
    open_trades: int | None
    undecided: int
    all_symbols: int
    symbols: list[SymbolPrices]
    activity: dict[tuple[str, str], int]
    alerts: dict[str, int]
    waiting: dict[str, int]
    lines: dict[str, int]
    score: dict[bool, Score]


def read_monitored(connection: Connection, system: str = "") -> Monitored:
    """Everything that monitoring shows of the database; `system`: of another system than the connection's."""

    def ask(asked: str, **given: object) -> CursorResult[Any]:
        return connection.execute(text(in_system(raw(asked), system)) if system else statement(asked), given)

    row = ask("dashboard/select_monitored", most=MOST_UNDECIDED).one()
    symbols = ask("dashboard/select_monitored_symbols", most=MOST_SYMBOLS).all()
    return Monitored(
        row.read_at, row.market, row.last_as_of, row.analysed_at, row.learned_until, row.stale_days,
        price_patience(row.candle_length), None if row.open_trades is None else int(row.open_trades), row.undecided,
        symbols[0].symbols if symbols else 0,
        [SymbolPrices(one.symbol, one.sealed_from, one.sealed_until, one.trouble, one.needed) for one in symbols],
        {(name, part): total for name, part, total in ask("dashboard/select_activity")},
        dict(ask("dashboard/select_alert_counts").tuples().all()),
        dict(ask("dashboard/select_waiting_files").tuples().all()),
        dict(ask("dashboard/select_published_lines").tuples().all()),
        {after_fees: Score(*figures) for after_fees, *figures in ask("dashboard/select_monitored_score")},
    )  # fmt: skip


def read_monitored_systems(connection: Connection, names: Iterable[str]) -> dict[str, Monitored | None]:
    """The same of each system, in one transaction; None for one that is not there, or that this user may not read."""
    begin_read(connection)
    found: dict[str, Monitored | None] = {}
    for name in names:
        try:
            with connection.begin_nested() as nested:
                found[name] = read_monitored(connection, name)
                nested.rollback()  # gives back its locks: a server has no room for those of a hundred systems
        except AwayError:
            raise
        except DatabaseError:  # it names a migration or a right, which this system lacks
            found[name] = None
    return found

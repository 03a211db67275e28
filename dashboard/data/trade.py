"""Everything that is known of one decision and its trade."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from dashboard.data.filters import Filters
from scorekeeper.store.sql import statement
from scorekeeper.verify.candle_walk import trailing_level

MINUTE = timedelta(minutes=1)
MOST_CANDLES = 180
STEPS = (1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 480, 1_440, 10_080)  # minutes of a drawn candle
LEAST_MARGIN = timedelta(minutes=15)
MOST_REVISIONS = 200
EXIT = (
    "exit_time", "exit_price", "exit_reason", "exit_known_at", "price_source", "price_age_seconds", "ambiguous_exit",
    "pnl_pct", "net_pnl_pct", "mfe_pct", "mae_pct", "hold_time_minutes",
)  # fmt: skip
HORIZON = ("horizon_price", "horizon_return_pct", "horizon_known_at")


@dataclass(frozen=True)
class Candle:
    """A sealed candle, or several: the opening time, prices in quote currency, volume in base currency."""

    minute_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Revision(Candle):
    """A candle that came too late for a sealed minute: kept, used for nothing."""

    seen_at: datetime


@dataclass(frozen=True)
class Said:
    """What one agent said: its word, how it is read (+1, 0, -1), confidence, and whether it was right.

    `right`: None for an abstention, an unknown horizon, or a price that stood still.
    """

    agent: str
    signal: str
    direction: int
    confidence: float | None
    understood: bool | None
    right: bool | None
    call_return_pct: float | None


@dataclass(frozen=True)
class TradeStory:
    """One decision: `row` has every column of report_decisions by name; its trade's are None where it opened none.

    `candles` cover from a margin before the entry to a margin after the exit or the horizon, whichever is later, each
    of `step_minutes`. `near`, of `near_minutes`: the trade's own life closer, empty where the rest shows it well.
    `trail`: from when the trailing stop stood where, in order, empty without one. `pruned`: candles
    of that time are gone. `until`: the end of what is drawn. `terms`: costs beside the fee, and the
    size; None: neither.
    """

    row: dict[str, Any]
    signals: list[Said]
    candles: list[Candle]
    step_minutes: int
    near: list[Candle]
    near_minutes: int
    trail: list[tuple[datetime, float]]
    revisions: list[Revision]
    pruned: bool
    until: datetime
    terms: dict[str, Any] | None
    previous_id: str | None
    next_id: str | None


def read_trade(connection: Connection, filters: Filters, trade_id: str) -> TradeStory | None:
    """The story of a decision as it was known at the filters' moment; None for an id that is not known then."""
    found = connection.execute(statement("dashboard/select_trade_story"), {"trade_id": trade_id}).mappings().first()
    if found is None or (filters.as_of is not None and found["opened_at"] >= filters.as_of):
        return None
    row = as_known(dict(found), filters.as_of)
    since, until = drawn_period(row, filters.as_of)
    least = row["candle_minutes"]
    step = step_for(since, until, least)
    period = {"symbol": row["symbol"], "since": since, "until": until, "step_minutes": step}
    candles = _read_candles(connection, period)
    close = near_period(row, since, until)
    near_step = step_for(*close, least) if close else step
    near = []
    if close:
        near = _read_candles(connection, period | {"since": close[0], "until": close[1], "step_minutes": near_step})
    revisions = [
        Revision(**one)
        for one in connection.execute(statement("dashboard/select_trade_revisions"), period | {"at": filters.as_of})
        .mappings()
        .fetchmany(MOST_REVISIONS)
    ]
    before, after = _read_neighbours(connection, filters, row)
    return TradeStory(
        row, _read_signals(connection, row), candles, step, near, near_step,
        _read_trail(connection, row, until, near_step), revisions, is_pruned(row, since), until,
        _read_terms(connection, row), before, after,
    )  # fmt: skip


def as_known(row: dict[str, Any], at: datetime | None) -> dict[str, Any]:
    """The row as it stood at a moment (None: now): what came later is None again.

    An exit and a horizon are known when a track at that moment knew them, as in every figure (see count_agents).
    """
    if at is None:
        return row
    known = dict(row)
    met = row["met_at"] is not None and row["met_at"] <= at
    if row["judged_from"] is None or row["judged_from"] > at:
        known |= {"reference_price": None, "price_suspect": None}
    if row["exit_time"] is not None and row["closed_from"] > at:
        known |= dict.fromkeys(EXIT) | {"trailing_level": None, "best_price": None}
    if (found := row["horizon_known_at"]) is not None and not (row["expires_at"] <= at and (found <= at or met)):
        known |= dict.fromkeys(HORIZON)
    if (asked := row["close_requested_at"]) is not None and asked > at:
        known["close_requested_at"] = None
    # signal_at is the minute that the asking decision lies in: it came then or later.
    if (asked := row["signal_at"]) is not None and asked >= at:
        known |= {"signal_at": None, "signal_id": None}
    if row["voided_at"] is not None and row["voided_at"] > at:
        known |= {"voided_at": None, "void_reason": None}
    return known


def drawn_period(row: dict[str, Any], at: datetime | None) -> tuple[datetime, datetime]:
    """What is drawn: a quarter of the life before the entry, and after the exit or the horizon, not beyond `at`."""
    end = max(moment for moment in (row["exit_time"], row["expires_at"]) if moment is not None)
    now = at or row["last_as_of"]
    if row["exit_time"] is None and now is not None:
        end = max(row["opened_at"] + MINUTE, min(end, now))
    margin = max(LEAST_MARGIN * row["candle_minutes"], (end - row["opened_at"]) / 4)
    since, until = row["opened_at"] - margin, end + margin
    if at is not None:
        until = max(row["opened_at"] + MINUTE, min(until, at))
    return since.replace(second=0, microsecond=0), until.replace(second=0, microsecond=0)


def near_period(row: dict[str, Any], since: datetime, until: datetime) -> tuple[datetime, datetime] | None:
    """The trade's life with a margin, where it is less than two fifths of what is drawn; None otherwise."""
    if row["exit_time"] is None:
        return None
    lived = row["exit_time"] - row["opened_at"]
    margin = max(MINUTE * 10 * row["candle_minutes"], lived / 3)
    start, end = max(since, row["opened_at"] - margin), min(until, row["exit_time"] + margin)
    if (end - start) > (until - since) * 0.4:
        return None
    return start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)


def step_for(since: datetime, until: datetime, least: int = 1) -> int:
    """Minutes of one drawn candle, so that there are at most `MOST_CANDLES`; `least`: of one of the market's candles.

    >>> step_for(datetime(2025, 5, 5, tzinfo=UTC), datetime(2025, 5, 6, tzinfo=UTC))
    10
    """
    minutes = (until - since) / MINUTE
    return max(least, next((step for step in STEPS if minutes / step <= MOST_CANDLES), STEPS[-1]))


def is_pruned(row: dict[str, Any], since: datetime) -> bool:
    """Whether candles of the drawn time have been removed to save space."""
    start = row["candles_from"]
    return start is not None and start > since and (row["sealed_from"] is None or row["sealed_from"] <= start)


def trail_of(direction: int, entry: float, percent: float, extremes: Sequence[Any]) -> list[tuple[datetime, float]]:
    """From when a trailing stop stood where; `extremes`: rows of select_trade_extremes."""
    trail: list[tuple[datetime, float]] = []
    for one in extremes:
        best = max(entry, one.highest) if direction > 0 else min(entry, one.lowest)
        level = trailing_level(direction, best, percent)
        if not trail or level != trail[-1][1]:
            trail.append((one.known_at, level))
    return trail


def _read_terms(connection: Connection, row: dict[str, Any]) -> dict[str, Any] | None:
    found = connection.execute(statement("dashboard/select_trade_terms"), {"trade_id": row["trade_id"]}).mappings()
    terms = next((dict(one) for one in found), None)
    if terms is not None and row["exit_time"] is None:  # what came later is not known
        terms |= {"gross_pnl": None, "net_pnl": None}
    return terms


def _read_candles(connection: Connection, period: dict[str, Any]) -> list[Candle]:
    return [Candle(*one) for one in connection.execute(statement("dashboard/select_trade_candles"), period)]


def _read_trail(
    connection: Connection, row: dict[str, Any], until: datetime, step: int
) -> list[tuple[datetime, float]]:
    percent, entry = row["trailing_stop_pct"], row["entry_price"]
    if percent is None or entry is None:
        return []
    end = row["exit_time"] or until
    lived = {"symbol": row["symbol"], "since": row["opened_at"], "until": end, "step_minutes": step}
    extremes = connection.execute(statement("dashboard/select_trade_extremes"), lived).all()
    start = (row["opened_at"], trailing_level(row["direction"], entry, percent))
    return [start, *(one for one in trail_of(row["direction"], entry, percent, extremes) if one[1] != start[1])]


def _read_signals(connection: Connection, row: dict[str, Any]) -> list[Said]:
    moved = row["horizon_return_pct"]
    return [
        Said(
            one.agent, one.signal, one.direction, one.confidence, one.understood,
            one.direction * moved > 0 if one.direction and moved else None,
            one.direction * moved if one.direction and moved is not None else None,
        )
        for one in connection.execute(statement("dashboard/select_trade_signals"), {"trade_id": row["trade_id"]})
    ]  # fmt: skip


def _read_neighbours(connection: Connection, filters: Filters, row: dict[str, Any]) -> tuple[str | None, str | None]:
    if row["exit_time"] is None:
        return None, None
    scope = {"version": filters.version, "symbol": filters.symbol}
    place = {"exit_time": row["exit_time"].astimezone(UTC), "trade_id": row["trade_id"]}
    before, after = connection.execute(statement("dashboard/select_trade_neighbours"), scope | place).one()
    return before, after

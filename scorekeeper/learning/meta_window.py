"""What a step of the meta-model reads: closed trades as they were seen when they opened, and how they ended."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from scorekeeper.learning.constants import META_SYMBOL_TRADES, MISSING_CONFIDENCE
from scorekeeper.learning.meta_features import Seen, build_features, measure_moves, name_features
from scorekeeper.learning.window import from_copy, micros
from scorekeeper.store.copy_columns import read_columns
from scorekeeper.store.sql import statement
from scorekeeper.store.temporary import drop_temporary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TARGETS = ("net_pnl", "horizon")
MOST_NAMED = 64  # agents, and symbols, with features of their own
NEVER, EVER = "-infinity", 2**31 - 1
_TABLES = ("meta_window", "meta_agent", "meta_symbol", "meta_candle", "meta_stored", "new_meta_trade")
_TRADES = {
    "trade": ">i4", "opened": ">i8", "expires": ">i8", "side": ">i4", "place": ">i4", "symbol": ">i4",
    "confidence": ">f8", "score": ">f8", "uniqueness": ">f8", "net_pnl": ">f8", "horizon": ">f8",
    "hour_size": ">f8", "day_size": ">f8", "hour_return": ">f8",
}  # fmt: skip
_CALLS = {"trade": ">i4", "agent": ">i4", "direction": ">i4", "confidence": ">f8"}
_CANDLES = {"place": ">i4", "minute": ">i8", "close": ">f8"}
_MOVES = ("hour_size", "day_size", "hour_return")


@dataclass(frozen=True)
class MetaWindow:
    """Trades in order of (expires_at, trade_id), shape (n,) a column, times in microseconds since 1970.

    `net`: by target, what each brought after fees, in percent. `moves`: how the market moved before each, by column of
    meta_trade, NaN: unknown. `features`, `names`: as build_features gives them, (n, features).
    """

    opened: Ints
    expires: Ints
    uniqueness: Floats
    net: dict[str, Floats]
    moves: dict[str, Floats]
    features: Floats
    names: list[str]


def read_meta_window(
    connection: Connection, version: str, stored: datetime | None, until: datetime, *, whole: bool
) -> MetaWindow:
    """The trades of a version that expire up to `until`: all of them (`whole`), or those after `stored`.

    How the market moved before a trade is stored for those up to `stored` (None: for none), and found from candles for
    later ones. In a whole window only the first agents and symbols have features of their own, so that what is fitted
    on has a bounded size, and is the same for any schedule.
    """
    drop_temporary(connection, *_TABLES)
    after = NEVER if whole or stored is None else stored
    connection.execute(
        statement("learning/create_meta_window"), {"version": version, "after": after, "until": until}
    )
    connection.execute(statement("learning/create_meta_agents"), {"most": MOST_NAMED if whole else EVER})
    connection.execute(
        statement("learning/create_meta_symbols"),
        {
            "version": version,
            "often": META_SYMBOL_TRADES if whole else 1,
            "most": MOST_NAMED if whole else EVER,
        },
    )
    agents = list(connection.execute(statement("learning/select_meta_agents")).scalars())
    symbols = list(connection.execute(statement("learning/select_meta_symbols")).scalars())
    found = read_columns(connection, "learning/copy_meta_window", _TRADES)
    order = np.argsort(found["trade"])
    found = {name: values[order] for name, values in found.items()}
    opened, expires = from_copy(found["opened"]), from_copy(found["expires"])
    moves = {name: found[name] for name in _MOVES}
    _measure(connection, found["place"], opened, expires, stored, moves)
    n = len(opened)
    calls = read_columns(connection, "learning/copy_meta_signals", _CALLS)
    same = calls["direction"] == found["side"][calls["trade"]]
    sure = np.where(np.isnan(calls["confidence"]), MISSING_CONFIDENCE, calls["confidence"]) / 100
    named = np.flatnonzero(calls["agent"] >= 0)
    cell = calls["trade"][named], calls["agent"][named]
    directions, sureness = np.zeros((n, len(agents)), dtype=np.int8), np.zeros((n, len(agents)))
    directions[cell] = calls["direction"][named]
    sureness[cell] = sure[named]
    seen = Seen(
        opened,
        expires,
        found["side"].astype(np.int8),
        found["confidence"],
        found["symbol"],
        found["score"],
        moves["hour_size"],
        moves["day_size"],
        moves["hour_return"],
        np.bincount(calls["trade"], minlength=n).astype(np.float64),
        np.bincount(calls["trade"][same], minlength=n).astype(np.float64),
        directions,
        sureness,
    )
    return MetaWindow(
        opened, expires, found["uniqueness"], {target: found[target] for target in TARGETS}, moves,
        build_features(seen, len(symbols)), name_features(agents, symbols),
    )  # fmt: skip


def _measure(
    connection: Connection,
    place: NDArray[np.int32],
    opened: Ints,
    expires: Ints,
    stored: datetime | None,
    moves: dict[str, Floats],
) -> None:
    """Fill in how the market moved before the trades that expire after `stored`."""
    connection.execute(statement("learning/create_meta_candles"), {"after": stored or NEVER})
    candles = read_columns(connection, "learning/copy_meta_candles", _CANDLES)
    places = connection.execute(statement("learning/select_meta_places")).all()
    bounds = np.searchsorted(candles["place"], np.arange(len(places) + 1))
    is_new = np.ones(len(opened), dtype=np.bool_) if stored is None else expires > micros(stored)
    for number, symbol in enumerate(places):
        trades, part = np.flatnonzero(is_new & (place == number)), slice(bounds[number], bounds[number + 1])
        found = measure_moves(
            from_copy(candles["minute"][part]), candles["close"][part], opened[trades],
            candle=symbol.candle_seconds * 1_000_000, known_from=micros(symbol.first_at),
        )  # fmt: skip
        for name, values in zip(_MOVES, found, strict=True):
            moves[name][trades] = values

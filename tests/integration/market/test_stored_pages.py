"""Pages of candles as they are stored: packed for COPY, of a new symbol without a copy between."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection, text

from scorekeeper.market import sealed_candles
from scorekeeper.market.base import CANDLE_COLUMNS, ENDS_AT, CandlePage
from scorekeeper.market.candle_rows import BLOCK_ROWS
from scorekeeper.store.database import Database

Unit = Literal["ms", "us", "ns"]
UNITS: tuple[Unit, ...] = ("ms", "us", "ns")
START = datetime(2025, 1, 31, 23, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STORED = "SELECT minute_at, open, high, low, close, volume, ends_at FROM scorekeeper.candle WHERE symbol = :symbol"


def draw_page(dice: random.Random, *, with_ends: bool, unit: Unit) -> pd.DataFrame:
    """Minutes from before the sealed range to after it, over the end of a month, with gaps."""
    minutes = [minute for minute in range(-20, 140) if dice.random() < 0.8]
    opened = pd.to_datetime([START + minute * MINUTE for minute in minutes], utc=True).as_unit(unit)
    low = np.array([dice.uniform(1e-9, 1e6) for _ in minutes])
    rows: dict[str, Any] = {"minute_at": opened, "open": low * 1.1, "high": low * 1.3, "low": low, "close": low * 1.2}
    rows["volume"] = [dice.choice((0, 5e-324, 1e300)) for _ in minutes]
    if with_ends:
        ends = [START + minute * MINUTE + timedelta(seconds=dice.choice((30, 60))) for minute in minutes]
        rows[ENDS_AT] = pd.to_datetime(ends, utc=True).where([dice.random() < 0.5 for _ in minutes])
    return pd.DataFrame(rows)


def plainly(page: pd.DataFrame, since: datetime, until: datetime) -> list[tuple[Any, ...]]:
    """What must be stored of it, row by row."""
    rows: list[tuple[Any, ...]] = []
    for minute, *prices in page[CANDLE_COLUMNS].itertuples(index=False, name=None):
        ends = page[ENDS_AT][len(rows)] if ENDS_AT in page else None
        rows.append((minute.to_pydatetime(), *map(float, prices), None if ends is None or pd.isna(ends) else ends))
    return [row for row in rows if since < (row[-1] or row[0] + MINUTE) <= until]


@pytest.mark.parametrize("with_ends", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_a_page_is_stored_to_the_bit(db: Database, known: bool, with_ends: bool) -> None:
    until = START + 100 * MINUTE
    for seed in range(5):
        symbol = f"S{seed}ä/USDT"
        dice = random.Random(seed)
        candles = draw_page(dice, with_ends=with_ends, unit=dice.choice(UNITS))
        wanted = plainly(candles, START, until)
        with db.begin() as connection:
            if known:  # an empty range of the symbol is there already
                empty = CandlePage(candles.iloc[:0], START)
                assert sealed_candles.store_page(connection, symbol, START, empty, until) == 0
            page = CandlePage(candles, until)
            assert sealed_candles.store_page(connection, symbol, START, page, until) == len(wanted)
            assert stored(connection, symbol) == wanted
            assert sealed_candles.store_page(connection, symbol, START, page, until) == 0
            assert stored(connection, symbol) == wanted


def test_more_rows_than_a_block_holds_are_stored_once_each(db: Database) -> None:
    count = BLOCK_ROWS + 1
    opened = pd.date_range(START, periods=count, freq="min")
    candles = pd.DataFrame({"minute_at": opened} | dict.fromkeys(CANDLE_COLUMNS[1:], 1.0))
    until = START + count * MINUTE
    with db.begin() as connection:
        assert sealed_candles.store_page(connection, "S", START, CandlePage(candles, until), until) == count
        found = connection.execute(text("SELECT count(*), max(minute_at) FROM scorekeeper.candle")).one()
    assert found == (count, until - MINUTE)


def stored(connection: Connection, symbol: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(STORED + " ORDER BY minute_at"), {"symbol": symbol})]

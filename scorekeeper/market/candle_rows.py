"""Candles of a frame as the bytes that COPY takes in its binary format: a year of minutes costs no loop over its rows.

The format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-BINARY
"""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from scorekeeper.market.base import CANDLE_COLUMNS, ENDS_AT
from scorekeeper.store.copy_format import HEADER, TRAILER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

BLOCK_ROWS = 50_000
END = struct.Struct(">iq")  # its length, and the moment
NULL = -1  # the length of what is missing
_EPOCH = np.datetime64("2000-01-01", "us")  # from which Postgres counts microseconds


def pack_candles(symbol: str, candles: pd.DataFrame) -> Iterator[bytes]:
    """The rows of `candles` (see CandlePage), each as symbol, minute_at, open, high, low, close, volume, ends_at.

    In blocks, so that a page of any length needs little memory.
    """
    yield HEADER
    for first in range(0, len(candles), BLOCK_ROWS):
        yield _pack_block(symbol.encode(), candles.iloc[first : first + BLOCK_ROWS])
    yield TRAILER


def _pack_block(symbol: bytes, candles: pd.DataFrame) -> bytes:
    widths = {"symbol": (f"S{len(symbol)}", len(symbol)), "minute_at": (">i8", 8)}
    widths |= dict.fromkeys(CANDLE_COLUMNS[1:], (">f8", 8))
    row = [("fields", ">i2")]
    for column, (kind, _) in widths.items():
        row += [(f"{column} length", ">i4"), (column, kind)]
    table = np.empty(len(candles), dtype=[*row, (f"{ENDS_AT} length", ">i4")])
    table["fields"] = len(widths) + 1
    for column, (_, width) in widths.items():
        table[f"{column} length"] = width
    table["symbol"] = symbol
    table["minute_at"] = _microseconds(candles["minute_at"])
    for price in CANDLE_COLUMNS[1:]:
        table[price] = candles[price].to_numpy(dtype=np.float64)
    table[f"{ENDS_AT} length"] = NULL
    return _with_ends(table, candles) if ENDS_AT in candles else table.tobytes()


def _with_ends(table: np.ndarray, candles: pd.DataFrame) -> bytes:
    """The same rows with the ends of those that have one. They are the few candles of a market with sessions."""
    ends = _microseconds(candles[ENDS_AT])
    known = candles[ENDS_AT].notna().to_numpy()
    parts = []
    for row, end, is_known in zip(table, ends, known, strict=True):
        start = row.tobytes()
        parts.append(start[:-4] + END.pack(8, end) if is_known else start)
    return b"".join(parts)


def are_in_order(candles: pd.DataFrame) -> bool:
    """Whether each candle opens after the one before it."""
    opened = _microseconds(candles["minute_at"])
    return bool((opened[1:] > opened[:-1]).all())


def ending_in(candles: pd.DataFrame, since: datetime, until: datetime, length: timedelta) -> pd.DataFrame:
    """The candles that end after `since` and by `until`; those without an end of their own last `length`.

    >>> import pandas as pd
    >>> two = pd.DataFrame({"minute_at": pd.to_datetime(["2025-01-31T23:58Z", "2025-01-31T23:59Z"])})
    >>> midnight = datetime.fromisoformat("2025-02-01T00:00Z")
    >>> len(ending_in(two, midnight - timedelta(minutes=1), midnight, timedelta(minutes=1)))
    1
    """
    ended = candles["minute_at"] + length
    if ENDS_AT in candles:
        ended = candles[ENDS_AT].fillna(ended)
    return candles[((ended > since) & (ended <= until)).to_numpy()]


def months(candles: pd.DataFrame) -> list[tuple[int, int]]:
    """The months (UTC) in which candles open, in order: year and month.

    >>> import pandas as pd
    >>> months(pd.DataFrame({"minute_at": pd.to_datetime(["2025-01-31T23:59Z", "2025-02-01T00:00Z"])}))
    [(2025, 1), (2025, 2)]
    """
    found = np.unique(candles["minute_at"].to_numpy(dtype="datetime64[us]").astype("datetime64[M]"))
    return [(month.year, month.month) for month in found.tolist()]


def _microseconds(moments: pd.Series) -> np.ndarray:
    return (moments.to_numpy(dtype="datetime64[us]") - _EPOCH).astype(np.int64)

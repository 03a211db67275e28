"""Candles from Postgres, as columns in blocks: a row for each candle would cost the driver ten times as much."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Connection

from scorekeeper.store.sql import statement
from scorekeeper.verify.candle_window import CandleBlock, Floats, Moments, as_moment

CANDLES_AT_ONCE = 20_000
_EPOCH_OF_POSTGRES = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970


def read_candles(connection: Connection, symbol: str, until: datetime) -> Iterator[CandleBlock]:
    """The sealed candles of a symbol that end by `until`, in order."""
    given = {"symbol": symbol, "until": until, "after": datetime(1, 1, 1, tzinfo=UTC), "most": CANDLES_AT_ONCE}
    while (row := connection.execute(statement("verify/select_candles"), given).one()).opens is not None:
        prices = map(_floats, (row.open, row.high, row.low, row.close))
        block = CandleBlock._make((_moments(row.opens), *prices, _moments(row.ends)))
        yield block
        given["after"] = as_moment(block.opens[-1])


def read_closes(connection: Connection, symbol: str, since: datetime, until: datetime) -> tuple[Moments, Floats]:
    """The candles of a symbol that open from `since` to `until`: when each opens, and its close."""
    given = {"symbol": symbol, "since": since, "until": until}
    row = connection.execute(statement("verify/select_closes"), given).one()
    return _moments(row.opens or b""), _floats(row.close or b"")


def _moments(sent: bytes) -> Moments:
    return np.frombuffer(sent, dtype=">i8").astype(np.int64) + _EPOCH_OF_POSTGRES


def _floats(sent: bytes) -> Floats:
    return np.frombuffer(sent, dtype=">f8").astype(np.float64)

"""Candles from Postgres, as columns in blocks: an object for each candle would take ten times as long to make."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection

from scorekeeper.store.copy_columns import read_columns
from scorekeeper.verify.candle_window import CandleBlock, Moments, as_moment
from scorekeeper.verify.remeta import Floats

CANDLES_AT_ONCE = 20_000
_EPOCH_OF_POSTGRES = 946_684_800_000_000  # 2000-01-01 in microseconds since 1970
_CANDLE = {"minute_at": ">i8", "open": ">f8", "high": ">f8", "low": ">f8", "close": ">f8", "ends_at": ">i8"}
_CLOSE = {"minute_at": ">i8", "close": ">f8"}


def read_candles(connection: Connection, symbol: str, until: datetime) -> Iterator[CandleBlock]:
    """The sealed candles of a symbol that end by `until`, in order."""
    after: datetime | None = datetime(1, 1, 1, tzinfo=UTC)
    while after is not None:
        given = {"symbol": symbol, "until": until, "after": after, "most": CANDLES_AT_ONCE}
        found = read_columns(connection, "verify/copy_candles", _CANDLE, given=given)
        block = CandleBlock(*found.values())
        after = None
        if len(block.opens):
            block = block._replace(opens=block.opens + _EPOCH_OF_POSTGRES, ends=block.ends + _EPOCH_OF_POSTGRES)
            after = as_moment(block.opens[-1])
            yield block


def read_closes(connection: Connection, symbol: str, since: datetime, until: datetime) -> tuple[Moments, Floats]:
    """The candles of a symbol that open from `since` to `until`: when each opens, and its close."""
    given = {"symbol": symbol, "since": since, "until": until}
    found = read_columns(connection, "verify/copy_closes", _CLOSE, given=given)
    return found["minute_at"] + _EPOCH_OF_POSTGRES, found["close"]

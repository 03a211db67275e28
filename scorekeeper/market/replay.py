"""A market that replays a folder of candle files: BTC-USDT.csv, optionally .gz.

Header `timestamp,open,high,low,close,volume`; timestamp is the minute's opening in epoch milliseconds (UTC). The files
count as one unbroken answer up to `as_of`: a minute without a row had no candle.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd

from scorekeeper.domain.prices import LARGEST_PRICE, SMALLEST_PRICE
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import CANDLE_COLUMNS, MINUTE, Answer, UnknownSymbolError

_HEADER = ["timestamp", "open", "high", "low", "close", "volume"]


class ReplayMarket:
    """The replay market in `folder`; minutes without a later candle are sealed `grace_minutes` after their end."""

    def __init__(self, folder: str, grace_minutes: int) -> None:
        self._folder = Path(folder)
        self._grace = timedelta(minutes=grace_minutes)
        if not self._folder.is_dir():
            raise ScorekeeperError(f"MARKET=replay:{folder}: there is no such folder")

    @property
    def name(self) -> str:
        """`replay:` and the folder."""
        return f"replay:{self._folder}"

    page_minutes = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass  # it holds nothing

    async def now(self) -> None:
        """See Market.now: the past has no clock."""

    async def first_kept(self) -> None:
        """See Market.first_kept: all that it ever had."""

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """See Market.first_minute."""
        minutes = self._read(symbol)["minute_at"]
        complete = int(minutes.searchsorted(pd.Timestamp(opened_at - MINUTE), side="right"))
        if complete:
            return _as_datetime(minutes.iloc[complete - 1])
        return opened_at.replace(second=0, microsecond=0)

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> Answer:
        """See Market.candles."""
        frame = self._read(symbol)
        minutes = frame["minute_at"]
        complete = int(minutes.searchsorted(pd.Timestamp(as_of - MINUTE), side="right"))
        sealed_until = as_of - self._grace
        if complete:
            sealed_until = max(sealed_until, _as_datetime(minutes.iloc[complete - 1]) + MINUTE)
        sealed_until = min(sealed_until, until)
        first = int(minutes.searchsorted(pd.Timestamp(since), side="left"))
        last = int(minutes.searchsorted(pd.Timestamp(sealed_until), side="left"))
        return Answer(frame.iloc[first:last], sealed_until)

    def _read(self, symbol: str) -> pd.DataFrame:
        stem = symbol.replace("/", "-").replace(":", "-")
        for path in (self._folder / f"{stem}.csv", self._folder / f"{stem}.csv.gz"):
            if path.is_file():
                state = path.stat()
                return _read_candles(path, state.st_mtime_ns, state.st_size)
        raise UnknownSymbolError(f"{symbol}: the replay market has no {stem}.csv")


def _as_datetime(moment: pd.Timestamp) -> datetime:
    return moment.to_pydatetime()


@lru_cache(maxsize=64)
def _read_candles(path: Path, _mtime_ns: int, _size: int) -> pd.DataFrame:
    """The whole file as a checked frame with CANDLE_COLUMNS; raises ScorekeeperError that names file and line."""
    try:
        # pandas 3.1 and later read the very double that the text names.
        raw = pd.read_csv(path, dtype=dict.fromkeys(_HEADER[1:], "float64"))
    except (ValueError, OSError, EOFError) as broken:
        raise ScorekeeperError(f"{path}: not a candle file: {broken}") from broken
    if list(raw.columns) != _HEADER:
        raise ScorekeeperError(f"{path}: line 1: the header must be {','.join(_HEADER)}")
    if not len(raw):
        none = pd.DatetimeIndex([], dtype="datetime64[us, UTC]")  # the default, of seconds, meets no finer time
        return pd.DataFrame({"minute_at": none} | {name: [] for name in CANDLE_COLUMNS[1:]})
    if not pd.api.types.is_integer_dtype(raw["timestamp"]):
        raise ScorekeeperError(f"{path}: timestamp: whole epoch milliseconds are needed on every line")
    stamp = raw["timestamp"].to_numpy()
    prices = raw[_HEADER[1:]].to_numpy()
    wrong = {
        "timestamp: not the opening of a minute": stamp % 60_000 != 0,
        "timestamp: not after the line before": np.concatenate([[False], np.diff(stamp) <= 0]),
        "a price or the volume is missing or not finite": ~np.isfinite(prices).all(axis=1),
        f"a price is not between {SMALLEST_PRICE} and {LARGEST_PRICE}, or the volume is negative": (
            (prices[:, :4] < SMALLEST_PRICE) | (prices[:, :4] > LARGEST_PRICE)
        ).any(axis=1)
        | (prices[:, 4] < 0),
        "high is below, or low is above, another price": (prices[:, 1] < prices[:, :4].max(axis=1))
        | (prices[:, 2] > prices[:, :4].min(axis=1)),
    }
    for reason, at in wrong.items():
        if at.any():
            raise ScorekeeperError(f"{path}: line {int(at.argmax()) + 2}: {reason}")
    minute_at = pd.to_datetime(raw.pop("timestamp"), unit="ms", utc=True)
    raw.insert(0, "minute_at", minute_at)
    return raw

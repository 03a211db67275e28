"""A market that replays a folder of candle files: BTC-USDT.csv, optionally .gz.

The header is `timestamp,open,high,low,close,volume`; timestamp is the minute's opening in epoch milliseconds (UTC). A
file is sealed up to its last row. A minute without a row before that had no candle. Nothing is known of later minutes,
so a file that grows gives the same score as one that was whole from the start.
"""

import unicodedata
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd

from scorekeeper.decisions.symbols import Listing, read_stem, stem_of
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import MINUTE, CandleFileError, CandlePage, MarketError, UnknownSymbolError
from scorekeeper.market.candle_file import CandleFile, read_candle_file

STILL_SECONDS = 5.0  # the same as for decision files


class ReplayMarket:
    """The replay market in `folder`. A file that ends `grace_minutes` or more before an `as_of` is reported.

    `now`: the local clock, UTC. A file that changed less than STILL_SECONDS before it may be half written. None: every
    file is complete.
    """

    def __init__(self, folder: str, grace_minutes: int, now: datetime | None = None) -> None:
        self._folder = Path(folder)
        self._grace = timedelta(minutes=grace_minutes)
        self._now = now
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
        pass  # there is nothing to close

    async def now(self) -> None:
        """See Market.now: a replay has no clock."""

    async def first_kept(self) -> None:
        """See Market.first_kept: a folder keeps all candles."""

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """See Market.first_minute."""
        _, file = self._read(symbol)
        minutes = file.candles["minute_at"]
        complete = int(minutes.searchsorted(pd.Timestamp(opened_at - MINUTE), side="right"))
        if complete:
            return _as_datetime(minutes.iloc[complete - 1])
        return opened_at.replace(second=0, microsecond=0)

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        """See Market.candles."""
        path, file = self._read(symbol)
        minutes = file.candles["minute_at"]
        end = _as_datetime(minutes.iloc[-1]) + MINUTE if len(minutes) else None
        sealed_until = since if end is None else max(since, min(end, until, as_of))
        first = int(minutes.searchsorted(pd.Timestamp(since), side="left"))
        last = int(minutes.searchsorted(pd.Timestamp(sealed_until), side="left"))
        ends = None
        if end is None or end <= as_of - self._grace:
            ends = f"{path} holds no candle yet" if end is None else f"{path} ends at {end:%F %R} UTC"
            if file.torn is not None:
                ends += f" (its last line, {file.torn}, is not whole)"
        return CandlePage(file.candles.iloc[first:last], sealed_until, ends)

    def _read(self, symbol: str) -> tuple[Path, CandleFile]:
        path = self._find(symbol)
        try:
            state = path.stat()
        except OSError as exc:
            raise CandleFileError(f"{path}: cannot be read: {exc.strerror}") from exc
        still = self._now is None or self._now.timestamp() - state.st_mtime >= STILL_SECONDS
        return path, read_candle_file(path, state.st_mtime_ns, state.st_size, still=still)

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """See Market.read_spellings: each file lists the symbol of its name."""
        listing = Listing({_owner(name): [stem_of(_owner(name))] for name in self._list()})
        found = {word: listing.read(word) or listing.read(word.replace("_", "-")) for word in words}
        return {word: symbol for word, symbol in found.items() if symbol is not None}

    def _find(self, symbol: str) -> Path:
        """The file of a symbol: BTC%2FUSDT.csv, else BTC-USDT.csv unless that is another symbol's."""
        files, stem = self._list(), stem_of(symbol)
        exact = symbol.replace("/", "%2F").replace(":", "%3A")
        paths, owner = files.get(exact, []), symbol
        if not paths:
            paths, owner = files.get(stem, []), _owner(stem)
        if not paths:
            raise UnknownSymbolError(f"{symbol}: the replay market has no {stem}.csv")
        if owner != symbol and "/" in symbol and "/" in owner:
            raise UnknownSymbolError(f"{symbol}: {paths[0].name} holds {owner}; name this one's file {exact}.csv")
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise CandleFileError(f"{self._folder}: {names} are files of one symbol: keep one of them")
        return paths[0]

    def _list(self) -> dict[str, list[Path]]:
        """The candle files by their names without ending, in capitals. Two under one name are a mistake."""
        try:
            names = sorted(path.name for path in self._folder.iterdir())
        except OSError as exc:
            raise MarketError(f"{self._folder}: cannot be read: {exc.strerror}") from None
        found: dict[str, list[Path]] = {}
        for name in names:
            for ending in (".csv", ".csv.gz"):
                if name.endswith(ending):
                    found.setdefault(_comparable(name.removesuffix(ending)), []).append(self._folder / name)
        return found


def _owner(name: str) -> str:
    """The symbol that a file of that name is for."""
    return name.replace("%2F", "/").replace("%3A", ":") if "%" in name else read_stem(name)


def _comparable(name: str) -> str:
    """A file's name in capitals, its accents composed: macOS may store a letter and its accent apart."""
    whole = unicodedata.normalize("NFC", name)
    return "".join(one.upper() if one.isascii() else one for one in whole)


def _as_datetime(moment: pd.Timestamp) -> datetime:
    return moment.to_pydatetime()

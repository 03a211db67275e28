"""A market that replays a folder of candle files: BTC-USDT.csv, optionally .gz, or in another declared layout.

The header is `timestamp,open,high,low,close,volume`; timestamp is the candle's opening in epoch milliseconds (UTC). A
file is sealed up to its last row. A time without a row before that had no candle. Nothing is known of later ones, so a
file that grows gives the same score as one that was whole from the start.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from scorekeeper.decisions.symbols import Listing, stem_of
from scorekeeper.errors import ScorekeeperError
from scorekeeper.market import layouts, splits
from scorekeeper.market.base import (
    ENDS_AT,
    ONE_MINUTE,
    Bars,
    CandleFileError,
    CandlePage,
    MarketError,
    UnknownSymbolError,
)
from scorekeeper.market.file_names import Named, list_files

if TYPE_CHECKING:
    import pandas as pd  # at run time it loads only where a file is read

    from scorekeeper.market.candle_file import CandleFile

STILL_SECONDS = 5.0  # the same as for decision files


class ReplayMarket:
    """The replay market in `folder`. A file that ends `grace_minutes` or more before an `as_of` is reported.

    `now`: the local clock, UTC. A file that changed less than STILL_SECONDS before it may be half written. None: every
    file is complete.
    """

    def __init__(
        self,
        folder: str,
        grace_minutes: int,
        now: datetime | None = None,
        *,
        bars: Bars = ONE_MINUTE,
        layout: str = "scorekeeper",
    ) -> None:
        self.bars = bars
        self._layout = layout
        self._folder = Path(folder)
        self._splits: dict[str, splits.Splits] = {}
        self._bases: Mapping[str, date] = {}
        if layout == layouts.STOOQ and bars.length != layouts.DAY:
            raise ScorekeeperError("REPLAY_LAYOUT=stooq: its files of days are read: set CANDLE_LENGTH=1d")
        self._grace = timedelta(minutes=grace_minutes)
        self._now = now
        if not self._folder.is_dir():
            raise ScorekeeperError(f"MARKET=replay:{folder}: there is no such folder")

    @property
    def name(self) -> str:
        """`replay:` and the folder."""
        return f"replay:{self._folder}"

    page_minutes = None

    def take_requests(self) -> Mapping[str, int]:
        """See Market.take_requests: it sends none."""
        return {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass  # there is nothing to close

    async def now(self) -> None:
        """See Market.now: a replay has no clock."""

    def declared_bases(self) -> dict[str, date]:
        """See Market.declared_bases: what SPLITS.csv in the folder says."""
        self._splits = splits.read_splits(self._folder, self.bars)
        return {symbol: own.adjusted_on for symbol, own in self._splits.items()}

    def keep_bases(self, bases: Mapping[str, date]) -> list[dict[str, Any]]:
        """See Market.keep_bases."""
        self._bases = bases
        return splits.unit_rows(self._splits, bases)

    async def first_kept(self) -> None:
        """See Market.first_kept: a folder keeps all candles."""

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """See Market.first_minute."""
        _, file = self._read(symbol)
        complete = self._ended(file.candles, opened_at)
        if complete:
            return _as_datetime(file.candles["minute_at"].iloc[complete - 1])
        return self.bars.start_of(opened_at)

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        """See Market.candles."""
        path, file = self._read(symbol)
        end = self._end(file.candles)
        sealed_until = since if end is None else max(since, min(end, until, as_of))
        first, last = self._ended(file.candles, since), self._ended(file.candles, sealed_until)
        ends = None
        # A candle that should be there ended so long ago.
        if end is None or self.bars.quiet_until(end) <= as_of - self._grace:
            ends = f"{path} holds no candle yet" if end is None else f"{path} ends at {end:%F %R} UTC"
            if file.torn is not None:
                ends += f" (its last line, {file.torn}, is not whole)"
        return CandlePage(file.candles.iloc[first:last], sealed_until, ends)

    def _ended(self, candles: "pd.DataFrame", moment: datetime) -> int:
        """How many candles had ended by a moment."""
        import pandas as pd

        if ENDS_AT in candles:
            return int(candles[ENDS_AT].searchsorted(pd.Timestamp(moment), side="right"))
        return int(candles["minute_at"].searchsorted(pd.Timestamp(moment - self.bars.length), side="right"))

    def _end(self, candles: "pd.DataFrame") -> datetime | None:
        """When the last candle ends."""
        if candles.empty:
            return None
        if ENDS_AT in candles:
            return _as_datetime(candles[ENDS_AT].iloc[-1])
        return _as_datetime(candles["minute_at"].iloc[-1]) + self.bars.length

    def _read(self, symbol: str) -> "tuple[Path, CandleFile]":
        from scorekeeper.market.candle_file import CandleFile, read_candle_file, read_candle_files

        paths = self._find(symbol)
        parts = []
        for path in paths:
            try:
                state = path.stat()
            except OSError as exc:
                raise CandleFileError(f"{path}: cannot be read: {exc.strerror}") from exc
            still = self._now is None or self._now.timestamp() - state.st_mtime >= STILL_SECONDS
            parts.append((path, state.st_mtime_ns, state.st_size, still))
        if len(parts) == 1:
            file = read_candle_file(*parts[0][:3], still=still, bars=self.bars, layout=self._layout)
        else:
            file = read_candle_files(tuple(parts), self.bars, self._layout)
        if symbol in self._splits:
            own = self._splits[symbol]
            basis = self._bases.get(symbol, own.adjusted_on)
            file = CandleFile(own.convert(file.candles, basis), file.torn)
        return paths[-1], file

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """See Market.read_spellings: each file lists the symbol of its name."""
        listing = Listing({named.symbol: [stem_of(named.symbol)] for named in self._list().values()})
        found = {word: listing.read(word) or listing.read(word.replace("_", "-")) for word in words}
        return {word: symbol for word, symbol in found.items() if symbol is not None}

    def _find(self, symbol: str) -> list[Path]:
        """The files of a symbol: BTC%2FUSDT.csv, else BTC-USDT.csv unless that is another symbol's."""
        files, stem = self._list(), stem_of(symbol)
        exact = symbol.replace("/", "%2F").replace(":", "%3A")
        named = files.get(exact)
        if named is None:
            named = files.get(stem)
            if named is not None and named.symbol != symbol and "/" in symbol and "/" in named.symbol:
                raise UnknownSymbolError(
                    f"{symbol}: {named.paths[0].name} holds {named.symbol}; name this one's file {exact}.csv"
                )
        if named is None:
            raise UnknownSymbolError(f"{symbol}: the replay market has no {stem}.csv")
        if named.fault:
            raise CandleFileError(f"{self._folder}: {named.fault}")
        return named.paths

    def _list(self) -> dict[str, Named]:
        """The candle files by their names without ending, in capitals. Raises MarketError."""
        try:
            names = sorted(path.name for path in self._folder.iterdir())
        except OSError as exc:
            raise MarketError(f"{self._folder}: cannot be read: {exc.strerror}") from None
        return list_files(self._folder, names, self._layout, self.bars)


def _as_datetime(moment: "pd.Timestamp") -> datetime:
    return moment.to_pydatetime()

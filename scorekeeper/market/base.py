"""What a market is to Scorekeeper: sealed one-minute candles of a symbol between two minutes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, Self

from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd  # at run time only where prices are fetched: the tracker starts without it

MINUTE = timedelta(minutes=1)
CANDLE_COLUMNS = ["minute_at", "open", "high", "low", "close", "volume"]


class UnknownSymbolError(ScorekeeperError):
    """The market does not have this symbol; trades in it stay open and are reported."""


class MarketError(ScorekeeperError):
    """The market gave no usable answer, also when asked again; nothing was made up, and the next run asks anew."""


class CandleFileError(MarketError):
    """A symbol's own candle file is none: its text names file, line and reason. No other symbol is concerned."""


@dataclass(frozen=True)
class CandlePage:
    """One unbroken answer of a market.

    `candles`: a frame with CANDLE_COLUMNS, one row per minute that has a candle, in order; `minute_at` is the
    minute's opening (UTC). `sealed_until`: every minute before it, from the start asked for, is sealed. Candles from
    before the start asked for may come along: they tell of revisions. `ends`: where what the market holds of the symbol
    ends too early, and why, in words; None where it does not.
    """

    candles: pd.DataFrame
    sealed_until: datetime
    ends: str | None = None

    def followed_by(self, other: CandlePage) -> CandlePage:
        """This answer and the one that begins where it is sealed, as one."""
        import pandas as pd  # whoever has answers has it loaded

        later = other.candles[other.candles["minute_at"] >= self.sealed_until]
        return CandlePage(pd.concat([self.candles, later], ignore_index=True), other.sealed_until, other.ends)


class Market(Protocol):
    """What replay and exchanges have in common. Open it with `async with`."""

    @property
    def name(self) -> str:
        """The market's identity, to which a database is bound."""
        ...

    @property
    def page_minutes(self) -> int | None:
        """How many minutes one answer holds at most; None: any number."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def now(self) -> datetime | None:
        """The market's own clock, UTC; None: a market of the past has none. Raises MarketError."""
        ...

    async def first_kept(self) -> datetime | None:
        """The first minute whose candle the market still has; None: it keeps them all. Raises MarketError."""
        ...

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """From which minute candles are needed for a decision of that time.

        It is the opening minute of the last candle complete at `opened_at` (the reference price's), else the minute
        that contains `opened_at`. A later one: the market has not kept the minutes before it. Raises
        UnknownSymbolError, MarketError.
        """
        ...

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """The listed symbols that spellings (see domain.symbols.spell) mean, by spelling; without those that mean none.

        Raises MarketError.
        """
        ...

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        """Candles that open in [since, until), all complete at `as_of`: the first page of them.

        Raises UnknownSymbolError, MarketError.
        """
        ...

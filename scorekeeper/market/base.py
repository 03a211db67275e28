"""What a market is to Scorekeeper: sealed one-minute candles of a symbol between two minutes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, Self

from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd  # at run time it loads only where prices are fetched: the tracker starts without it

MINUTE = timedelta(minutes=1)
CANDLE_COLUMNS = ["minute_at", "open", "high", "low", "close", "volume"]


class UnknownSymbolError(ScorekeeperError):
    """The market does not list this symbol. Its trades stay open and are reported."""


class MarketError(ScorekeeperError):
    """The market gave no usable candles after several attempts. Nothing is stored, and the next run asks again."""


class CandleFileError(MarketError):
    """A symbol's candle file cannot be read: the text names file, line and reason. Other symbols are not affected."""


@dataclass(frozen=True)
class CandlePage:
    """One page of a symbol's candles, without a break.

    `candles`: a frame with CANDLE_COLUMNS, one row per minute that has a candle, in order; `minute_at` is the
    minute's opening (UTC). It may hold candles from before the requested start: they show revisions.
    `sealed_until`: every minute before it, from the requested start on, is sealed. `ends`: a sentence that says where
    the market's candles of the symbol end, if they end too early; else None.
    """

    candles: pd.DataFrame
    sealed_until: datetime
    ends: str | None = None

    def followed_by(self, other: CandlePage) -> CandlePage:
        """This page and the one that begins at its `sealed_until`, as one."""
        import pandas as pd  # it is loaded already: a page holds a frame

        later = other.candles[other.candles["minute_at"] >= self.sealed_until]
        return CandlePage(pd.concat([self.candles, later], ignore_index=True), other.sealed_until, other.ends)


class Market(Protocol):
    """A source of sealed one-minute candles: an exchange, or a folder of files. Open it with `async with`."""

    @property
    def name(self) -> str:
        """The market's identity, to which a database is bound."""
        ...

    @property
    def page_minutes(self) -> int | None:
        """How many minutes one page holds at most; None: any number."""
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
        """The first minute whose candle a decision of that time needs.

        It is the minute of the last candle complete at `opened_at`, which gives the reference price; without one, the
        minute that contains `opened_at`. A later minute means that the market no longer keeps those before it.
        Raises UnknownSymbolError, MarketError.
        """
        ...

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """The listed symbol of each spelling (see decisions.symbols.spell); a spelling of none is left out.

        Raises MarketError.
        """
        ...

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        """The first page of the candles that open in [since, until) and are complete at `as_of`.

        Raises UnknownSymbolError, MarketError.
        """
        ...

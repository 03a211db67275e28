"""What a market is to Scorekeeper: sealed one-minute candles of a symbol between two minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from scorekeeper.errors import ScorekeeperError

if TYPE_CHECKING:
    import pandas as pd  # at run time only where prices are fetched: the tracker starts without it

CANDLE_COLUMNS = ["minute_at", "open", "high", "low", "close", "volume"]


class UnknownSymbolError(ScorekeeperError):
    """The market does not have this symbol; trades in it stay open and are reported."""


@dataclass(frozen=True)
class Answer:
    """One unbroken answer of a market.

    `candles`: a frame with CANDLE_COLUMNS, one row per minute that has a candle, in order; `minute_at` is the
    minute's opening (UTC). `sealed_until`: every minute before it, from the start asked for, is sealed.
    """

    candles: pd.DataFrame
    sealed_until: datetime


class Market(Protocol):
    """What replay and exchanges have in common."""

    @property
    def name(self) -> str:
        """The market's identity, to which a database is bound."""
        ...

    def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """From which minute candles are needed for a decision of that time.

        It is the opening minute of the last candle complete at `opened_at` (the reference price's), else the minute
        that contains `opened_at`. Raises UnknownSymbolError.
        """
        ...

    def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> Answer:
        """The candles that open in [since, until), all complete at `as_of`. Raises UnknownSymbolError."""
        ...

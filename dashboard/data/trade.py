"""Everything that is known of one decision and its trade."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dashboard.data.filters import Filters


@dataclass(frozen=True)
class Candle:
    """A sealed minute: its opening time, prices in quote currency, volume in base currency."""

    minute_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class Revision(Candle):
    """A candle that came too late for a sealed minute: kept, used for nothing."""

    seen_at: datetime


@dataclass(frozen=True)
class Said:
    """What one agent said: its word, how it is read (+1, 0, -1), confidence, and whether it was right.

    `right`: None for an abstention, an unknown horizon, or a price that stood still.
    """

    agent: str
    signal: str
    direction: int
    confidence: float | None
    understood: bool | None
    right: bool | None
    call_return_pct: float | None


@dataclass(frozen=True)
class TradeStory:
    """One decision: `row` has every column of report_decisions by name; its trade's are None where it opened none.

    `candles` cover from a margin before the entry to a margin after the exit or the horizon, whichever is later, thinned
    to `step_minutes` where there are too many; `pruned`: candles of that time are gone.
    """

    row: dict[str, Any]
    signals: list[Said]
    candles: list[Candle]
    step_minutes: int
    revisions: list[Revision]
    pruned: bool
    previous_id: str | None
    next_id: str | None


def read_trade(connection: Connection, filters: Filters, trade_id: str) -> TradeStory | None:
    """The story of a decision as it was known at the filters' moment; None for an id that is not known then."""
    raise NotImplementedError

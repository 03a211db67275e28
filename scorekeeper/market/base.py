"""What a market is to Scorekeeper: sealed candles of a symbol between two minutes, and how it cuts time into candles.

This is the one place that knows how long a candle is. In SQL it is the view report_candle_length, and
candle.ends_at for a candle that is shorter. Minutes stay the unit of what is sealed: a candle is sealed with its last
minute.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from scorekeeper.errors import ScorekeeperError
from scorekeeper.trading_calendar import TradingCalendar, calendar_of

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd  # at run time it loads only where prices are fetched: the tracker starts without it

MINUTE = timedelta(minutes=1)
LENGTHS = {
    name: minutes * MINUTE
    for name, minutes in {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1_440}.items()
}
CANDLE_COLUMNS = ["minute_at", "open", "high", "low", "close", "volume"]
ENDS_AT = "ends_at"  # one more column, where candles do not all have the same length
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnknownSymbolError(ScorekeeperError):
    """The market does not list this symbol. Its trades stay open and are reported."""


class MarketError(ScorekeeperError):
    """The market gave no usable candles after several attempts. Nothing is stored, and the next run asks again."""


class CandleFileError(MarketError):
    """A symbol's candle file cannot be read: the text names file, line and reason. Other symbols are not affected."""


class Span(NamedTuple):
    """From when to when a candle lasts: it opens at the first moment, and is complete at the second one."""

    opens_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Bars:
    """How a market cuts time into candles of `length`.

    Without a calendar they follow each other on the grid of UTC, so a day begins at midnight UTC. With one they begin
    again at each session's opening, and the last one ends with the session: a day is one session. Candles of one
    minute need no calendar.
    """

    length: timedelta = MINUTE
    calendar: TradingCalendar | None = None

    @classmethod
    def of(cls, length: str, calendar: str = "") -> Self:
        """From the settings CANDLE_LENGTH and CALENDAR. Raises ScorekeeperError for a calendar that is not listed."""
        known = LENGTHS[length]
        return cls(known, calendar_of(calendar) if known > MINUTE else None)

    @property
    def name(self) -> str:
        """The length as CANDLE_LENGTH has it."""
        return next(name for name, length in LENGTHS.items() if length == self.length)

    @property
    def seconds(self) -> int:
        """The longest that a candle lasts."""
        return int(self.length.total_seconds())

    def span(self, moment: datetime) -> Span | None:
        """The candle that contains a moment; None between two sessions.

        >>> Bars(timedelta(hours=4)).span(datetime(2025, 5, 1, 13, 30, tzinfo=UTC)).opens_at.isoformat()
        '2025-05-01T12:00:00+00:00'
        """
        span = self.next_span(moment)
        return span if span is not None and span.opens_at <= moment else None

    def next_span(self, moment: datetime) -> Span | None:
        """The first candle that ends after a moment; None beyond the sessions that the calendar knows."""
        if self.calendar is None:
            opens_at = moment - (moment - _EPOCH) % self.length
            return Span(opens_at, opens_at + self.length)
        session = next(self.calendar.sessions_after(moment), None)
        if session is None:
            return None
        opens_at, closes_at = session
        opens_at += max(0, (moment - opens_at) // self.length) * self.length
        return Span(opens_at, min(opens_at + self.length, closes_at))

    def start_of(self, moment: datetime) -> datetime:
        """The opening of the candle that contains a moment; between two sessions, the moment's minute."""
        span = self.span(moment)
        return moment.replace(second=0, microsecond=0) if span is None else span.opens_at

    def quiet_until(self, moment: datetime) -> datetime:
        """The last minute before the next candle ends: what is sealed at `moment` is sealed until then.

        `moment` is a whole minute. With candles of one minute it is `moment` itself.

        >>> Bars(timedelta(hours=4)).quiet_until(datetime(2025, 5, 1, 12, tzinfo=UTC)).isoformat()
        '2025-05-01T15:59:00+00:00'
        """
        span = self.next_span(moment)
        return moment if span is None else span.ends_at - MINUTE


ONE_MINUTE = Bars()


@dataclass(frozen=True)
class CandlePage:
    """One page of a symbol's candles, without a break.

    `candles`: a frame with CANDLE_COLUMNS, and ENDS_AT where candles differ in length (null: of the market's length),
    one row per candle, in order; `minute_at` is the candle's opening (UTC). It may hold candles from before the
    requested start: they show revisions. `sealed_until`: every candle that ends at or before it, and after the
    requested start, is known. `ends`: a sentence that says where
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
    """A source of sealed candles: an exchange, or a folder of files. Open it with `async with`."""

    @property
    def bars(self) -> Bars:
        """How long its candles are."""
        ...

    @property
    def name(self) -> str:
        """The market's identity, to which a database is bound."""
        ...

    @property
    def page_minutes(self) -> int | None:
        """How many minutes one page holds at most; None: any number."""
        ...

    def take_requests(self) -> Mapping[str, int]:
        """How many requests were sent since this was last called, by what came of them: `answered`, or the error."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def now(self) -> datetime | None:
        """The market's own clock, UTC; None: a market of the past has none. Raises MarketError."""
        ...

    def declared_bases(self) -> dict[str, date]:
        """The symbols with splits: their prices are adjusted for those up to that day. Raises CandleFileError."""
        ...

    def keep_bases(self, bases: Mapping[str, date]) -> list[dict[str, Any]]:
        """From now on, give prices adjusted for the splits up to these days; the rows of price_unit that follow."""
        ...

    async def first_kept(self) -> datetime | None:
        """The first minute whose candle the market still has; None: it keeps them all. Raises MarketError."""
        ...

    async def first_minute(self, symbol: str, opened_at: datetime) -> datetime:
        """The first minute whose candle a decision of that time needs.

        It opens the last candle complete at `opened_at`, which gives the reference price; without one, the candle that
        contains `opened_at`. A later minute means that the market no longer keeps those before it.
        Raises UnknownSymbolError, MarketError.
        """
        ...

    async def read_spellings(self, words: Collection[str]) -> dict[str, str]:
        """The listed symbol of each spelling (see decisions.symbols.spell); a spelling of none is left out.

        Raises MarketError.
        """
        ...

    async def candles(self, symbol: str, since: datetime, until: datetime, as_of: datetime) -> CandlePage:
        """The first page of the candles that end after `since`, by `until`, and are complete at `as_of`.

        Raises UnknownSymbolError, MarketError.
        """
        ...

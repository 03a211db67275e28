"""A market's hours, and what its trades cost, in plain words: without the product, and without its calendars' library.

The hours are New York's as its exchange published them: 9:30 to 16:00, to 13:00 on half days, not on holidays.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
HOLIDAYS = {date(2025, 11, 27), date(2025, 12, 25), date(2026, 1, 1), date(2026, 1, 19), date(2026, 2, 16)}
HALF_DAYS = {date(2025, 11, 28), date(2025, 12, 24)}
# Clocks went back on 2 November 2025, and forward on 8 March 2026.
FIRST, LAST = date(2025, 10, 20), date(2026, 3, 31)


@dataclass(frozen=True)
class RefSession:
    opens_at: datetime
    closes_at: datetime


def sessions() -> list[RefSession]:
    found, day = [], FIRST
    while day <= LAST:
        if day.weekday() < 5 and day not in HOLIDAYS:
            close = time(13) if day in HALF_DAYS else time(16)
            opens, closes = (datetime.combine(day, at, NEW_YORK).astimezone(UTC) for at in (time(9, 30), close))
            found.append(RefSession(opens, closes))
        day += timedelta(days=1)
    return found


def after_sessions(opened_at: datetime, number: int) -> datetime:
    """The close of the last of so many sessions, of those that close after a moment."""
    return [one.closes_at for one in sessions() if one.closes_at > opened_at][number - 1]


def after_trading_time(opened_at: datetime, length: timedelta) -> datetime:
    """A second after a second, of those in which the market is open."""
    moment = opened_at
    for one in sessions():
        moment = max(moment, one.opens_at)
        while moment < one.closes_at and length > timedelta():
            step = min(timedelta(seconds=1), length, one.closes_at - moment)
            moment, length = moment + step, length - step
        if not length:
            return moment
    raise AssertionError("beyond the sessions that are written down here")


@dataclass(frozen=True)
class RefTerms:
    """What a trade costs: fees in basis points, money in quote currency; `quantity` None: not known."""

    taker_bps: float = 10
    maker_bps: float | None = None
    per_share: float = 0
    minimum: float = 0
    spread_bps: float = 0
    funding_bps_per_day: float = 0
    limit_entry: bool = False
    quantity: float | None = None


def net_pct(
    terms: RefTerms, direction: int, entry: float, exit: float, at_target: bool, held: timedelta, gross_pct: float
) -> float:
    """The P&L in percent of entry after each side's fee, half the spread on each side, and funding."""
    maker = terms.taker_bps if terms.maker_bps is None else terms.maker_bps
    paid = 0.0
    for price, rests in ((entry, terms.limit_entry), (exit, at_target)):
        fee = price * (maker if rests else terms.taker_bps) / 10_000 + terms.per_share
        if terms.quantity is not None and terms.minimum:  # without one, a rebate stays a rebate
            fee = max(fee, terms.minimum / terms.quantity)
        paid += fee + price * terms.spread_bps / 2 / 10_000
    paid += direction * entry * terms.funding_bps_per_day / 10_000 * (held / timedelta(days=1))
    return gross_pct - 100 * paid / entry

"""Universes whose candles last longer than a minute: days, hours, and the sessions of a market that closes.

Each is a universe of minutes, drawn as such, whose time is stretched: what lay in its n-th minute lies in the n-th
candle, or in the night, the weekend or the holiday after it. So every awkwardness of the minutes is there again.
"""

import random
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import exchange_calendars
from hypothesis import strategies as st

from tests.reference import MINUTE, RefCandle, floor_minute
from tests.universes import AT_AN_EXCHANGE, HOLD_MINUTES, START, Universe, Void, stored_id, universes

LENGTHS = {"5m": 5, "1h": 60, "4h": 240, "1d": 1_440}
# New York with an early close before Thanksgiving's weekend, at Christmas, and the end of summer time; London with an
# early close too, and its own days off.
GRIDS = (("1d", "XNYS"), ("1d", "XLON"), ("1d", ""), ("4h", ""), ("1h", "XNYS"), ("1h", ""), ("4h", "XNYS"), ("5m", ""))
MOST_HELD = 90  # candles; a longer hold would need partitions of years
_CLOSED_PART = timedelta(seconds=54)  # what lies so late in a minute lies after the candle's end


class Span(NamedTuple):
    opens_at: datetime
    ends_at: datetime


@dataclass
class BarUniverse(Universe):
    """`spans`: every candle's time, whether there is a candle or not."""

    spans: list[Span] = field(default_factory=list)

    @property
    def length(self) -> timedelta:
        return LENGTHS[self.candle_length] * MINUTE

    def moments(self, count: int | None = None) -> list[datetime]:
        last = bisect_right([span.opens_at for span in self.spans], self.end) - 1
        if count is None:
            return [*sorted({moment for span in self.spans[:last] for moment in span}), self.end]
        return [self.spans[last * k // count].opens_at for k in range(count)] + [self.end]

    def quiet(self, moment: datetime) -> datetime:
        return next(span.ends_at for span in self.spans if span.ends_at > moment) - MINUTE


def lay_spans(length: str, calendar: str, count: int) -> list[Span]:
    step = LENGTHS[length] * MINUTE
    if not calendar:
        start = datetime(2025, 5, 30, tzinfo=UTC)
        return [Span(start + k * step, start + (k + 1) * step) for k in range(count)]
    spans: list[Span] = []
    known = exchange_calendars.get_calendar(calendar, start="2013-10-21", end="2019-12-30")
    for session in known.schedule.itertuples():
        at, closes = session.open.to_pydatetime(), session.close.to_pydatetime()
        while at < closes:
            spans.append(Span(at, min(at + step, closes)))
            at += step
        if len(spans) >= count:
            break
    return spans[:count]


class Stretch:
    """From the minutes of a universe to the candles of another."""

    def __init__(self, spans: list[Span], noise: int) -> None:
        self._spans, self._chance = spans, random.Random(noise)

    def at(self, moment: datetime) -> datetime:
        """Into the candle of that minute; what is late in the minute, into the time after it."""
        place, rest = divmod(moment - START, MINUTE)
        span, after = self._spans[place], self._spans[place + 1].opens_at
        if after == span.ends_at:
            return span.opens_at + (span.ends_at - span.opens_at) * (rest / MINUTE)
        if rest < _CLOSED_PART:
            return span.opens_at + (span.ends_at - span.opens_at) * (rest / _CLOSED_PART)
        return span.ends_at + (after - span.ends_at) * ((rest - _CLOSED_PART) / (MINUTE - _CLOSED_PART))

    def end_before(self, moment: datetime) -> datetime:
        """As `at`, but the beginning of a candle's time is the end of the one before: at a close, not at the open."""
        place, rest = divmod(moment - START, MINUTE)
        return self._spans[place - 1].ends_at if place and not rest else self.at(moment)

    def near(self, moment: datetime) -> datetime:
        """A whole minute in the candle of that minute, at its end, or after it."""
        place = min((moment - START) // MINUTE, len(self._spans) - 2)
        span, after = self._spans[place], self._spans[place + 1].opens_at
        since, until = self._chance.choice([(span.opens_at,) * 2, (span.opens_at, span.ends_at), (span.ends_at, after)])
        return floor_minute(since + (until - since) * self._chance.choice([0, 0.5, 0.999]))

    def candles(self, minutes: list[RefCandle]) -> list[RefCandle]:
        """Those of far minutes, for which the calendar has no session, are left out."""
        places = [(one, (one.minute_at - START) // MINUTE) for one in minutes]
        known = [(one, self._spans[place]) for one, place in places if place < len(self._spans)]
        return [replace(one, minute_at=span.opens_at, ends_at=span.ends_at) for one, span in known]

    def decision(self, document: dict[str, Any], number: int) -> dict[str, Any]:
        opened = datetime.fromisoformat(document["timestamp"])
        hold = min(document.get("max_hold_minutes", HOLD_MINUTES), MOST_HELD)
        start = self.at(opened)
        reach = self.end_before if number % 2 else self.at
        end = max(reach(opened + timedelta(minutes=hold)), start + timedelta(seconds=1))
        # Whole minutes are told to the bit; a part of one need not land on a candle's edge.
        return document | {"timestamp": start.isoformat(), "max_hold_minutes": (end - start) / MINUTE}


def stretch(universe: Universe, grid: tuple[str, str], noise: int) -> BarUniverse:
    length, calendar = grid
    ends = [datetime.fromisoformat(d["timestamp"]) for d in universe.decisions]
    furthest = max(universe.end, *(end + (MOST_HELD + 2) * MINUTE for end in ends))
    furthest = max([furthest, *(one.minute_at for candles in universe.candles.values() for one in candles)])
    spans = lay_spans(length, calendar, (furthest - START) // MINUTE + 400)
    to = Stretch(spans, noise)
    known = {stored_id(old): (old, to.decision(old, k)) for k, old in enumerate(universe.decisions)}
    names = {old: stored_id(new) for old, (_, new) in known.items()}
    for _, new in known.values():  # an exit may name another that has no id of its own
        if "closes" in new:
            closes = new["closes"]
            new["closes"] = [names.get(n, n) for n in closes] if isinstance(closes, list) else names.get(closes, closes)
    documents = [new for _, new in known.values()]
    delays = {
        names[name]: timedelta(seconds=round(delay / MINUTE * spans_seconds(length)))
        for name, delay in universe.delays.items()
    }
    horizon = max(datetime.fromisoformat(d["timestamp"]) + d["max_hold_minutes"] * MINUTE for d in documents)
    last_opened = max(datetime.fromisoformat(d["timestamp"]) for d in documents)
    end = to.near(universe.end) if noise % 4 == 0 else floor_minute(horizon + to_length(length) * (noise % 3))
    end = max(end, floor_minute(last_opened) + MINUTE)
    kinds = tuple("on a random schedule" if calendar and kind == AT_AN_EXCHANGE else kind for kind in universe.kinds)
    return BarUniverse(
        candles={symbol: to.candles(candles) for symbol, candles in universe.candles.items()},
        decisions=documents,
        delays=delays,
        closes=[(names[name], to.near(max(at, START))) for name, at in universe.closes],
        voids=[Void(names[one.trade_id], to.near(max(one.at, START)), one.before_tracking) for one in universe.voids],
        schedule=sorted({min(to.near(at), end) for at in universe.schedule}),
        outages=universe.outages,
        kills=universe.kills,
        lags=universe.lags,
        page_minutes=universe.page_minutes and universe.page_minutes * LENGTHS[length],
        kinds=kinds,
        end=end,
        positions=universe.positions,
        candle_length=length,
        calendar=calendar,
        spans=spans,
    )


def to_length(length: str) -> timedelta:
    return LENGTHS[length] * MINUTE


def spans_seconds(length: str) -> float:
    return to_length(length).total_seconds()


def bar_universes() -> st.SearchStrategy[BarUniverse]:
    return st.builds(stretch, universes(), st.sampled_from(GRIDS), st.integers(0, 2**16))


"""How long a decision holds at a market that closes, compared with New York's hours written out."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.hold import end_of_trading_time
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.decisions.strict_json import DecisionError
from scorekeeper.errors import ScorekeeperError
from scorekeeper.trading_calendar import TradingCalendar, calendar_of
from tests.reference_terms import after_sessions, after_trading_time, sessions

NEW_YORK = TradingCalendar("XNYS")
CLOCK = DecisionContext(datetime(2026, 6, 1, tzinfo=UTC), "v1", 60, ZoneInfo("UTC"), None)
CONTEXT = DecisionContext(
    CLOCK.received_at, "v1", 60, ZoneInfo("America/New_York"), None, default_hold_sessions=3, hours=NEW_YORK
)
MOMENTS = st.builds(
    lambda day, minute, second: datetime(2025, 10, 27, tzinfo=UTC) + timedelta(day, second, minutes=minute),
    st.integers(0, 140), st.one_of(st.integers(0, 1439), st.sampled_from([810, 870, 1080, 1200, 1260])),
    st.sampled_from([0, 0, 1e-6, 30.5]),
)  # fmt: skip


def decide(context: DecisionContext, at: datetime | str, **fields: Any) -> datetime:
    stamp = at if isinstance(at, str) else at.isoformat()
    document = {"symbol": "SPY", "type": "BUY", "price": 600, "timestamp": stamp, **fields}
    return parse_decision(document, context=context).expires_at


def test_the_calendar_has_the_sessions_of_new_york_with_half_days_and_both_clocks() -> None:
    ours = [(one.opens_at, one.closes_at) for one in sessions()]
    first, last = ours[0][0].date(), ours[-1][0].date()
    assert [one[1:] for one in NEW_YORK.sessions(first, last)] == ours
    assert (NEW_YORK.sessions_a_year, NEW_YORK.zone) == (252, "America/New_York")
    assert TradingCalendar("24/7").sessions_a_year == 365


@given(MOMENTS, st.integers(1, 6))
def test_a_decision_holds_until_the_close_of_its_last_session(at: datetime, number: int) -> None:
    assert decide(CONTEXT, at, max_hold_sessions=number) == after_sessions(at, number)
    assert decide(CONTEXT, at) == after_sessions(at, 3)


@given(MOMENTS, st.sampled_from([0.5, 1, 30, 180, 209.75, 210, 389, 390, 391, 1000]))
def test_minutes_of_a_hold_are_minutes_of_trading(at: datetime, minutes: float) -> None:
    wanted = after_trading_time(at, timedelta(minutes=minutes))
    assert end_of_trading_time(NEW_YORK, at, timedelta(minutes=minutes)) == wanted
    assert decide(CONTEXT, at, max_hold_minutes=minutes) == wanted


@pytest.mark.parametrize(
    ("at", "sessions", "expires"),
    [
        ("2025-11-26T15:59:59", 1, "2025-11-26T21:00:00+00:00"),
        ("2025-11-26T16:00:00", 1, "2025-11-28T18:00:00+00:00"),  # Thanksgiving, then the half day
        ("2025-10-31T12:00:00", 2, "2025-11-03T21:00:00+00:00"),  # clocks went back between
        ("2026-03-06T12:00:00", 2, "2026-03-09T20:00:00+00:00"),  # and forward
    ],
)
def test_a_session_ends_where_the_clock_of_the_market_says(at: str, sessions: int, expires: str) -> None:
    assert decide(CONTEXT, at, max_hold_sessions=sessions).isoformat() == expires


@pytest.mark.parametrize(
    ("context", "fields", "field"),
    [
        (CONTEXT, {"max_hold_sessions": 0}, "max_hold_sessions"),
        (CONTEXT, {"max_hold_sessions": 1.5}, "max_hold_sessions"),
        (CONTEXT, {"max_hold_sessions": True}, "max_hold_sessions"),
        (CONTEXT, {"max_hold_sessions": "2"}, "max_hold_sessions"),
        (CONTEXT, {"max_hold_sessions": 9999}, "max_hold_sessions"),
        (CONTEXT, {"max_hold_sessions": 2, "max_hold_minutes": 5}, "max_hold_sessions"),
        (CLOCK, {"max_hold_sessions": 2}, "max_hold_sessions"),
        (CONTEXT, {"max_hold_minutes": 1e-9}, "max_hold_minutes"),
    ],
)
def test_a_hold_that_cannot_be_read_is_refused(context: DecisionContext, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(DecisionError) as refused:
        decide(context, datetime(2025, 11, 3, tzinfo=UTC), **fields)
    assert refused.value.field == field


def test_a_hold_beyond_what_the_calendar_knows_is_refused() -> None:
    shanghai = DecisionContext(CLOCK.received_at, "v1", 60, ZoneInfo("UTC"), None, hours=calendar_of("XSHG"))
    with pytest.raises(DecisionError, match="beyond the sessions that the calendar knows"):
        decide(shanghai, datetime(2025, 11, 3, tzinfo=UTC), max_hold_sessions=2_600)


def test_a_calendar_that_is_not_listed_is_refused_with_names_that_are() -> None:
    with pytest.raises(ScorekeeperError, match="CALENDAR=NYC: no such calendar; write one such as XNYS"):
        calendar_of("NYC")
    assert calendar_of("") is None

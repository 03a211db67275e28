"""The daily series of a market that closes, compared with a plain count over New York's sessions and Sydney's."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.metrics.daily_series import daily_series
from scorekeeper.metrics.day_sums import DaySums, extend
from scorekeeper.metrics.formulas import compose_system
from scorekeeper.metrics.market_days import days_of
from scorekeeper.metrics.series_days import EVERY_DAY, last_boundary
from scorekeeper.verify.market_year import market_year
from scorekeeper.verify.recount import MarketYear, differ
from tests import reference_terms
from tests.plain_counts import ClosedTrade, count_day, count_system

NEW_YORK = days_of("XNYS")
CLOSES_ON = [session.closes_at.date() for session in reference_terms.sessions()]
# Thanksgiving, a half day, weekends, Christmas; exits on closed days too.
TRADES = st.lists(
    st.builds(
        lambda number, hour, gain: ClosedTrade(
            f"t{number}", at := datetime(2025, 11, 20, tzinfo=UTC) + timedelta(hours=hour), at, gain, max(gain, 0.0),
            min(gain, 0.0),
        ),
        st.integers(0, 10**6), st.integers(0, 45 * 24), st.floats(-9, 9).map(lambda gain: round(gain, 6)),
    ),
    max_size=40, unique_by=lambda trade: trade.trade_id,
)  # fmt: skip


def by_day(trades: list[ClosedTrade]) -> list[DaySums]:
    days: dict[date, list[ClosedTrade]] = {}
    for trade in trades:
        days.setdefault(trade.exit_time.date(), []).append(trade)
    return [DaySums(day, **count_day(closed)) for day, closed in sorted(days.items())]


@given(TRADES, st.integers(0, 45))
def test_sessions_compose_to_what_a_plain_count_gives_also_in_two_parts(trades: list[ClosedTrade], cut: int) -> None:
    days = by_day(trades)
    assert differ(compose_system(days, NEW_YORK), count_system(trades, MarketYear(CLOSES_ON, 252))) == []
    until = last_boundary(date(2025, 11, 20) + timedelta(days=cut), NEW_YORK)
    older, rest = ([one for one in days if (one.day < until) is early] for early in (True, False))
    assert extend(extend(None, older, NEW_YORK), rest, NEW_YORK) == extend(None, days, NEW_YORK)


def test_a_week_of_daily_gains_is_five_days_and_annualised_by_252() -> None:
    gains = {date(2025, 12, 1) + timedelta(days=day): Decimal(day % 2) for day in (0, 1, 2, 3, 4, 7)}
    assert daily_series(gains, NEW_YORK) == [Decimal(one) for one in (0, 1, 0, 1, 0, 1)]
    assert len(daily_series(gains)) == 8
    trades = [
        ClosedTrade(f"t{day}", at := datetime(day.year, day.month, day.day, 20, tzinfo=UTC), at, float(gain), 9.0, -9.0)
        for day, gain in gains.items()
    ]
    answer, every_day = compose_system(by_day(trades), NEW_YORK), compose_system(by_day(trades), EVERY_DAY)
    mean, variance = 0.5, 0.3
    assert answer["sharpe"] == pytest.approx(mean / variance**0.5 * 252**0.5)
    assert answer["volatility_pct"] == pytest.approx(variance**0.5 * 252**0.5)
    assert every_day["sharpe"] != pytest.approx(answer["sharpe"])


def test_what_is_earned_on_a_closed_day_counts_to_the_next_session() -> None:
    friday, saturday, monday = date(2025, 12, 5), date(2025, 12, 6), date(2025, 12, 8)
    gains = {friday: Decimal(1), saturday: Decimal(2), monday: Decimal(4)}
    assert daily_series(gains, NEW_YORK) == [Decimal(1), Decimal(6)]
    assert last_boundary(monday, NEW_YORK) == saturday
    # Sydney's Monday begins on Sunday, UTC.
    assert daily_series({date(2025, 12, 7): Decimal(1), monday: Decimal(1)}, days_of("XASX")) == [Decimal(2)]


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XTKS", "XASX", "CMES", "24/7"])
def test_both_ways_to_ask_for_closing_days_agree(name: str) -> None:
    ours, first, last = days_of(name), date(2025, 3, 1), date(2026, 1, 31)
    theirs = market_year(name, first, last)
    assert theirs is not None
    assert theirs.days_a_year == ours.a_year
    closes = [day for day in theirs.closes_on if first <= day <= last]
    assert ours.count(first, last) == len(closes)
    assert all(ours.of(day) == day for day in closes)

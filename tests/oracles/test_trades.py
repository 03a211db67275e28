"""Figures over trades, against nautilus, statsmodels, freqtrade, quantstats, scipy and backtesting.py."""

import math

import numpy as np
import pandas as pd
import pytest
import quantstats.stats
from backtesting._stats import compute_stats
from cases import EDGES, EVERY_CASE, START, TIGHT, Trades
from freqtrade.data.metrics import calculate_expectancy, calculate_max_drawdown
from nautilus_trader.analysis import Expectancy, WinRate
from scipy.stats import ttest_1samp
from statsmodels.stats.proportion import proportion_confint

each_case = pytest.mark.parametrize("trades", EVERY_CASE.values(), ids=EVERY_CASE.keys())


def table(trades: Trades) -> pd.DataFrame:
    """As freqtrade takes them: one row for each exit."""
    return pd.DataFrame({"close_date": pd.DatetimeIndex(trades.exits), "profit_abs": trades.series})


def small(trades: Trades) -> pd.Series:
    """For quantstats, which takes gains above 1 for prices: ratios know no scale."""
    return trades.series / 1e6


@each_case
def test_win_rate_is_nautilus(trades: Trades) -> None:
    ours, theirs = trades.figures["win_rate"], WinRate().calculate_from_realized_pnls(trades.series)
    if not trades.gains:
        assert (ours, theirs) == (None, 0.0)
    else:
        assert ours == pytest.approx(100 * theirs, rel=TIGHT)


@each_case
def test_interval_of_the_win_rate_is_statsmodels(trades: Trades) -> None:
    ours = trades.figures["win_rate_ci95"]
    n, won = len(trades.gains), sum(gain > 0 for gain in trades.gains)
    if not n:
        assert ours is None
        return
    theirs = proportion_confint(won, n, alpha=0.05, method="wilson")
    assert ours == pytest.approx([100 * bound for bound in theirs], rel=TIGHT, abs=1e-12)


@each_case
def test_expectancy_is_freqtrade_and_nautilus(trades: Trades) -> None:
    ours = trades.figures["expectancy_pct"]
    theirs = calculate_expectancy(table(trades))[0], Expectancy().calculate_from_realized_pnls(trades.series)
    if not trades.gains:
        assert ours is None
        assert theirs == (0.0, 0.0)
        return
    size = np.abs(trades.gains).mean()  # what the terms that cancel are as large as
    assert ours == pytest.approx(theirs[0], rel=TIGHT, abs=1e-12 * size)
    assert ours == pytest.approx(theirs[1], rel=TIGHT, abs=1e-12 * size)


@each_case
def test_expectancy_ratio_is_freqtrade_where_nothing_breaks_even(trades: Trades) -> None:
    ours, theirs = trades.figures["expectancy_ratio"], calculate_expectancy(table(trades))[1]
    if not any(gain < 0 for gain in trades.gains):
        assert (ours, theirs) == (None, 100.0)
    elif 0.0 not in trades.gains:
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


def test_with_break_even_trades_freqtrade_calls_a_gain_a_loss() -> None:
    trades = Trades(EDGES["with break-even"].exits[:4], [1.0, 0.0, 0.0, -0.9])
    assert calculate_expectancy(table(trades))[1] < 0 < trades.figures["expectancy_ratio"]


@each_case
def test_payoff_ratio_is_quantstats(trades: Trades) -> None:
    ours, theirs = trades.figures["payoff_ratio"], quantstats.stats.payoff_ratio(small(trades), prepare_returns=False)
    if ours is None:
        assert not theirs > 0  # nan, 0
        assert not any(gain > 0 for gain in trades.gains) or not any(gain < 0 for gain in trades.gains)
    else:
        assert ours == pytest.approx(theirs, rel=TIGHT)


@each_case
def test_profit_factor_is_quantstats(trades: Trades) -> None:
    ours, theirs = trades.figures["profit_factor"], quantstats.stats.profit_factor(small(trades), prepare_returns=False)
    if not any(gain < 0 for gain in trades.gains):
        assert ours is None
        assert theirs in (0.0, math.inf)
    else:
        assert ours == pytest.approx(theirs, rel=TIGHT)


def test_quantstats_takes_gains_over_100_percent_for_prices() -> None:
    trades = EDGES["gains over 100 %"]
    assert quantstats.stats.avg_return(trades.series) != pytest.approx(trades.figures["expectancy_pct"], rel=0.1)
    assert trades.figures["avg_profit_pct"] == pytest.approx(trades.series.mean(), rel=TIGHT)


@each_case
def test_sqn_is_the_t_statistic_of_scipy(trades: Trades) -> None:
    ours = trades.figures["sqn"]
    if len(trades.gains) < 2:
        assert ours is None
        return
    theirs = ttest_1samp(trades.gains, 0.0).statistic
    if len(set(trades.gains)) == 1:
        assert ours is None
        assert not abs(theirs) < 1e6  # nan, infinite or rounding over rounding
    else:
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


@each_case
def test_kelly_is_backtesting_py(trades: Trades) -> None:
    ours = trades.figures["kelly"]
    theirs = backtesting_stats(trades)["Kelly Criterion"]
    if ours is None:
        assert math.isnan(theirs)
    else:
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


def backtesting_stats(trades: Trades) -> pd.Series:
    """The statistics of backtesting.py over the trades; it wants bars and equity too."""
    n = len(trades.gains)
    exits = pd.DatetimeIndex(trades.exits).tz_localize(None) if n else pd.DatetimeIndex([])
    start = START.replace(tzinfo=None)
    bars = pd.DataFrame(
        {"Close": 1.0}, index=pd.DatetimeIndex([start, *(start + (exits - start) + pd.Timedelta("1s"))])
    )
    rows = pd.DataFrame(
        {
            "EntryBar": range(n), "ExitBar": range(n), "PnL": trades.series, "ReturnPct": trades.series / 1e6,
            "EntryTime": exits - pd.Timedelta("1h"), "ExitTime": exits,
            "Duration": pd.Series([pd.Timedelta("1h")] * n, dtype="timedelta64[ns]"),
        }
    )  # fmt: skip
    equity = 1e6 + np.concatenate([[0.0], np.cumsum(trades.gains)])
    return compute_stats(rows, equity, bars, None)


@each_case
def test_drawdown_is_freqtrade(trades: Trades) -> None:
    ours = trades.figures
    if not trades.gains:
        assert (ours["max_drawdown_pct"], ours["current_drawdown_pct"]) == (None, None)
        with pytest.raises(ValueError, match="empty"):
            calculate_max_drawdown(table(trades))
        return
    theirs = calculate_max_drawdown(table(trades))
    size = np.abs(trades.gains).sum()
    assert ours["max_drawdown_pct"] == pytest.approx(theirs.drawdown_abs, rel=TIGHT, abs=1e-12 * size)
    assert ours["current_drawdown_pct"] == pytest.approx(theirs.current_drawdown_abs, rel=TIGHT, abs=1e-12 * size)


def test_trades_that_close_at_once_are_one_step_of_the_path() -> None:
    at_once = Trades([START] * 3, [2.0, -5.0, 4.0])
    assert at_once.figures["max_drawdown_pct"] == 0.0
    one_by_one = Trades([START + pd.Timedelta(minutes=n) for n in range(3)], [2.0, -5.0, 4.0])
    assert one_by_one.figures["max_drawdown_pct"] == 5.0

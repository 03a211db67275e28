"""Figures of the daily series, against empyrical and skfolio."""

import math

import empyrical
import numpy as np
import pytest
from cases import EDGES, EVERY_CASE, TIGHT, Trades
from freqtrade.data.metrics import calculate_sharpe
from skfolio.measures import probabilistic_sharpe_ratio
from test_trades import table

each_case = pytest.mark.parametrize("trades", EVERY_CASE.values(), ids=EVERY_CASE.keys())


def is_constant(days: np.ndarray) -> bool:
    return len(days) < 2 or float(np.ptp(days)) < 1e-12


@each_case
def test_sharpe_is_empyrical(trades: Trades) -> None:
    days, ours = trades.daily, trades.figures["sharpe"]
    theirs = empyrical.sharpe_ratio(days, annualization=365)
    if is_constant(days):
        assert ours is None
        assert not abs(theirs) < 1e6  # nan, infinite, or rounding over rounding
    else:
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


@each_case
def test_sortino_is_empyrical(trades: Trades) -> None:
    days, ours = trades.daily, trades.figures["sortino"]
    theirs = empyrical.sortino_ratio(days, annualization=365)
    if len(days) < 2 or not (days < 0).any():
        assert ours is None
        assert not math.isfinite(theirs)
    else:
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


@each_case
def test_volatility_is_empyrical(trades: Trades) -> None:
    days, ours = trades.daily, trades.figures["volatility_pct"]
    theirs = empyrical.annual_volatility(days, annualization=365)
    if len(days) < 2:
        assert ours is None
        assert math.isnan(theirs)
    else:
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


@each_case
def test_calmar_is_the_mean_of_a_year_over_the_drawdown(trades: Trades) -> None:
    days, ours = trades.daily, trades.figures
    fall = ours["max_drawdown_pct"]
    if len(days) < 2 or not fall:
        assert ours["calmar"] is None
    else:
        assert ours["calmar"] == pytest.approx(days.mean() * 365 / fall, rel=TIGHT, abs=1e-12)


@each_case
def test_value_at_risk_is_empyrical(trades: Trades) -> None:
    days, ours = trades.daily, trades.figures["var95_pct"]
    if len(days) < 20:
        assert ours is None
    else:
        assert ours == pytest.approx(empyrical.value_at_risk(days, cutoff=0.05), rel=TIGHT, abs=1e-12)


@each_case
def test_conditional_value_at_risk_is_the_mean_of_the_days_at_or_below_it(trades: Trades) -> None:
    days, ours = trades.daily, trades.figures
    if len(days) < 20:
        assert ours["cvar95_pct"] is None
    else:
        tail = days[days <= ours["var95_pct"] + 1e-12]
        assert ours["cvar95_pct"] == pytest.approx(tail.mean(), rel=TIGHT, abs=1e-12)
        assert ours["cvar95_pct"] <= ours["var95_pct"] + 1e-12


@each_case
def test_probabilistic_sharpe_is_skfolio(trades: Trades) -> None:
    days, ours = trades.daily, trades.figures["psr"]
    if len(days) < 20 or is_constant(days):
        assert ours is None
    else:
        assert ours == pytest.approx(probabilistic_sharpe_ratio(days), rel=1e-8, abs=1e-12)


def test_of_constant_days_skfolio_has_no_probabilistic_sharpe_either() -> None:
    assert math.isnan(probabilistic_sharpe_ratio(EDGES["break-even only"].daily))


def test_without_its_idle_days_a_sharpe_is_several_times_too_large() -> None:
    trades = EDGES["idle days"]
    worked = empyrical.sharpe_ratio(np.array(trades.gains), annualization=365)
    assert worked > 2 * trades.figures["sharpe"] > 0


def test_freqtrade_sharpe_grows_with_the_number_of_trades_a_day() -> None:
    once = Trades(EDGES["two days"].exits * 50, [1.0, -0.5] * 50)
    split = Trades(once.exits * 4, [gain / 4 for gain in once.gains] * 4)
    first, last = min(once.exits), max(once.exits)
    theirs = [calculate_sharpe(table(t), first, last, 1_000.0) for t in (once, split)]
    assert theirs[1] == pytest.approx(4 * theirs[0])
    assert once.figures["sharpe"] == pytest.approx(split.figures["sharpe"], rel=TIGHT)

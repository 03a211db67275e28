"""Figures of the analysis, against skfolio, statsmodels, scipy and pandas."""

import math
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from cases import EVERY_CASE, TIGHT, Trades
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from skfolio.measures import deflated_sharpe_ratio, expected_max_sharpe_ratio, probabilistic_sharpe_ratio
from statsmodels.stats.multitest import multipletests

from scorekeeper.analysis.attribution import information_coefficient
from scorekeeper.analysis.comparisons import adjust
from scorekeeper.analysis.intervals import robust_mean
from scorekeeper.analysis.sharpe import daily_sharpe, deflated_sharpe, luck_of_the_best
from scorekeeper.metrics.daily_series import daily_series

TRIED = {"two": [0.1, -0.05], "alike": [0.2, 0.2, 0.2], "many": list(np.random.default_rng(1).normal(0, 0.1, 40))}


def series_of(trades: Trades) -> list[Decimal]:
    first = date(2025, 3, 1)
    return daily_series({first + timedelta(days=n): Decimal(repr(float(x))) for n, x in enumerate(trades.daily)})


@pytest.mark.parametrize("tried", TRIED.values(), ids=TRIED.keys())
@pytest.mark.parametrize("trades", EVERY_CASE.values(), ids=EVERY_CASE.keys())
def test_deflated_sharpe_is_skfolio(trades: Trades, tried: list[float]) -> None:
    days, ours = trades.daily, deflated_sharpe(series_of(trades), tried)
    if len(days) < 20 or float(np.ptp(days)) < 1e-12:
        assert ours is None
    else:
        assert ours == pytest.approx(deflated_sharpe_ratio(days, tried), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("tried", TRIED.values(), ids=TRIED.keys())
def test_the_luck_of_the_best_is_skfolio(tried: list[float]) -> None:
    spread = float(np.std(tried, ddof=1))
    theirs = expected_max_sharpe_ratio(n_trials=len(tried), trial_sharpe_ratio_std=spread)
    assert luck_of_the_best(tried) == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


def test_one_version_has_no_deflated_sharpe_where_skfolio_has_a_probabilistic() -> None:
    trades = EVERY_CASE["all wins"]
    assert deflated_sharpe(series_of(trades), [0.3]) is None
    assert deflated_sharpe_ratio(trades.daily, [0.3]) == probabilistic_sharpe_ratio(trades.daily)


@pytest.mark.parametrize("trades", EVERY_CASE.values(), ids=EVERY_CASE.keys())
def test_daily_sharpe_is_the_mean_over_the_sample_deviation(trades: Trades) -> None:
    days, ours = trades.daily, daily_sharpe(series_of(trades))
    if len(days) < 2 or float(np.ptp(days)) < 1e-12:
        assert ours is None
    else:
        assert ours == pytest.approx(stats.ttest_1samp(days, 0).statistic / math.sqrt(len(days)), rel=1e-8, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_p_values_are_statsmodels(p_values: list[float]) -> None:
    assert adjust(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1], rel=TIGHT, abs=1e-12)


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-9, 9)), min_size=3, max_size=60))
def test_the_information_coefficient_is_pandas_and_none_where_that_is_nan(
    pairs: list[tuple[float, float]],
) -> None:
    weight, returns = (np.array(side) for side in zip(*pairs, strict=True))
    ours = information_coefficient(weight, returns)
    theirs = pd.Series(weight).rank().corr(pd.Series(returns).rank())
    if math.isnan(theirs):
        assert ours is None
    else:
        assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_robust_mean_is_scipys_t_over_eight_means(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values, opened = chance.standard_t(3, 8 * 25), np.arange(8 * 25) * 60.0
    ours = robust_mean(values, opened, opened + 60)
    theirs = stats.ttest_1samp(values.reshape(8, 25).mean(axis=1), 0)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert ours.ci95 == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-9)

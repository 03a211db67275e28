"""Figures that need no more than scipy.special are those of scipy.stats, bit by bit: importing that takes a second."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from scorekeeper.analysis.attribution import information_coefficient
from scorekeeper.analysis.comparisons import adjust

FEW = st.sampled_from([0.0, 1.0, 1.5, -2.0, 3.25])
VALUES = st.one_of(FEW, st.floats(-1e9, 1e9))


@given(st.lists(st.floats(0, 1), max_size=60))
def test_adjusted_p_values(p_values: list[float]) -> None:
    wanted = stats.false_discovery_control(p_values).tolist() if p_values else []
    assert adjust(p_values) == wanted


@given(st.lists(st.tuples(VALUES, VALUES), min_size=3, max_size=80))
def test_the_rank_correlation(pairs: list[tuple[float, float]]) -> None:
    weight, returns = np.array(pairs).T
    found = information_coefficient(weight, returns)
    if np.ptp(weight) and np.ptp(returns):
        assert found == float(stats.spearmanr(weight, returns).statistic)
    else:
        assert found is None


@pytest.mark.parametrize("freedom", [1.0, 7.0, 7.3, 19.8, 500.2, 1e6])
def test_tails_of_student_and_of_the_normal(freedom: float) -> None:
    at = np.concatenate([np.linspace(0, 12, 500), [40.0, 1e9, np.inf]])
    assert (special.stdtr(freedom, -at) == stats.t.sf(at, freedom)).all()
    assert special.stdtrit(freedom, 0.975) == stats.t.ppf(0.975, freedom)
    assert (special.ndtr(-at) == stats.norm.sf(at)).all()

"""What may be concluded from means that stand beside each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scorekeeper.analysis.comparisons import adjust, compare_apart, compare_paired, judge
from scorekeeper.analysis.intervals import RobustMean, robust_mean
from scorekeeper.analysis.sharpe import deflated_sharpe, luck_of_the_best

P_VALUES = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=12)


@given(P_VALUES)
def test_adjusted_p_values_are_benjamini_and_hochbergs_by_hand(p_values: list[float | None]) -> None:
    known = sorted(p for p in p_values if p is not None)
    m = len(known)
    for p, found in zip(p_values, adjust(p_values), strict=True):
        if p is None:
            assert found is None
        else:
            close_requests = min(min(1.0, known[rank] * m / (rank + 1)) for rank in range(m) if known[rank] >= p)
            assert found == pytest.approx(close_requests, abs=1e-12)


@given(P_VALUES)
def test_adjusting_never_makes_a_p_value_smaller_nor_changes_their_order(p_values: list[float | None]) -> None:
    both = [(p, q) for p, q in zip(p_values, adjust(p_values), strict=True) if p is not None and q is not None]
    assert all(q >= p - 1e-15 for p, q in both)
    in_order = [q for _, q in sorted(both)]
    assert in_order == sorted(in_order)


def claim_of(mean: float, half: float, p: float) -> tuple[RobustMean, float]:
    return RobustMean(mean, 400, 100, (mean - half, mean + half), p), 0.0


def test_a_verdict_needs_an_interval_without_the_value_and_a_small_adjusted_p() -> None:
    sure, unlikely, unsure = claim_of(1, 0.5, 0.001), claim_of(-1, 0.9, 0.04), claim_of(1, 2, 0.4)
    assert [one.verdict for one in judge([sure, unlikely, unsure])] == ["above", None, None]
    assert [one.verdict for one in judge([unlikely])] == ["below"]
    nothing = RobustMean(1.0, 54, 11, None, None), 0.0
    assert [one.verdict for one in judge([nothing, sure])] == [None, "above"]
    assert judge([nothing])[0].p_adjusted is None
    assert judge([]) == []


def spans(n: int) -> tuple[np.ndarray, np.ndarray]:
    opened = np.arange(n) * 60.0
    return opened, opened + 60


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=24, max_size=60))
def test_a_paired_difference_turned_round_is_its_negative(pairs: list[tuple[float, float]]) -> None:
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    there, back = (compare_paired(*way, *spans(len(pairs))) for way in ((one, other), (other, one)))
    assert there.mean == pytest.approx(-(back.mean or 0), abs=1e-12)
    assert there.p == pytest.approx(back.p, abs=1e-9)
    if there.ci95 is not None and back.ci95 is not None:
        assert there.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]), abs=1e-9)


def test_means_that_do_not_belong_together_are_compared_by_welch() -> None:
    chance = np.random.default_rng(2)
    one, other = chance.normal(1, 1, 80), chance.normal(0, 3, 160)
    found = compare_apart(robust_mean(one, *spans(80)), robust_mean(other, *spans(160)))
    means = one.reshape(8, 10).mean(axis=1), other.reshape(8, 20).mean(axis=1)
    theirs = stats.ttest_ind(*means, equal_var=False)
    assert found.mean == pytest.approx(means[0].mean() - means[1].mean())
    assert found.p == pytest.approx(theirs.pvalue)
    assert found.ci95 == pytest.approx(tuple(theirs.confidence_interval()))
    assert (found.n, found.independent) == (240, 80)
    empty = robust_mean(np.empty(0), np.empty(0), np.empty(0))
    assert compare_apart(robust_mean(one, *spans(80)), empty) == RobustMean(None, 80, 0, None, None)


def test_a_sharpe_ratio_is_deflated_by_two_versions_or_more() -> None:
    from decimal import Decimal

    series = [Decimal(x) for x in ("1", "-0.5", "0.25", "0.75", "-0.1") * 6]
    assert deflated_sharpe(series, [0.3]) is None
    assert luck_of_the_best([0.3]) is None
    few, many = deflated_sharpe(series, [0.1, 0.2]), deflated_sharpe(series, [0.1, 0.2] * 20)
    assert few is not None
    assert many is not None
    assert many < few  # the more were tried, the less the best of them says
    assert deflated_sharpe(series[:19], [0.1, 0.2]) is None

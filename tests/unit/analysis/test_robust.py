"""Intervals that hold when trades overlap: laws, and a plain reference."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from scorekeeper.analysis.intervals import (
    GROUPS,
    T95,
    count_independent,
    group_means,
    robust_gap,
    robust_mean,
    robust_rate,
)
from scorekeeper.metrics.formulas import wilson

HOUR = 3600.0
spans = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), max_size=7)
values = st.lists(st.integers(-9_000, 9_000).map(lambda v: v / 1024), min_size=20, max_size=90)


def apart(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n spans of an hour, one after the other."""
    opened = np.arange(n) * HOUR
    return opened, opened + HOUR


def overlap(a: tuple[float, float], b: tuple[float, float]) -> bool:
    """Half-open spans; two empty ones at the same instant overlap too."""
    return a == b or (a[0] < b[1] and b[0] < a[1])


@given(spans)
def test_as_many_are_independent_as_the_largest_choice_without_overlap(lengths: list[tuple[int, int]]) -> None:
    each = [(float(start), float(start + length)) for start, length in lengths]
    opened, closed = [s[0] for s in each], [s[1] for s in each]
    best = max(
        size
        for size in range(len(each) + 1)
        for chosen in itertools.combinations(each, size)
        if not any(overlap(a, b) for a, b in itertools.combinations(chosen, 2))
    ) if each else 0  # fmt: skip
    assert count_independent(opened, closed) == best


def test_a_decision_every_390_seconds_held_for_an_hour_overlaps_nine_others() -> None:
    opened = np.arange(540) * 390.0
    assert count_independent(opened, opened + HOUR) == 54


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=70))
def test_groups_are_eight_equal_cuts_of_every_value_taken_eight_times(given_values: list[float]) -> None:
    x = np.array(given_values)
    assert group_means(x) == pytest.approx(np.repeat(x, 8).reshape(8, len(x)).mean(axis=1), abs=1e-6)


@given(values)
def test_the_interval_is_students_t_over_the_groups(given_values: list[float]) -> None:
    x = np.array(given_values)
    groups = np.repeat(x, 8).reshape(8, len(x)).mean(axis=1)
    answer = robust_mean(x, *apart(len(x)), null=0.25)
    assert answer.mean == pytest.approx(x.mean())
    assert (answer.n, answer.independent) == (len(x), len(x))
    if np.ptp(x) == 0:
        assert (answer.ci95, answer.p) == (None, None)
        return
    assume(np.ptp(groups) > 1e-9)
    plain = stats.ttest_1samp(groups, 0.25)
    assert answer.ci95 == pytest.approx(tuple(plain.confidence_interval(0.95)), rel=1e-9, abs=1e-9)
    assert answer.p == pytest.approx(plain.pvalue, rel=1e-6)


@given(values, st.sampled_from([-4.0, -1.0, 0.5, 2.0]), st.integers(-8, 8))
def test_it_moves_and_stretches_with_the_values(given_values: list[float], scale: float, shift: int) -> None:
    x = np.array(given_values)
    once, moved = robust_mean(x, *apart(len(x))), robust_mean(x * scale + shift, *apart(len(x)), null=shift)
    if once.ci95 is None:
        assert moved.ci95 is None
    else:
        ends = sorted(end * scale + shift for end in once.ci95)
        assert moved.ci95 == pytest.approx(tuple(ends), abs=1e-9)
        assert moved.p == pytest.approx(once.p, rel=1e-6)


@given(values, st.randoms(use_true_random=False))
def test_the_order_in_which_trades_are_given_does_not_matter(given_values: list[float], chance: object) -> None:
    x = np.array(given_values)
    order = np.random.default_rng(len(x)).permutation(len(x))
    opened, closed = apart(len(x))
    assert robust_mean(x[order], opened[order], closed[order]) == robust_mean(x, opened, closed)


hits = st.lists(st.booleans(), min_size=20, max_size=90).map(lambda flags: np.array(flags) * 100.0)


@given(hits, st.sampled_from([10.0, 50.0, 64.0]))
def test_a_rates_interval_holds_what_the_scaled_error_does_not_reject(x: np.ndarray, null: float) -> None:
    answer = robust_rate(x, *apart(len(x)), null=null)
    groups = np.repeat(x, 8).reshape(8, len(x)).mean(axis=1)
    if np.ptp(x) == 0:
        assert answer.ci95 == tuple(wilson(int(x.sum() / 100), len(x)) or ())
        return
    if np.ptp(groups) < 1e-9:
        assert (answer.ci95, answer.p) == (None, None)
        return
    assert answer.ci95 is not None
    assert answer.p is not None
    assert answer.mean is not None
    low, high = answer.ci95
    assert 0 <= low <= answer.mean <= high <= 100
    error = groups.std(ddof=1) / math.sqrt(8) * math.sqrt(null * (100 - null) / (answer.mean * (100 - answer.mean)))
    assert answer.p == pytest.approx(2 * stats.t.sf(abs(answer.mean - null) / error, 7), rel=1e-6)
    if abs(answer.p - 0.05) > 1e-9:
        assert (answer.p < 0.05) == (not low <= null <= high)


@given(hits)
def test_losses_mirror_wins(x: np.ndarray) -> None:
    wins, losses = robust_rate(x, *apart(len(x))), robust_rate(100 - x, *apart(len(x)))
    if wins.ci95 is None or losses.ci95 is None:
        assert wins.ci95 == losses.ci95
    else:
        assert losses.ci95 == pytest.approx((100 - wins.ci95[1], 100 - wins.ci95[0]), abs=1e-6)
        assert losses.p == pytest.approx(wins.p, rel=1e-6)


said = st.lists(st.tuples(st.integers(1, 99), st.booleans()), min_size=20, max_size=90)


@given(said)
def test_a_gap_is_what_was_said_less_the_rates_that_its_error_does_not_reject(calls: list[tuple[int, bool]]) -> None:
    stated, right = np.array([c for c, _ in calls], dtype=float), np.array([100.0 * y for _, y in calls])
    answer = robust_gap(stated, right, *apart(len(calls)))
    plain = robust_mean(stated - right, *apart(len(calls)))
    assert (answer.mean, answer.n, answer.independent) == (plain.mean, plain.n, plain.independent)
    if np.ptp(right) == 0:
        low, high = wilson(int(right.sum() / 100), len(calls)) or (0.0, 100.0)
        assert answer.ci95 == (stated.mean() - high, stated.mean() - low)
        return
    if plain.ci95 is None or answer.ci95 is None or answer.mean is None or answer.p is None:
        assert (plain.ci95, answer.ci95, answer.p) == (None, None, None)
        return
    error = (plain.ci95[1] - plain.ci95[0]) / 2 / stats.t.ppf(0.975, 7)
    rate, expected = right.mean(), stated.mean()
    at_zero = error * math.sqrt(expected * (100 - expected) / (rate * (100 - rate)))
    assert answer.p == pytest.approx(2 * stats.t.sf(abs(answer.mean) / at_zero, 7), rel=1e-6)
    low, high = answer.ci95
    assert low <= answer.mean <= high
    if abs(answer.p - 0.05) > 1e-9:
        assert (answer.p < 0.05) == (not low <= 0 <= high)


@pytest.mark.parametrize(("right", "p"), [(100.0, 1.0), (0.0, 0.0)])
def test_who_is_always_certain_is_right_or_refuted(right: float, p: float) -> None:
    answer = robust_gap(np.full(30, 100.0), np.full(30, right), *apart(30))
    assert (answer.mean, answer.p) == (100.0 - right, p)
    assert answer.ci95 is not None
    assert (answer.ci95[0] <= 0 <= answer.ci95[1]) == (p == 1)


def test_a_gap_is_between_percents_and_hits() -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        robust_gap(np.full(30, 101.0), np.full(30, 100.0), *apart(30))
    with pytest.raises(ValueError, match="0 or 100"):
        robust_gap(np.full(30, 50.0), np.full(30, 1.0), *apart(30))
    assert robust_gap([], [], [], []).mean is None


def test_below_twenty_independent_trades_nothing_is_said() -> None:
    x = np.arange(300.0)
    opened = np.arange(300) * HOUR / 16
    answer = robust_mean(x, opened, opened + HOUR)
    assert (answer.n, answer.independent, answer.mean) == (300, 19, 149.5)
    assert (answer.ci95, answer.p) == (None, None)


def test_over_nothing_everything_is_undefined() -> None:
    answer = robust_mean([], [], [])
    assert (answer.mean, answer.n, answer.independent, answer.ci95, answer.p) == (None, 0, 0, None, None)


def test_wins_alone_are_judged_by_those_that_are_independent() -> None:
    opened = np.arange(500) * 390.0
    answer = robust_rate(np.full(500, 100.0), opened, opened + HOUR)
    assert (answer.mean, answer.independent) == (100.0, 50)
    assert answer.ci95 == tuple(wilson(50, 50) or ())
    assert answer.p == pytest.approx(2 * stats.norm.sf(math.sqrt(50)))


@pytest.mark.parametrize("wrong", [[math.nan] * 30, [math.inf] * 30, [1.0] * 29])
def test_what_is_no_number_or_has_no_partner_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match=r"finite|differ"):
        robust_mean(wrong, *apart(30))


def test_a_rate_is_of_hits_and_misses_only() -> None:
    with pytest.raises(ValueError, match="0 or 100"):
        robust_rate([1.0] * 30, *apart(30))


def test_the_percentile_that_is_written_down_is_that_of_scipy() -> None:
    assert float(stats.t.ppf(0.975, GROUPS - 1)) == T95

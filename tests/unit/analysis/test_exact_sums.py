"""Fast sums, counts and ranks are those of the plain definition, to the last bit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scorekeeper.analysis.attribution import count_signals, mean_ranks, number, votes
from scorekeeper.analysis.exact_sums import exact_sum
from scorekeeper.analysis.intervals import Spans, count_independent, mean_over, robust_mean

ANY = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e290, max_value=1e290)
MOMENTS = st.integers(0, 40).map(float)
SPANS = st.lists(st.tuples(MOMENTS, st.integers(0, 9).map(float)), max_size=60)


@given(st.lists(ANY, max_size=50))
def test_an_exact_sum_is_fsum_of_any_doubles(values: list[float]) -> None:
    assert exact_sum(np.array(values)) == math.fsum(values)


@pytest.mark.parametrize("seed", range(5))
def test_an_exact_sum_of_many_values_of_any_size_is_fsum(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = chance.normal(0.02, 1, 40_000) * 10.0 ** chance.integers(-seed * 5, seed * 5 + 1, 40_000)
    assert exact_sum(values) == math.fsum(values)
    assert exact_sum(values[::3]) == math.fsum(values[::3])


@pytest.mark.parametrize("last", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("count", [1, 40_000])
def test_an_exact_sum_of_what_is_not_finite_is_not_finite_either(last: float, count: int) -> None:
    assert str(exact_sum(np.append(np.full(count, 0.1), last))) == str(last)


@given(SPANS)
def test_as_many_spans_are_independent_as_the_textbooks_loop_chooses(spans: list[tuple[float, float]]) -> None:
    chosen: tuple[float, float] | None = None
    count = 0
    for span in sorted(((start, start + length) for start, length in spans), key=lambda span: (span[1], span[0])):
        if chosen is None or (span[0] >= chosen[1] and span != chosen):
            count, chosen = count + 1, span
    assert count_independent([start for start, _ in spans], [start + length for start, length in spans]) == count


@given(st.lists(st.tuples(MOMENTS, ANY, st.booleans()), min_size=1, max_size=60))
def test_a_mean_over_some_of_the_spans_is_that_of_these_alone(rows: list[tuple[float, float, bool]]) -> None:
    opened, values = (np.array([row[place] for row in rows]) for place in (0, 1))
    some = np.array([row[2] for row in rows])
    spans = Spans(opened, opened + 3)
    assert mean_over(spans, values) == robust_mean(values, opened, opened + 3)
    assert mean_over(spans.of(some), values[some]) == robust_mean(values[some], opened[some], opened[some] + 3)


@given(st.lists(st.one_of(st.integers(-100, 100).map(float), ANY), min_size=1, max_size=50))
def test_numbers_have_the_mean_ranks_of_the_values(values: list[float]) -> None:
    given_values = np.array(values)
    assert mean_ranks(number(given_values)).tolist() == stats.rankdata(given_values).tolist()


def test_votes_and_counts_in_slices_are_those_of_the_whole() -> None:
    chance = np.random.default_rng(3)
    decision = np.sort(chance.integers(0, 300_000, 500_000)).astype(np.int32)
    weight = chance.integers(-100, 101, 500_000) / 8
    whole = np.sign(np.bincount(decision, weights=weight, minlength=300_000))
    np.testing.assert_array_equal(votes(decision, weight, 300_000), whole)
    agents = chance.integers(0, 7, 500_000).astype(np.int16)
    assert count_signals(agents, 9) == np.bincount(agents, minlength=9).tolist()

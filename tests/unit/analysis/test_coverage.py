"""A small version of benchmarks/coverage.py: what the intervals promise, they hold. Fixed seeds; some seconds."""

import pytest

from benchmarks import planted
from benchmarks.coverage import QUESTIONS, Question, cover, cover_exactly, exact_coverage

SIMULATIONS = 500
SEED = 11


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
@pytest.mark.parametrize("independent", [20, 100])
def test_robust_intervals_hold_the_truth_where_nine_others_overlap(question: Question, independent: int) -> None:
    covered = cover(question, "nine overlap", independent, SIMULATIONS, SEED)
    low, high = covered.target
    assert low - 2.5 * covered.robust_se <= covered.robust_pct <= high + 2.5 * covered.robust_se


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_robust_intervals_hold_the_truth_where_none_overlap(question: Question) -> None:
    covered = cover(question, "apart", 20, SIMULATIONS, SEED)
    low, high = covered.target
    assert low - 2.5 * covered.robust_se <= covered.robust_pct <= high + 2.5 * covered.robust_se


@pytest.mark.long
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_intervals_that_take_overlapping_trades_for_independent_do_not(question: Question) -> None:
    covered = cover(question, "nine overlap", 100, SIMULATIONS, SEED)
    assert covered.naive_pct < 70
    assert covered.width_ratio > 2


@pytest.mark.parametrize(("rate", "n"), [(0.5, 20), (0.6, 100), (0.9, 50)])
def test_wilsons_interval_covers_as_the_binomial_distribution_says(rate: float, n: int) -> None:
    found = cover_exactly(rate, n, 2_000, SEED)
    assert found.reached, found


def test_exact_coverage_of_wilson_at_ten_trades() -> None:
    # Of ten trades Wilson's interval holds 50 % from 2 to 8 hits: 1 - 2 * (1 + 10) / 1024.
    assert exact_coverage(0.5, 10) == pytest.approx(100 * (1 - 22 / 1024))


@pytest.mark.long
def test_shapley_values_put_planted_skill_in_its_order() -> None:
    few, many = (planted.rank("apart", n, 30, SEED) for n in (50, 400))
    assert many.pairs_pct > 93
    assert many.best_first_pct > 80
    assert many.pairs_pct > few.pairs_pct > 50


@pytest.mark.long
def test_coin_flippers_are_called_skilled_no_more_often_than_promised() -> None:
    called = planted.call(0.5, 5, "nine overlap", 20, 50, SEED)
    assert called.skilled_pct <= planted.MOST_SKILLED_PCT
    alone = planted.call(0.5, 1, "apart", 50, 200, SEED)
    assert alone.skilled_pct <= planted.MOST_SKILLED_PCT


def test_skill_is_found_where_there_are_trades_enough() -> None:
    assert planted.call(0.65, 2, "apart", 400, 20, SEED).skilled_pct > 90

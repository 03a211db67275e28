"""Laws of recalibration maps."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorekeeper.analysis.intervals import robust_mean
from scorekeeper.learning.constants import DAY
from scorekeeper.learning.recalibration import MAP_ROW, StatedCalls, Tally, add_days, calibrated, fit

HOUR = DAY // 24


def draw(seed: int, n: int, *, per_day: int = 8, gap: float = 0.0, at: float | None = None) -> StatedCalls:
    """Calls that do not overlap, `per_day` a day, right by `gap` less often than stated."""
    chance = np.random.default_rng(seed)
    opened = np.arange(n, dtype=np.int64) * (DAY // per_day)
    confidence = np.full(n, at) if at else chance.uniform(50, 100, n)
    right = chance.random(n) < confidence / 100 - gap
    return StatedCalls(opened, opened + HOUR, confidence, right, np.ones(n), np.arange(1.0, n + 1))


def part(calls: StatedCalls, which: slice) -> StatedCalls:
    return StatedCalls(*(getattr(calls, name)[which] for name in StatedCalls.__dataclass_fields__))


def run(calls: StatedCalls) -> np.ndarray:
    return add_days(np.empty(0, MAP_ROW), Tally.empty(), calls, (calls.expires, calls.independent))[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 90), st.lists(st.integers(1, 30), max_size=6))
def test_days_may_be_divided_into_runs_in_any_way(seed: int, n: int, cuts: list[int]) -> None:
    calls = draw(seed, n)
    whole = run(calls)
    rows, tally = np.empty(0, MAP_ROW), Tally.empty()
    edges = sorted({0, n, *(8 * cut for cut in cuts if 8 * cut < n)})
    for begin, end in itertools.pairwise(edges):
        some = part(calls, slice(begin, end))
        later, tallies = add_days(rows, tally, some, (some.expires, some.independent))
        rows, tally = np.concatenate([rows, later]), tallies[-1]
    assert rows.tobytes() == whole.tobytes()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(30, 120))
def test_later_calls_change_no_earlier_row(seed: int, n: int) -> None:
    calls = draw(seed, n)
    early = part(calls, slice(0, n // 16 * 8))
    assert run(calls)[: n // 16].tobytes() == run(early).tobytes()


def test_below_20_independent_calls_there_is_no_map() -> None:
    rows = run(draw(1, 40, per_day=4))
    assert np.isnan(rows["a"]).tolist() == [True] * 4 + [False] * 6
    assert rows["scored"].tolist() == [0] * 5 + [4, 8, 12, 16, 20]


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 100))
def test_a_map_of_the_opposite_slope_and_offset_says_the_opposite(a: float, b: float, confidence: float) -> None:
    said = calibrated([a, -a], [b, -b], [confidence, confidence])
    assert said.sum() == pytest.approx(1)


@given(st.integers(2, 98), st.floats(0.1, 1e4), st.floats(0.1, 1e4))
@settings(max_examples=50, deadline=None)
def test_a_fit_lies_between_an_even_chance_and_the_share_of_right(percent: int, right: float, wrong: float) -> None:
    tally = Tally.empty()
    tally.right[percent - 2], tally.wrong[percent - 2] = right, wrong
    said, share = float(calibrated(*fit(tally), percent)), right / (right + wrong)
    assert min(0.5, share) - 1e-9 <= said <= max(0.5, share) + 1e-9


def test_intervals_are_the_robust_ones_where_groups_are_equal() -> None:
    calls = draw(3, 8 * 35, gap=0.2)  # the first 3 days have no map yet
    last, truth = run(calls)[-1], calls.right
    rows = run(calls)
    known = np.searchsorted(rows["as_of"], calls.opened, side="right") - 1
    scored = (known >= 0) & ~np.isnan(rows["a"][known])
    said = calibrated(rows["a"][known], rows["b"][known], calls.confidence)
    gains = ((calls.confidence / 100 - truth) ** 2 - (said - truth) ** 2)[scored]
    assert len(gains) % 64 == 0, "whole days make eight equal groups"
    found = robust_mean(gains, calls.opened[scored] / 1e6, calls.expires[scored] / 1e6).ci95
    assert (last["gain_low"], last["gain_high"]) == pytest.approx(found)
    assert last["gain_low"] > 0


def test_a_map_helps_one_who_is_too_sure_and_not_one_who_is_calibrated() -> None:
    too_sure, calibrated_one = (run(draw(4, 800, gap=gap)) for gap in (0.25, 0.0))
    assert too_sure["gain_low"][-1] > 0
    assert calibrated_one["gain_low"][-1] < 0


def test_a_confidence_that_is_always_the_same_gains_nothing_over_the_rate() -> None:
    rows = run(draw(5, 800, gap=0.2, at=85.0))
    assert abs(rows["sum_rate"][-1] - rows["sum_map"][-1]) / rows["scored"][-1] < 0.003

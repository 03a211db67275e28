"""What each agent contributed: laws of the Shapley value, and the plain definition beside the fast one."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scorekeeper.analysis import attribution
from scorekeeper.analysis.calibration import calibration_curve
from scorekeeper.analysis.input_columns import interval_seconds, number_slots
from tests import plain_analysis as plain

# To four digits: where a sum lies a billionth from 0, the order of adding decides on which side of the tolerance.
CONFIDENCES = st.one_of(
    st.none(),
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 50.0, 72.5, 100.0]),
    st.floats(0, 100).map(lambda confidence: round(confidence, 4)),
)
SIGNALS = st.tuples(st.sampled_from([-1, 0, 1]), CONFIDENCES)
RETURNS = st.sampled_from([0.0, 0.5, -1.25, 3.0])


def columns(decisions: list[tuple[float, list[tuple[int, float | None]]]]) -> tuple[Any, Any, Any]:
    """Which decision, weight, and the returns, as columns."""
    said = [(number, *signal) for number, (_, signals) in enumerate(decisions) for signal in signals]
    direction = np.array([one[1] for one in said], dtype=np.int32)
    confidence = np.array([math.nan if one[2] is None else one[2] for one in said], dtype=np.float64)
    return (
        np.array([one[0] for one in said], dtype=np.int32),
        attribution.weigh(direction, confidence),
        np.array([h for h, _ in decisions], dtype=np.float64),
    )


@given(st.lists(st.tuples(RETURNS, st.lists(SIGNALS, max_size=5)), min_size=1, max_size=6))
def test_up_to_five_agents_it_is_what_every_order_of_arrival_gives(
    decisions: list[tuple[float, list[tuple[int, float | None]]]],
) -> None:
    decision, weight, returns = columns(decisions)
    found = attribution.attribute(decision, weight, returns)
    wanted = [
        share
        for h, signals in decisions
        for share in plain.shapley({str(i): plain.weight(*one) for i, one in enumerate(signals)}, h).values()
    ]
    np.testing.assert_allclose(found.shapley, wanted, atol=1e-12)
    assert not found.variance.any()


@given(st.lists(st.tuples(RETURNS, st.lists(SIGNALS, max_size=15)), min_size=1, max_size=3))
def test_the_shares_sum_to_what_the_vote_of_all_earned_also_when_sampled(
    decisions: list[tuple[float, list[tuple[int, float | None]]]],
) -> None:
    decision, weight, returns = columns(decisions)
    shares = attribution.attribute(decision, weight, returns).shapley
    sums = np.bincount(decision, weights=shares, minlength=len(returns))
    np.testing.assert_allclose(sums, attribution.votes(decision, weight, len(returns)) * returns, atol=1e-9)


@given(st.lists(SIGNALS, min_size=2, max_size=8), RETURNS)
def test_equal_agents_get_equal_credit_and_an_abstainer_gets_none(
    signals: list[tuple[int, float | None]], h: float
) -> None:
    twins = [*signals, signals[0]]
    shares = attribution.attribute(*columns([(h, twins)])).shapley
    assert shares[0] == pytest.approx(shares[-1], abs=1e-12)
    with_dummy = attribution.attribute(*columns([(h, [*twins, (0, 80.0)])])).shapley
    assert with_dummy[-1] == 0
    np.testing.assert_allclose(with_dummy[:-1], shares, atol=1e-12)


@given(st.lists(st.tuples(RETURNS, st.lists(SIGNALS, max_size=9)), min_size=1, max_size=5))
def test_leave_one_out_is_the_vote_less_the_vote_without(
    decisions: list[tuple[float, list[tuple[int, float | None]]]],
) -> None:
    decision, weight, returns = columns(decisions)
    found = attribution.attribute(decision, weight, returns).swing * returns[decision]
    wanted = []
    for h, signals in decisions:
        weights = [plain.weight(*one) for one in signals]
        for left_out in range(len(weights)):
            without = [w for i, w in enumerate(weights) if i != left_out]
            wanted.append((plain.sign(sum(weights)) - plain.sign(sum(without))) * h)
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_thirteen_agents_are_sampled_alike_each_time_within_the_standard_error() -> None:
    chance = np.random.default_rng(5)
    decisions = 300
    decision = np.repeat(np.arange(decisions, dtype=np.int32), 13)
    weight = chance.choice([-1.0, 1.0], 13 * decisions) * chance.uniform(1, 100, 13 * decisions)
    returns = chance.normal(size=decisions)
    found = attribution.attribute(decision, weight, returns)
    again = attribution.attribute(decision, weight, returns)
    np.testing.assert_array_equal(found.shapley, again.shapley)
    exact = attribution._exact(weight.reshape(decisions, 13)) * returns[:, None]
    z = (found.shapley - exact.ravel()) / np.sqrt(found.variance)
    assert abs(z.mean()) < 0.1
    assert 0.9 < z.std() < 1.1


def test_decisions_in_parts_are_what_they_are_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(6)
    decision = np.sort(chance.integers(0, 50, 200)).astype(np.int32)
    weight, returns = chance.integers(-100, 101, 200).astype(np.float64), chance.normal(size=50)
    whole = attribution.attribute(decision, weight, returns)
    monkeypatch.setattr(attribution, "_CELLS", 64)
    parts = attribution.attribute(decision, weight, returns)
    np.testing.assert_allclose(parts.shapley, whole.shapley, atol=1e-12)
    np.testing.assert_array_equal(parts.swing, whole.swing)


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-9, 9)), max_size=30))
def test_the_information_coefficient_is_scipys_where_it_is_defined(pairs: list[tuple[float, float]]) -> None:
    weight, returns = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    found = attribution.information_coefficient(weight, returns)
    if len(pairs) < 3 or len(set(weight)) < 2 or len(set(returns)) < 2:
        assert found is None
    else:
        ranks = stats.rankdata(weight), stats.rankdata(returns)
        assert found == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-9)


def test_a_calibration_bin_holds_its_lower_edge_and_the_last_one_both() -> None:
    confidence = np.array([0.0, 9.99, 10.0, 89.9, 90.0, 100.0])
    curve = calibration_curve(confidence, np.array([1.0, 0.0, 1.0, 0.0, 1.0, 1.0]))
    assert [one.n for one in curve] == [2, 1, 0, 0, 0, 0, 0, 0, 1, 2]
    assert (curve[0].accuracy, curve[9].confidence, curve[5].accuracy, curve[5].accuracy_ci95) == (50, 95, None, None)


def test_intervals_have_a_length_if_they_are_written_as_one() -> None:
    assert [interval_seconds(one) for one in ("1h", "15m", "4H", "1d", "1w", "30s")] == [
        3_600, 900, 14_400, 86_400, 604_800, 30,
    ]  # fmt: skip
    assert [interval_seconds(one) for one in ("", "1M", "h", "0h", "1.5h", "one hour", "١h")] == [None] * 7


def test_a_slot_is_a_symbol_a_length_of_interval_and_a_bucket() -> None:
    opened = np.array([0.0, 3_599.9, 3_600.0, 10.0, 10.0, 10.0])
    kind = np.array([0, 0, 0, 1, 2, 3], dtype=np.int8)
    symbol = np.array([0, 1, 0, 0, 0], dtype=np.int32)
    slots = number_slots(opened, kind, symbol, np.array([3_600.0, 3_600.0, 60.0, math.nan, 3_600.0])).tolist()
    assert slots[0] == slots[1]
    assert len({slots[0], *slots[2:5]}) == 4
    assert slots[5] == -1
    assert number_slots(opened[:1], np.array([4]), symbol, np.full(5, 3_600.0)).tolist() == [0]

"""A small version of benchmarks/learning: what is promised of weights and maps holds. Fixed seeds; some seconds."""

import numpy as np
import pytest

from benchmarks.learning import recalibration, universe, votes
from benchmarks.learning.learner import learn
from benchmarks.learning.universe import Planted, Universe

SEED = 11
ERRORS = 2.5  # standard errors by which a bar may be missed


def held(planted: Planted, decisions: int, simulations: int) -> list[str]:
    """The bars of a universe that are missed."""
    measured = votes.measure(planted, decisions, simulations, SEED)
    bars = [bar for bar in votes.BARS if (bar.planted, bar.decisions) == (planted, decisions)]
    assert bars
    return [f"{bar.figure} {bar}: {measured}" for bar in bars if not bar.is_reached(measured, ERRORS)]


@pytest.mark.parametrize(
    "planted", [universe.NONE_SKILLED, universe.ALL_EQUAL, universe.MIXED, universe.LOUD_FOOL], ids=lambda one: one.name
)
def test_votes_gain_what_they_must_at_a_thousand_decisions(planted: Planted) -> None:
    assert held(planted, 1_000, 60) == []


@pytest.mark.parametrize("planted", [*votes.NULLS, universe.BULL], ids=lambda one: one.name)
def test_weights_that_are_no_better_are_seldom_adopted(planted: Planted) -> None:
    assert held(planted, 5_000, 40) == []


@pytest.mark.parametrize("planted", [universe.MIXED, universe.STAR, universe.INVERSE], ids=lambda one: one.name)
def test_weights_that_are_better_are_adopted(planted: Planted) -> None:
    assert held(planted, 5_000, 40) == []


@pytest.mark.long
def test_a_star_that_swaps_half_way_is_followed() -> None:
    assert held(universe.SWAP, 10_000, 60) == []


def test_without_evidence_every_weight_is_exactly_1() -> None:
    drawn = universe.draw(universe.MIXED, 100, np.random.default_rng(SEED))
    found = learn(drawn)
    first_known = int(np.searchsorted(drawn.opened, drawn.expires[0]))
    assert (found.weights[:first_known] == 1.0).all()
    assert (found.weights[first_known + 10 :] != 1.0).all()


def test_a_changed_future_changes_no_weight_vote_or_evidence_before_it() -> None:
    drawn = universe.draw(universe.MIXED, 3_000, np.random.default_rng(SEED))
    at = 2_000
    moment = drawn.opened[at]
    h = np.where(drawn.expires > moment, -3.0 * drawn.h - 1.0, drawn.h)
    changed = learn(Universe(drawn.opened, drawn.expires, h, drawn.directions, drawn.confidences))
    found, ended = learn(drawn), int(np.searchsorted(learn(drawn).ends, moment, side="right"))
    assert found.weights[: at + 1].tobytes() == changed.weights[: at + 1].tobytes()
    assert found.scores[: at + 1].tobytes() == changed.scores[: at + 1].tobytes()
    assert found.e_value[:ended].tobytes() == changed.e_value[:ended].tobytes()
    assert found.e_value[-1] != changed.e_value[-1]


@pytest.mark.parametrize("spacing", list(recalibration.GAPS))
@pytest.mark.parametrize("calls", [200, 1_000])
def test_a_map_comes_near_the_truth_of_an_overconfident_agent(spacing: str, calls: int) -> None:
    found = recalibration.measure(recalibration.OVERCONFIDENT, spacing, calls, 25, SEED)
    assert found.mapped is not None
    assert found.mapped.value - ERRORS * found.mapped.error <= recalibration.BARS[calls] < found.stated


def test_a_map_is_seldom_said_to_help_a_calibrated_agent() -> None:
    assert recalibration.measure(recalibration.CALIBRATED, "apart", 500, 25, SEED).reached

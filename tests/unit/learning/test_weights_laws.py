"""Sums grow outcome by outcome: any division into runs gives the same ones, to the bit."""

import math
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.learning.evidence import EvidenceState, choose_block_hours, follow_blocks
from scorekeeper.learning.logistic import fit_map
from scorekeeper.learning.probability import day_sums, fit_beta
from scorekeeper.learning.uniqueness import call_uniqueness, mean_uniqueness
from scorekeeper.learning.weights import (
    AgentPath,
    AgentSums,
    Calls,
    MarketPath,
    MarketSums,
    Outcomes,
    follow_agents,
    follow_market,
    p_right,
    vote,
    weigh,
)
from tests.plain_learning import EPOCH, PlainDecision, mean_share

HOUR = 3_600_000_000
SEEDS = st.integers(0, 10**6)


def follow(
    market: MarketSums, agents: AgentSums, outcomes: Outcomes, calls: Calls
) -> tuple[MarketPath, list[AgentPath]]:
    path = follow_market(market, outcomes)
    return path, list(follow_agents(agents, path, outcomes, calls))


def draw(seed: int, count: int, agents: int = 3) -> tuple[Outcomes, Calls]:
    chance = np.random.default_rng(seed)
    outcomes = Outcomes(chance.uniform(0.05, 1.0, count), chance.normal(0, 1, count))
    outcome, agent = np.nonzero(chance.random((count, agents)) < 0.7)
    return outcomes, Calls(
        outcome, agent, np.where(chance.random(len(outcome)) < 0.6, 1, -1), chance.uniform(0.05, 1.0, len(outcome))
    )


def part(outcomes: Outcomes, calls: Calls, begin: int, end: int) -> tuple[Outcomes, Calls]:
    inside = (calls.outcome >= begin) & (calls.outcome < end)
    columns = (calls.outcome[inside] - begin, calls.agent[inside], calls.direction[inside], calls.uniqueness[inside])
    return Outcomes(outcomes.uniqueness[begin:end], outcomes.returns[begin:end]), Calls(*columns)


def test_any_division_into_runs_gives_the_same_sums_over_many_half_lives() -> None:
    names, count = ["a", "b", "c"], 150_000
    nobody = AgentSums(names, np.zeros((3, 4)), *np.zeros((3, 3)))
    outcomes, calls = draw(1, count)
    heard = (calls.agent > 0) | (calls.outcome < 9)  # the first agent falls silent early, and is forgotten
    calls = Calls(calls.outcome[heard], calls.agent[heard], calls.direction[heard], calls.uniqueness[heard])
    whole, agents = follow(MarketSums(), nobody, outcomes, calls)
    assert whole.epoch[-1] >= 3
    chance = np.random.default_rng(2)
    market, state, begin = MarketSums(), nobody, 0
    while begin < count:
        end = min(count, begin + int(chance.choice([1, 2, 30, 5_000, 40_000])))
        path, found = follow(market, state, *part(outcomes, calls, begin, end))
        for name in ("independent", "up", "down", "squares", "sizes", "shrink"):
            assert (getattr(path, name) == getattr(whole, name)[begin : end + 1]).all(), name
        for one, meant in zip(found, agents, strict=True):
            assert (one.evidence == meant.evidence[:, begin : end + 1]).all()
            assert (one.independent == meant.independent[begin : end + 1]).all()
        sums = (path.independent, path.up, path.down, path.squares, path.sizes)
        market = MarketSums(end, *(float(values[-1]) for values in sums))
        state = AgentSums(
            names, np.array([one.evidence[:, -1] for one in found]), *(
                np.array([getattr(one, name)[-1] for one in found]) for name in ("calls", "ups", "independent")
            ),
        )  # fmt: skip
        begin = end
    # Directly, by the definition, at the end.
    kept = 0.5 ** ((whole.independent[-1] - whole.independent[1:]) / 336)
    for number, agent in enumerate(agents):
        own = calls.agent == number
        right = calls.direction[own] * outcomes.returns[calls.outcome[own]] > 0
        rose = outcomes.returns[calls.outcome[own]] > 0
        weight = kept[calls.outcome[own]] * calls.uniqueness[own]
        kinds = (right & rose, right & ~rose, ~right & rose, ~right & ~rose)
        meant_sums = [weight[kind].sum() for kind in kinds]
        assert agent.evidence[:, -1] * whole.shrink[-1] == pytest.approx(meant_sums, rel=1e-9, abs=1e-300)
    (p,) = p_right(agents[0].evidence, whole, np.array([count]))
    assert p == pytest.approx(0.55)  # of an agent that is forgotten the prior is left


@given(SEEDS, st.integers(1, 12))
def test_the_weights_of_agents_that_swap_names_are_swapped(seed: int, agents: int) -> None:
    chance = np.random.default_rng(seed)
    p, known = chance.uniform(0.3, 0.7, (5, agents)), chance.random((5, agents)) < 0.8
    order = chance.permutation(agents)
    weight = weigh(p, known, np.ones(5, dtype=bool))
    assert weigh(p[:, order], known[:, order], np.ones(5, dtype=bool)) == pytest.approx(weight[:, order], rel=1e-12)
    for row in range(5):
        if known[row].any():
            assert np.abs(weight[row, known[row]]).mean() == pytest.approx(1)
        assert (weight[row, ~known[row]] == 1).all()


def test_without_evidence_every_weight_is_exactly_1_and_a_tie_is_hold() -> None:
    p = np.full((1, 7), 0.55)
    weight = weigh(p, np.ones((1, 7), dtype=bool), np.array([False]))
    assert (weight == 1).all()
    said = vote(weight, np.array([7]), np.zeros(3, dtype=int), np.array([0, 1, 2]), np.array([0.3, -0.1, -0.2]))
    assert (said.direction.tolist(), said.equal_direction.tolist()) == ([0], [0])
    assert (said.score == said.equal_score).all()


@given(SEEDS, st.integers(1, 40))
def test_uniqueness_is_the_exact_integral_and_sums_to_the_time_that_is_covered(seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    opened = chance.integers(0, 40, count) * HOUR // 7 + chance.integers(0, 3, count)
    expires = opened + chance.integers(1, 30, count) * HOUR // 5
    found = mean_uniqueness(opened, expires)
    lives = [
        PlainDecision(str(n), EPOCH + timedelta(microseconds=int(a)), EPOCH + timedelta(microseconds=int(b)), None, {})
        for n, (a, b) in enumerate(zip(opened, expires, strict=True))
    ]
    assert found == pytest.approx([float(mean_share(one, lives)) for one in lives], rel=1e-11)
    edges = np.unique(np.concatenate([opened, expires]))
    covered = sum(b - a for a, b in pairwise(edges) if ((opened <= a) & (expires > a)).any())
    assert float((found * (expires - opened)).sum()) == pytest.approx(float(covered), rel=1e-9)
    # A life that does not overlap changes nothing, to the bit; and each agent's calls are counted alone.
    far = mean_uniqueness(np.append(opened, 10**15), np.append(expires, 10**15 + HOUR))
    assert (far[:-1] == found).all()
    agent = chance.integers(0, 3, count)
    own = call_uniqueness(opened, expires, np.arange(count), agent, 3)
    for number in range(3):
        mine = agent == number
        assert (own[mine] == mean_uniqueness(opened[mine], expires[mine])).all()


@given(SEEDS, st.integers(1, 120), st.floats(-0.3, 0.3))
def test_the_evidence_goes_on_from_any_block_and_never_loses_all(seed: int, count: int, drift: float) -> None:
    means = np.random.default_rng(seed).normal(drift, 0.1, count)
    whole = follow_blocks(EvidenceState(), means)
    assert (whole.wealth > 0).all()
    cut = seed % (count + 1)
    first = follow_blocks(EvidenceState(), means[:cut])
    if cut:
        wealth = (1.0,) * 7 if first.e_value[-1] >= 20 else tuple(first.wealth[-1])
        state = EvidenceState(cut, float(first.sum_squares[-1]), wealth, bool(first.adopted[-1]))
    else:
        state = EvidenceState()
    second = follow_blocks(state, means[cut:])
    for name in ("scale", "wealth", "e_value", "against", "adopted", "blocks", "sum_squares"):
        assert (np.concatenate([getattr(first, name), getattr(second, name)]) == getattr(whole, name)).all(), name


def test_a_steady_advantage_is_adopted_and_given_up_when_it_turns() -> None:
    path = follow_blocks(EvidenceState(), np.concatenate([np.full(20, 0.1), np.full(60, -0.1)]))
    turns = np.flatnonzero(np.diff(np.concatenate([[False], path.adopted])))
    assert len(turns) == 2
    assert turns[0] < 20 < turns[1]
    assert path.against[turns[0] + 1 : turns[1] + 1].all()
    assert not path.against[: turns[0] + 1].any()
    assert (path.e_value[turns] >= 20).all()


def test_blocks_hold_four_median_holds() -> None:
    lengths = {0.1: 4, 1: 4, 1.1: 24, 6: 24, 6.1: 96, 24: 96, 24.1: 672, 200: 2_688, 5_000: 2_688}
    for hold, hours in lengths.items():
        holds = np.full(25, int(hold * HOUR))
        holds[20:] = 10**15  # only the first 20 choose
        assert choose_block_hours(holds) == hours
    assert choose_block_hours(np.full(19, HOUR)) is None


@given(SEEDS, st.integers(1, 300), st.sampled_from([0.01, 0.2, 1.0]))
def test_beta_from_sums_is_the_beta_of_a_logistic_regression(seed: int, count: int, width: float) -> None:
    chance = np.random.default_rng(seed)
    score, own = np.clip(chance.normal(0, width, count), -1, 1), chance.uniform(0, 1, count)
    rose = chance.random(count) < 1 / (1 + np.exp(-chance.uniform(-9, 9) * score))
    starts = np.unique(chance.integers(0, count, 5))
    starts[0] = 0
    signed, moments = day_sums(score, own, np.where(rose, 1.0, -1.0), np.unique(starts))
    beta = fit_beta(math.fsum(signed), moments.sum(axis=0))
    (direct,) = fit_map(score[:, None], rose.astype(float), own, np.array([1.0]))
    assert beta == pytest.approx(direct, rel=1e-9, abs=1e-11)

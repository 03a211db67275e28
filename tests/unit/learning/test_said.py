"""What is said of what was learned follows from the rows, and what a vote says from its weights."""

import json
import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scorekeeper.analysis.intervals import RobustMean
from scorekeeper.learning.constants import BETS, THRESHOLD
from scorekeeper.learning.document import AgentWeight, Block, CalibrationMap, Fees, Learned, MetaModel, iso
from scorekeeper.learning.sentences import FARTHEST, decisions_needed, fees_sentence, verdict_sentence, write_sentences
from scorekeeper.learning.tables import evidence_rows, map_rows, model_rows, weight_rows
from scorekeeper.learning.vote import Call, cast_vote, is_stale, is_worth, p_up, tell_vote
from scorekeeper.learning.words import render_weights, tell_weights, weights_file

BEGIN = datetime(2025, 5, 1, tzinfo=UTC)
FOUR_HOURS = timedelta(hours=4)
NONE = RobustMean(None, 0, 0, None, None)
FORETOLD = {
    "predicted": 500, "independent": 170.0, "gain_ci95_robust": [0.001, 0.02], "kept": 40, "kept_net_pct": -0.03,
    "kept_net_pct_ci95_robust": [-0.1, 0.04], "log_loss": 0.68, "log_loss_market": 0.69, "log_loss_base": 0.693,
}  # fmt: skip
HOSTILE = "<b>*x*</b>"


def follow(steps: list[float], decisions: int = 10) -> tuple[Block, ...]:
    """The e-process over blocks whose bets come to `steps` (-1 to 1), plainly."""
    wealth, adopted, blocks = [1.0] * len(BETS), False, []
    for place, step in enumerate(steps):
        running = "against" if adopted else "for"
        wealth = [w * (1 + bet * (-step if adopted else step)) for w, bet in zip(wealth, BETS, strict=True)]
        e_value = sum(wealth) / len(wealth)
        decides = e_value >= THRESHOLD
        adopted ^= decides
        at, after = BEGIN + place * FOUR_HOURS, (tuple(wealth), e_value, running, adopted)
        blocks.append(Block(at, at + FOUR_HOURS, decisions, decisions / 2, step / 5, 0.06, *after))
        if decides:
            wealth = [1.0] * len(BETS)
    return tuple(blocks)


def learned(blocks: tuple[Block, ...] = (), **more: object) -> Learned:
    agents = (AgentWeight("A", 1.5, 0.6, 40, 21.5, 0.5), AgentWeight(HOSTILE, -0.5, 0.47, 30, 11.0, 0.9))
    maps = (
        CalibrationMap("A", BEGIN, 40, 30.0, 0.1, 0.4, 0.29, 0.25, 0.24, (0.001, 0.02), True),
        CalibrationMap(HOSTILE, BEGIN, 30, 22.0, 0.0, -0.2, 0.3, 0.25, 0.25, (-0.01, 0.02), None),
        CalibrationMap("Z", BEGIN, 3, 2.0, None, None, None, None, None, None, None),
    )
    models = (
        MetaModel("net_pnl", BEGIN, 900, 300.0, {}, FORETOLD, True, False),
        MetaModel("horizon", BEGIN, 90, 30.0, None, {}, None, None),
    )
    given = {
        "version": "v1", "as_of": BEGIN + len(blocks) * FOUR_HOURS, "block_hours": 4, "outcomes": 70,
        "independent": 35.0, "beta": 1.2, "move_pct": 0.5, "advantage_bps": 2.5, "agents": agents, "blocks": blocks,
        "maps": maps, "models": models, "fees": Fees(0.2, 70, 2, NONE),
    } | more  # fmt: skip
    return Learned(**given)  # type: ignore[arg-type]


bets = st.lists(st.floats(-1, 1), max_size=60)


@given(bets)
def test_the_verdict_follows_the_turns_of_the_process(steps: list[float]) -> None:
    found = learned(follow(steps))
    file = weights_file(found)
    adopted = bool(found.blocks) and found.blocks[-1].adopted
    turns = sum(one.e_value >= THRESHOLD for one in found.blocks)
    assert file.verdict == ("adopted" if adopted else "lapsed" if turns else "not_adopted")
    assert (file.since is None) == (turns == 0)
    assert adopted == (turns % 2 == 1)
    for one in file.agents.values():
        assert one.weight_in_use == (one.weight if adopted else 1.0)
    assert (file.evidence.e_value >= THRESHOLD) == adopted
    assert file.evidence.blocks == len(found.deciding)
    assert file.evidence.decisions == 10 * len(found.deciding)
    assert verdict_sentence(found) in write_sentences(found, str)
    assert ("have been adopted since" in verdict_sentence(found)) == adopted


@given(bets.filter(bool))
def test_as_many_decisions_as_are_foreseen_bring_the_evidence_to_20(steps: list[float]) -> None:
    blocks = follow(steps)
    assume(not any(one.e_value >= THRESHOLD for one in blocks))
    more = decisions_needed(blocks)
    growth = [math.log(w) / len(blocks) for w in blocks[-1].wealth or ()]
    if more is None:
        assert max(growth) <= 0
        assert "so far they have no advantage" in verdict_sentence(learned(blocks))
        return

    def e_value_after(decisions: float) -> float:
        return float(np.mean([math.exp(min(700.0, g * (len(blocks) + decisions / 10))) for g in growth]))

    if more < FARTHEST:
        assert e_value_after(more) >= THRESHOLD
        assert e_value_after(0.97 * more - 10) < THRESHOLD


def test_the_words_of_the_issue_are_said() -> None:
    blocks = follow([0.055] * 62)
    words = verdict_sentence(learned(blocks))
    e_value = f"{blocks[-1].e_value:.1f}"
    assert words.startswith(f"Learned weights are not adopted: E = {e_value} of 20 after 620 decisions; about ")
    assert words.endswith(" more are needed if the advantage so far is real.")


def test_before_anything_is_known_it_is_said_why() -> None:
    assert "no outcome is known yet" in verdict_sentence(learned(outcomes=0))
    assert "after 20 decisions" in verdict_sentence(learned(block_hours=None))
    assert "no block of 4 hours" in verdict_sentence(learned())
    lapsed = learned(follow([1.0] * 7 + [-1.0] * 7))
    assert verdict_sentence(lapsed).endswith("Evidence for the learned weights starts again.")
    equal = learned(agents=(AgentWeight("A", 1.0, 0.55, 0, 0.0, None),))
    assert "No call has an outcome yet: every learned weight is exactly 1." in write_sentences(equal, str)
    assert not [one for one in write_sentences(learned(agents=(), maps=(), models=()), str) if "weights, the" in one]


def test_one_agent_alone_is_not_said_to_have_no_outcome() -> None:
    said = write_sentences(learned(agents=(AgentWeight("A", 1.0, 0.506, 133, 85.9, 0.5),)), str)
    assert not [one for one in said if "No call has an outcome" in one]
    assert any("A +1.00 (p 50.6 %, 86 independent of 133 calls)" in one for one in said)
    assert any(one.startswith("One agent alone weighs 1") for one in said)


@pytest.mark.parametrize(
    ("fees", "edge", "words"),
    [
        (Fees(0.2, 0, 0, NONE), None, "cannot be told: no outcome is known yet"),
        (Fees(0.2, 70, 0, NONE), None, "It has never expected that much so far: no edge after fees."),
        (Fees(0.2, 70, 2, RobustMean(0.1, 9, 7, None, None)), None, "cannot be told: 7 of all such outcomes"),
        (Fees(0.2, 70, 2, RobustMean(0.1, 90, 70, (0.02, 0.2), 0.01)), True, "which is more than 0"),
        (Fees(0.2, 70, 2, RobustMean(0.1, 90, 70, (-0.02, 0.2), 0.1)), False, "cannot be told from 0"),
        (Fees(0.2, 70, 2, RobustMean(-0.1, 90, 70, (-0.2, -0.02), 0.1)), False, "they lose money"),
    ],
)
def test_whether_it_pays_after_fees_is_said_from_its_interval(fees: Fees, edge: bool | None, words: str) -> None:
    assert fees.edge is edge
    assert words in fees_sentence(fees)
    assert weights_file(learned(fees=fees)).fees.share_worth_trading == (fees.worth / 70 if fees.outcomes else None)


def test_names_go_through_the_escape_and_nothing_else_holds_them() -> None:
    found = learned(follow([0.5] * 5))
    seen: list[str] = []

    def escape(name: str) -> str:
        seen.append(name)
        return "(name)"

    said = write_sentences(found, escape) + [cell for row in weight_rows(found, escape) for cell in row.values()]
    rows = [*map_rows(found, escape), *evidence_rows(found), *model_rows(found)]
    said += [cell for row in rows for cell in row.values()]
    assert [one for one in said if HOSTILE in one] == []
    assert HOSTILE in seen
    assert HOSTILE not in weights_file(found).sentence
    assert any("(name): the weight is less than 0" in one for one in said)
    assert "The surer, the more often wrong: (name)." in said
    assert any("share of calls that say up: (name) 90 %" in one for one in said)


def test_the_file_is_the_json_that_was_designed() -> None:
    file = json.loads(render_weights(learned(follow([1.0] * 8))))
    assert list(file) == [
        "format", "as_of", "version", "method", "parameters", "verdict", "since", "valid_until", "evidence", "fees",
        "vote", "agents", "probability", "unknown_agent_weight", "sentence",
    ]  # fmt: skip
    assert file["parameters"] == {"k": 100, "p0": 0.55, "half_life": 336, "balanced": True}
    assert list(file["evidence"]) == [
        "e_value", "threshold", "blocks", "decisions", "independent", "advantage_bps"
    ]  # fmt: skip
    assert list(file["fees"]) == ["edge_after_fees", "share_worth_trading"]
    assert list(file["agents"]["A"]) == [
        "weight", "weight_in_use", "p", "independent_calls", "calls", "long_share", "recalibration"
    ]  # fmt: skip
    assert file["agents"]["A"]["recalibration"] == {"a": 0.1, "b": 0.4}
    assert (file["format"], file["method"], file["verdict"]) == (1, "log_odds/1", "adopted")
    assert (file["as_of"], file["valid_until"]) == ("2025-05-02T08:00:00Z", "2025-05-03T08:00:00Z")
    assert b'"independent": 0.0,' in render_weights(learned())


names = st.sampled_from(["A", HOSTILE, "new", "é"])
confidences = st.none() | st.floats(0, 100)
said_by = st.dictionaries(names, st.tuples(st.sampled_from([-1, 0, 1]), confidences), max_size=4)


def calls_of(said: dict[str, tuple[int, float | None]]) -> list[Call]:
    return [Call(agent, way, sure) for agent, (way, sure) in said.items()]


@given(said_by)
def test_a_vote_is_the_sum_that_the_file_describes_and_turns_with_its_calls(
    said: dict[str, tuple[int, float | None]],
) -> None:
    found = learned(follow([1.0] * 8))
    file = json.loads(render_weights(found))
    told = tell_vote(found, calls_of(said), found.as_of, 0.2)
    total = sum(
        (file["agents"][agent]["weight"] if agent in file["agents"] else file["unknown_agent_weight"])
        * way * (50.0 if sure is None else sure)
        for agent, (way, sure) in sorted(said.items())
    )  # fmt: skip
    direction = 0 if abs(total) <= 1e-9 else 1 if total > 0 else -1
    assert told["learned"]["direction"] == told["direction"] == direction
    assert told["learned"]["score"] == pytest.approx(total / 100 / len({*file["agents"], *said}), abs=1e-12)
    beta = file["probability"]["beta"]
    assert told["p_up"] == pytest.approx(1 / (1 + math.exp(-beta * told["learned"]["score"])), abs=1e-12)
    assert told["worth_after_fees"] == (abs(2 * told["p_up"] - 1) * 0.5 > 0.2)
    assert told["unknown_agents"] == sorted(said.keys() - file["agents"].keys())
    turned = tell_vote(found, calls_of({a: (-way, sure) for a, (way, sure) in said.items()}), found.as_of, 0.2)
    assert turned["direction"] == -direction
    assert turned["p_up"] == pytest.approx(1 - told["p_up"], abs=1e-12)


@given(said_by)
def test_equal_weights_are_in_use_unless_adopted_and_fresh(said: dict[str, tuple[int, float | None]]) -> None:
    calls = calls_of(said)
    equal = cast_vote(calls, {}, 1).direction
    adopted, plain = learned(follow([1.0] * 8)), learned(follow([-1.0] * 8))
    states = {
        "missing": tell_vote(None, calls, BEGIN, 0.2),
        "stale": tell_vote(adopted, calls, adopted.as_of + timedelta(hours=24), 0.2),
        "fresh": tell_vote(plain, calls, plain.as_of, 0.2),
    }
    for state, told in states.items():
        assert (told["state"], told["in_use"], told["direction"]) == (state, "equal", equal)
        assert "equal weights are in use" in told["sentence"]
    told = tell_vote(adopted, calls, adopted.as_of + timedelta(hours=23, minutes=59), 0.2)
    assert (told["state"], told["in_use"]) == ("fresh", "learned")
    assert states["missing"]["learned"] is states["missing"]["p_up"] is states["missing"]["worth_after_fees"] is None


def test_what_is_too_old_is_called_stale() -> None:
    found = learned()
    assert [is_stale(found, found.as_of + timedelta(hours=h)) for h in (0, 23.99, 24)] == [False, False, True]
    assert tell_weights(found, found.as_of)["stale"] is False
    assert tell_weights(found, found.as_of + timedelta(days=2))["valid_until"] == iso(found.as_of + timedelta(days=1))


@given(st.floats(-40, 40), st.floats(-1, 1), st.floats(0, 5))
def test_p_up_grows_with_the_score_and_never_leaves_its_bounds(beta: float, score: float, move: float) -> None:
    ps = [p_up(abs(beta), step * score) for step in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    assert all((b - a) * score >= 0 for a, b in pairwise(ps))
    assert ps[2] == 0.5
    assert all(0 <= p <= 1 for p in ps)
    assert is_worth(ps[4], move, 10.0) is False


@pytest.mark.parametrize(
    ("informs", "worth", "words"),
    [
        (True, True, "it is worth it in this sample"), (True, False, "no edge"), (True, None, "cannot be told"),
        (False, None, "tells no more than the base rate and the market alone (gain of log loss 0.0010 to 0.0200)"),
        (None, None, "cannot be told (500 trades predicted before they ended, about 170 independent ones)"),
    ],
)
def test_the_meta_models_verdicts_are_said_with_what_they_rest_on(
    informs: bool | None, worth: bool | None, words: str
) -> None:
    model = MetaModel("net_pnl", BEGIN, 900, 300.0, {}, FORETOLD, informs, worth)
    (said,) = (one for one in write_sentences(learned(models=(model,)), str) if "meta-model" in one)
    assert words in said
    assert ("It would have kept 40 trades, at -0.030 % after fees" in said) == (informs is True)
    early = MetaModel("horizon", BEGIN, 90, 30.0, None, {}, None, None)
    (said,) = (one for one in write_sentences(learned(models=(early,)), str) if "meta-model" in one)
    assert said.endswith("(90 trades, about 30 independent ones): it takes 100 independent ones.")

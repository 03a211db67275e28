"""What is said in words is what the figures allow, and no more."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from scorekeeper.analysis import tables
from scorekeeper.analysis.build import build_analyses
from scorekeeper.analysis.document import Analysis
from scorekeeper.analysis.input_columns import DecisionColumns, InputColumns, SignalColumns, TradeColumns
from scorekeeper.analysis.sentences import write_sentences
from scorekeeper.safe_text import escape_markdown

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
NAMES = ["Good", "<b>`Bad`</b>"]


def rows(n: int, *, skill: float, every_minutes: float = 61, versions: int = 1) -> InputColumns:
    """`n` decisions of an hour each; Good is right with probability `skill` and is followed, the other says nothing."""
    chance = np.random.default_rng(n)
    opened = 1_746_000_000 + np.arange(n) * every_minutes * 60.0
    h = chance.choice([-1.0, 1.0], n) * chance.uniform(0.1, 2, n)
    direction = np.where(chance.random(n) < skill, np.sign(h), -np.sign(h)).astype(np.int32)
    number = np.arange(n, dtype=np.int32)
    version = (number % versions).astype(np.int32)
    pnl = direction * h
    return InputColumns(
        [f"v{one}" for one in range(versions)] if n else [],
        NAMES,
        DecisionColumns(opened, opened + 3_600, direction, h, version, (number // versions).astype(np.int64)),
        SignalColumns(
            np.repeat(number, 2), np.tile(np.array([0, 1], dtype=np.int32), n),
            np.stack([direction, 0 * direction], axis=1).ravel(), np.tile(np.array([95.0, np.nan]), n),
        ),
        TradeColumns(opened, opened + 3_600, ((opened + 3_600) // 86_400).astype(np.int32), pnl, pnl - 0.2, version),
    )  # fmt: skip


def told(analysis: Analysis) -> str:
    return "\n".join(analysis.sentences)


def test_few_independent_trades_cannot_be_told_from_a_coin() -> None:
    words = told(build_analyses(rows(54, skill=0.9, every_minutes=13), AS_OF)[0])
    assert "With 54 trades, 11 of them independent, the win rate of " in words
    assert "cannot be told from a coin's (that takes 20 independent ones, and there are 11)" in words
    for claim in ("is better", "is worse", "is more than", "is less than", "did better", "did worse", "confident:"):
        assert claim not in words


def test_of_nothing_nothing_is_concluded() -> None:
    (whole,) = build_analyses(rows(0, skill=0.5), AS_OF)
    assert (whole.trades, whole.baselines, whole.agents, whole.dsr) == (0, (), (), None)
    assert whole.sentences == ("No trade has closed yet: nothing can be concluded about what the system earns.",)


def test_a_coin_is_not_called_skilled_and_skill_is_with_its_numbers() -> None:
    coin = told(build_analyses(rows(400, skill=0.5), AS_OF)[0])
    assert "Good: of 400 decided calls, 400 of them independent, its accuracy of" in coin
    assert "; over all 400 calls, 400 of them independent, a call was worth " in coin
    assert "cannot be told from a coin's" in coin
    skilled = build_analyses(rows(400, skill=0.8), AS_OF)[0]
    assert skilled.win_rate.verdict == "above"
    words = told(skilled)
    assert "is better than a coin's (95 % interval" in words
    assert "The system earns its fees." in words
    assert "Good is overconfident: over its 400 decided calls with a confidence, that is " in words
    assert "the system did better than always going long" in words
    assert "cannot be told from a vote of the agents weighted by confidence" not in words
    assert "Good alone" in words  # the system did what Good said: no difference at all
    losing = told(build_analyses(rows(400, skill=0.2), AS_OF)[0])
    assert "is worse than a coin's" in losing
    assert "After fees the system loses money." in losing


def test_trades_that_break_even_are_named_and_no_coin_is_held_against_them() -> None:
    some = rows(60, skill=0.5)
    pnl = np.tile([1.0, 1.0, -1.0, 0.0, 0.0, 0.0], 10)
    whole = build_analyses(replace(some, trades=replace(some.trades, pnl_pct=pnl, net_pnl_pct=pnl - 0.2)), AS_OF)[0]
    first = whole.sentences[0]
    assert first.startswith("With 60 trades, 60 of them independent (30 of them broke even), the win rate of 33.3 % ")
    assert "50 %" in first
    assert "coin" not in first


def test_a_sharpe_beyond_luck_is_not_enough_against_the_mean_or_the_fees() -> None:
    whole = build_analyses(rows(600, skill=0.6, versions=2), AS_OF)[0]
    sure = replace(whole, dsr=0.99)
    assert "is better than such luck is 0.99, which is enough" in "\n".join(write_sentences(sure, escape_markdown))
    losing = replace(sure, net_expectancy_pct=replace(sure.net_expectancy_pct, verdict="below"))
    unsure = replace(sure, expectancy_pct=replace(sure.expectancy_pct, verdict=None))
    for one in (losing, unsure):
        assert "0.99, which alone is not enough" in "\n".join(write_sentences(one, escape_markdown))


def test_what_only_chance_among_many_explains_is_said_to_be_so() -> None:
    found = build_analyses(rows(400, skill=0.5), AS_OF)[0]
    estimate = replace(found.win_rate.estimate, mean=56.0, ci95=(50.5, 61.5), p=0.04)
    weak = replace(found, win_rate=replace(found.win_rate, estimate=estimate, p_adjusted=0.12, verdict=None))
    assert write_sentences(weak, escape_markdown)[0].endswith("p 0.040, but 0.120 among all the comparisons shown).")


def test_versions_that_alternate_are_compared_by_pairs() -> None:
    whole, *each = build_analyses(rows(600, skill=0.5, versions=2), AS_OF)
    assert [one.version for one in each] == ["v0", "v1"]
    assert [one.trades for one in each] == [300, 300]
    (pair,) = whole.pairs
    assert (pair.one, pair.other, pair.paired.estimate.n, pair.own_periods.estimate.n) == ("v1", "v0", 300, 600)
    assert "With 300 intervals, 300 of them independent in which both decided on the same symbol, version v1" in told(
        whole
    )
    assert "There is one version only" not in told(whole)
    assert whole.dsr is not None
    assert all(one.dsr == period.dsr for one, period in zip(each, whole.versions, strict=True))


def test_names_are_inert_wherever_they_are_shown() -> None:
    whole = build_analyses(rows(300, skill=0.7), AS_OF)[0]
    shown_tables = [
        make(whole, escape_markdown) for make in (tables.attribution_rows, tables.baseline_rows, tables.version_rows)
    ]
    shown = told(whole) + str(shown_tables)
    assert "&#60;b&#62;" in shown
    assert "<b>" not in shown


def test_more_agents_than_can_be_shown_are_counted() -> None:
    few = rows(40, skill=0.5)
    said = SignalColumns(
        np.repeat(np.arange(40, dtype=np.int32), 2), np.arange(80, dtype=np.int32) % 60,
        np.ones(80, dtype=np.int32), np.full(80, 70.0),
    )  # fmt: skip
    whole = build_analyses(replace(few, agents=[f"a{one}" for one in range(60)], signals=said), AS_OF)[0]
    assert (len(whole.agents), whole.left_out_agents) == (50, 10)
    assert "Another 48 agents with no more signals: see the tables." in told(whole)

"""Agents whose skill is planted: does the analysis rank them as they are, and whom does it call skilled?

The analysis is the product's own (`build_analyses`), over rows as it reads them from the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from rich.table import Table

from benchmarks.simulated import GAPS, Floats, Spans, is_right, market, moves, percent, spans
from scorekeeper.analysis.build import build_analyses
from scorekeeper.analysis.document import AgentAnalysis
from scorekeeper.analysis.input_columns import DecisionColumns, InputColumns, SignalColumns, TradeColumns

AS_OF = datetime(2026, 1, 5, tzinfo=UTC)
SKILLS = (0.68, 0.62, 0.56, 0.50, 0.44)
RANKED_FROM = 1_600  # independent decisions from which the planted order should come out
FEWEST_RANKED_PCT = 90.0
MOST_SKILLED_PCT = 6.5  # of coin-flip agents: 5 % and 1.5 points


@dataclass(frozen=True)
class Ranked:
    """How often Shapley values put agents of planted skill in their order, percent of simulations, and of pairs."""

    spacing: str
    decisions: int
    independent: int
    simulations: int
    order_pct: float
    order_se: float
    pairs_pct: float
    best_first_pct: float

    @property
    def reached(self) -> bool | None:
        """None where there are too few decisions to ask for it."""
        return self.order_pct >= FEWEST_RANKED_PCT if self.independent >= RANKED_FROM else None


@dataclass(frozen=True)
class Called:
    """How often the verdict called an agent skilled (accuracy above a coin's, or calls that earn), in percent.

    `any_pct`: simulations in which any of the agents was.
    """

    skill_pct: float
    agents: int
    spacing: str
    decisions: int
    independent: int
    simulations: int
    skilled_pct: float
    skilled_se: float
    any_pct: float

    @property
    def reached(self) -> bool | None:
        """None for agents that are skilled."""
        return self.skilled_pct <= MOST_SKILLED_PCT if self.skill_pct == 50 else None


def analyse(over: Spans, returns: Floats, directions: Floats, confidence: Floats) -> Sequence[AgentAnalysis]:
    """The product's analysis of agents (agents, n) over decisions with these horizon returns (n,), in agents' order."""
    agents, n = directions.shape
    opened, closed = over.opened * 60, over.closed * 60
    first = directions[0].astype(np.int32)
    zeros = np.zeros(n, dtype=np.int32)
    rows = InputColumns(
        ["v"],
        [f"agent {number:02d}" for number in range(agents)],
        DecisionColumns(opened, closed, first, returns, zeros, np.full(n, -1)),
        SignalColumns(
            np.repeat(np.arange(n, dtype=np.int32), agents), np.tile(np.arange(agents, dtype=np.int32), n),
            directions.T.reshape(-1).astype(np.int32), confidence.T.reshape(-1),
        ),
        TradeColumns(
            opened, closed, (closed // 86_400).astype(np.int32), first * returns, first * returns - 0.2, zeros,
        ),
    )  # fmt: skip
    return build_analyses(rows, AS_OF)[0].agents


def rank(spacing: str, independent: int, simulations: int, seed: int) -> Ranked:
    """Simulate agents of SKILLS, each as sure as it is right, and order them by Shapley value."""
    over = spans(GAPS[spacing], independent)
    chance = np.random.default_rng([seed, independent, list(GAPS).index(spacing), 1])
    n, ordered, best, pairs = len(over.opened), 0, 0, 0
    confidence = np.repeat(100 * np.array(SKILLS)[:, None], n, axis=1)
    for _ in range(simulations):
        returns = market(chance, 1, over)[0]
        right = np.concatenate([is_right(chance, 1, over, skill) for skill in SKILLS])
        found = analyse(over, returns, np.where(right, 1.0, -1.0) * np.sign(returns), confidence)
        values = np.array([one.shapley_pct for one in found])
        above = values[:, None] > values[None, :]
        pairs += int(np.triu(above, 1).sum())
        ordered += bool((np.diff(values) < 0).all())
        best += int(values.argmax()) == 0
    possible = simulations * len(SKILLS) * (len(SKILLS) - 1) // 2
    return Ranked(
        spacing, n, independent, simulations, *percent(ordered, simulations), 100 * pairs / possible,
        100 * best / simulations,
    )  # fmt: skip


def call(skill: float, agents: int, spacing: str, independent: int, simulations: int, seed: int) -> Called:
    """Simulate `agents` that are right with chance `skill`, or, at 0.5, that flip coins; count the verdicts."""
    over = spans(GAPS[spacing], independent)
    chance = np.random.default_rng([seed, independent, list(GAPS).index(spacing), agents, round(100 * skill), 2])
    n, skilled, some = len(over.opened), 0, 0
    for _ in range(simulations):
        returns = market(chance, 1, over)[0]
        if skill == 0.5:
            directions = np.sign(moves(chance, agents, over))  # a coin of its own, that knows no market
        else:
            directions = np.where(is_right(chance, agents, over, skill), 1.0, -1.0) * np.sign(returns)
        confidence = chance.integers(50, 91, (agents, n)).astype(float)
        verdicts = [
            "above" in (one.accuracy.verdict, one.call_return_pct.verdict)
            for one in analyse(over, returns, directions, confidence)
        ]
        skilled += sum(verdicts)
        some += any(verdicts)
    return Called(
        100 * skill, agents, spacing, n, independent, simulations, *percent(skilled, simulations * agents),
        100 * some / simulations,
    )  # fmt: skip


def ranking_table(ranked: Sequence[Ranked]) -> Table:
    """One row per spacing and size."""
    skills = ", ".join(f"{100 * skill:.0f}" for skill in SKILLS)
    table = Table(title=f"Agents right in {skills} %, ordered by Shapley value: percent of simulations")
    for heading in ("spacing", "decisions", "independent", "whole order", "pairs", "best first", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in ranked:
        target = "" if one.reached is None else f"{FEWEST_RANKED_PCT:.0f} " + ("✓" if one.reached else "MISSED")
        table.add_row(
            one.spacing, f"{one.decisions:,}", f"{one.independent:,}", f"{one.order_pct:.1f} ± {one.order_se:.1f}",
            f"{one.pairs_pct:.1f}", f"{one.best_first_pct:.1f}", target,
        )  # fmt: skip
    return table


def verdict_table(called: Sequence[Called]) -> Table:
    """One row per skill, number of agents, spacing and size."""
    table = Table(title="Agents that the verdict calls skilled, percent")
    for heading in ("right in", "agents", "spacing", "decisions", "independent", "called skilled", "any", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in called:
        target = "" if one.reached is None else f"≤ {MOST_SKILLED_PCT} " + ("✓" if one.reached else "MISSED")
        table.add_row(
            "a coin" if one.skill_pct == 50 else f"{one.skill_pct:.0f} %", f"{one.agents}", one.spacing,
            f"{one.decisions:,}", f"{one.independent:,}", f"{one.skilled_pct:.1f} ± {one.skilled_se:.1f}",
            f"{one.any_pct:.1f}", target,
        )  # fmt: skip
    table.caption = "any: simulations in which any of the agents was"
    return table

"""Versions side by side: their figures, and what an analysis says of the difference between two."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from dashboard.data.figures import judge
from dashboard.data.filters import Filters
from dashboard.data.overview import read_analysis


@dataclass(frozen=True)
class Difference:
    """One version minus another, in percent: `how` (paired: a decision, own periods: a trade), with its evidence.

    `n`: pairs of intervals in which both decided, or the trades of both; `independent`: those that overlap nowhere.
    `p_adjusted` is after Benjamini-Hochberg over all comparisons of the analysis.
    """

    how: str
    mean: float | None
    interval: tuple[float, float] | None
    n: int
    independent: int
    p_adjusted: float | None
    verdict: str


@dataclass(frozen=True)
class Pair:
    """Two versions: `one` minus `other`."""

    one: str
    other: str
    paired: Difference
    own_periods: Difference


@dataclass(frozen=True)
class Period:
    """A version over its own period, by the last analysis: from its first decision to its last."""

    version: str
    first_at: str
    last_at: str
    decisions: int
    trades: int
    sharpe: float | None
    psr: float | None
    dsr: float | None


@dataclass(frozen=True)
class Versions:
    """What the last analysis of everything says of versions; empty where there is none."""

    analysed_at: str | None
    periods: list[Period]
    pairs: list[Pair]

    def between(self, one: str, other: str) -> Pair | None:
        """What stands between two versions, whichever way round the analysis has it."""
        for pair in self.pairs:
            if (pair.one, pair.other) == (one, other):
                return pair
            if (pair.one, pair.other) == (other, one):
                return turn(pair)
        return None


def read_versions(connection: Connection, filters: Filters) -> Versions:
    """The comparisons of the last analysis of everything at the filters' moment: it alone compares versions."""
    document = read_analysis(connection, Filters(as_of=filters.as_of))
    if document is None:
        return Versions(None, [], [])
    names = ("version", "first_at", "last_at", "decisions", "trades", "sharpe", "psr", "dsr")
    periods = [Period(**{name: one[name] for name in names}) for one in document["versions"]]
    pairs = [
        Pair(
            one["one"], one["other"], _difference("paired", one["paired"]),
            _difference("own periods", one["own_periods"]),
        )
        for one in document["pairs"]
    ]  # fmt: skip
    return Versions(document["as_of"], periods, pairs)


def _difference(how: str, claim: dict[str, Any]) -> Difference:
    estimate = claim["estimate"]
    interval = None if estimate["ci95"] is None else (estimate["ci95"][0], estimate["ci95"][1])
    return Difference(
        how, estimate["mean"], interval, estimate["n"], estimate["independent"], claim["p_adjusted"],
        judge(claim, "0", "better", "worse"),
    )  # fmt: skip


def turn(pair: Pair) -> Pair:
    """The same the other way round.

    >>> better = Difference("paired", 0.5, (0.1, 0.9), 40, 20, 0.01, "better")
    >>> turned = turn(Pair("v2", "v1", better, better)).paired
    >>> turned.mean, turned.interval, turned.verdict
    (-0.5, (-0.9, -0.1), 'worse')
    """
    return Pair(pair.other, pair.one, _turned(pair.paired), _turned(pair.own_periods))


def _turned(one: Difference) -> Difference:
    return Difference(
        one.how, None if one.mean is None else -one.mean,
        None if one.interval is None else (-one.interval[1], -one.interval[0]), one.n, one.independent, one.p_adjusted,
        {"better": "worse", "worse": "better"}.get(one.verdict, one.verdict),
    )  # fmt: skip

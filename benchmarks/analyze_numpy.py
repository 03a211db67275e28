"""The figures of an analysis in plain numpy and scipy, on arrays in memory: what a script over a data frame would do.

Sums are numpy's. Spans are counted by the textbook's loop, once for each set of them. analyze.py checks that it says
what the product says.
"""

import math

import numpy as np
from scipy import stats

from scorekeeper.analysis.input_columns import DecisionColumns, InputColumns, SignalColumns, TradeColumns

_COALITIONS_AT_ONCE = 1 << 16  # decisions


def figures(rows: InputColumns) -> list[dict[str, float | None]]:
    """The figures of everything, then those of each version, by name."""
    scopes = [rows, *(rows.of_version(number) for number in range(len(rows.versions)))]
    return [_scope(one) for one in scopes]


def _scope(rows: InputColumns) -> dict[str, float | None]:
    found = _of_trades(rows.trades) | _of_baselines(rows)
    confidence = rows.signals.confidence.astype(float)
    weight = np.where(np.isnan(confidence), 50.0, confidence) * rows.signals.direction
    shapley, alone = _shares(rows.decisions, rows.signals, weight)
    for number, agent in enumerate(rows.agents):
        ours = rows.signals.agent == number
        if ours.any():
            one, spans = _of_agent(rows.decisions, rows.signals, ours, weight[ours]), _spans(rows, ours)
            one |= _mean("shapley", shapley[ours], *spans) | _mean("alone", alone[ours], *spans)
            found |= {f"{agent} {name}": value for name, value in one.items()}
    return found


def _spans(rows: InputColumns, ours: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    decision = rows.signals.decision[ours]
    return rows.decisions.opened[decision], rows.decisions.expires[decision]


def _of_trades(trades: TradeColumns) -> dict[str, float | None]:
    spans = trades.opened, trades.closed
    found = _mean("win rate", np.where(trades.pnl_pct > 0, 100.0, 0.0), *spans)
    found |= _mean("gross", trades.pnl_pct, *spans) | _mean("net", trades.net_pnl_pct, *spans)
    days = np.bincount(trades.exit_day - trades.exit_day.min(), weights=trades.pnl_pct)
    found["sharpe"] = float(days.mean() / days.std(ddof=1))
    return found | {"independent": _count(*spans)}


def _of_baselines(rows: InputColumns) -> dict[str, float | None]:
    d, s = rows.decisions, rows.signals
    confidence = s.confidence.astype(float)
    weight = np.where(np.isnan(confidence), 50.0, confidence) * s.direction
    rules = {"long": np.ones(len(d)), "short": -np.ones(len(d))}
    for name, weights in (("equal", s.direction.astype(float)), ("confidence", weight)):
        rules[name] = np.sign(np.bincount(s.decision, weights=weights, minlength=len(d)))
    for number, agent in enumerate(rows.agents):
        rules[agent] = np.zeros(len(d))
        rules[agent][s.decision[s.agent == number]] = s.direction[s.agent == number]
    found: dict[str, float | None] = {}
    for name, directions in rules.items():
        found |= _mean(f"less {name}", (d.direction - directions) * d.return_pct, d.opened, d.expires)
    return found


def _of_agent(d: DecisionColumns, s: SignalColumns, ours: np.ndarray, weight: np.ndarray) -> dict[str, float | None]:
    decision, direction, confidence = s.decision[ours], s.direction[ours], s.confidence[ours].astype(float)
    h, opened, expires = d.return_pct[decision], d.opened[decision], d.expires[decision]
    calls = direction != 0
    sure = calls & (h != 0) & ~np.isnan(confidence)
    right = np.where(direction * h > 0, 100.0, 0.0)
    found = _mean("calls", (direction * h)[calls], opened[calls], expires[calls])
    found |= _mean("accuracy", right[sure], opened[sure], expires[sure])
    found |= _mean("gap", confidence[sure] - right[sure], opened[sure], expires[sure])
    bins = np.clip(confidence[sure] // 10, 0, 9).astype(int)
    found |= {f"bin {n}": float(x) for n, x in enumerate(np.bincount(bins, weights=right[sure], minlength=10))}
    found["ic"] = float(stats.spearmanr(weight, h).statistic)
    return found | {"independent": _count(opened[calls], expires[calls])}


def _mean(name: str, values: np.ndarray, opened: np.ndarray, closed: np.ndarray) -> dict[str, float | None]:
    """The mean and its standard error by eight batches of the values in order."""
    ordered = values[np.argsort(opened, kind="stable")]
    batches = np.array([batch.mean() for batch in np.array_split(ordered, 8)])
    return {name: float(values.mean()), f"{name} error": float(batches.std(ddof=1)) / math.sqrt(8)}


def _count(opened: np.ndarray, closed: np.ndarray) -> float:
    """The most spans that do not overlap."""
    order = np.argsort(closed, kind="stable")
    count, until = 0, -math.inf
    for start, end in zip(opened[order].tolist(), closed[order].tolist(), strict=True):
        if start >= until:
            count, until = count + 1, end
    return float(count)


def _shares(d: DecisionColumns, s: SignalColumns, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values and leave-one-out, of decisions with equally many signals, over every coalition."""
    k = len(s) // len(d)
    weights = weight.reshape(len(d), k)
    inside = ((np.arange(1 << k)[:, None] >> np.arange(k)) & 1).astype(float)
    size = inside.sum(axis=1)
    share = np.array([math.factorial(n) * math.factorial(k - n - 1) / math.factorial(k) for n in range(k)])
    gives = np.where(
        inside == 1, share[np.maximum(size - 1, 0).astype(int)][:, None],
        -share[np.minimum(size, k - 1).astype(int)][:, None],
    )  # fmt: skip
    shapley = np.empty_like(weights)
    for first in range(0, len(d), _COALITIONS_AT_ONCE):
        some = slice(first, first + _COALITIONS_AT_ONCE)
        shapley[some] = np.sign(weights[some] @ inside.T) @ gives
    total = weights.sum(axis=1, keepdims=True)
    alone = np.sign(total) - np.sign(total - weights)
    h = d.return_pct[:, None]
    return (shapley * h).ravel(), (alone * h).ravel()

"""The meta-model: a logistic regression on what is known when a trade opens. Does the trade pay?

It is fitted walk-forward on trades that ended before, and judged on trades that came after.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scorekeeper.learning.constants import META_LEAST_TRADES, META_STRENGTH, META_SYMBOL_TRADES
from scorekeeper.learning.logistic import fit_map
from scorekeeper.learning.meta_features import SYMBOL, is_of_market

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """Log odds that a trade pays: intercept + sum(coefficient·(feature - mean)/scale), shape (features,) each.

    `fills` stand for unknown values.
    """

    names: tuple[str, ...]
    fills: Floats
    means: Floats
    scales: Floats
    coefficients: Floats
    intercept: float


@dataclass(frozen=True)
class Model:
    """A fitted model: `line` from all features, and `market`, its reference, from those of the market alone.

    `base_rate`: the share of trades that paid. `keep_above`: the probability from which a trade is expected to earn.
    `trades`: on how many it was fitted.
    """

    trades: int
    base_rate: float
    keep_above: float
    line: Line
    market: Line


def fit(features: Floats, names: Sequence[str], net: Floats, uniqueness: Floats) -> Model | None:
    """Fit a model to trades. `features`: (n, k), NaN where unknown. `net`: what each trade brought, percent after fees.

    Each trade counts by its `uniqueness`. The target is net > 0. A feature that does not vary, or a symbol with fewer
    than 200 of the trades, is left out. Unknown values become the median of the known ones. Features are standardised
    (weighted mean 0, standard deviation 1). The coefficients minimise C·(log loss) + (sum of squares)/2 with C = 0.01;
    the intercept is free: scikit-learn's LogisticRegression(C=0.01) after a StandardScaler, both with the weights.

    A trade is kept if it is expected to earn: p·W > (1 - p)·L, with W and L the mean sizes of gains and losses of the
    trades fitted. `keep_above` is L/(W + L).

    The reference is fitted in the same way on the features of the market alone. Where moves are large more trades pay
    their fees, whoever decides: that is no merit of the agents.

    Returns None below 100 independent trades (the sum of `uniqueness`), or if all of them paid, or none did.
    """
    paid, total = net > 0, float(uniqueness.sum())
    if total < META_LEAST_TRADES or paid.all() or not paid.any():
        return None
    paying = float(uniqueness[paid].sum())
    chosen: list[str] = []
    scaling: list[tuple[float, float, float]] = []
    x = np.ones((len(features), 1 + features.shape[1]))
    for place, name in enumerate(names):
        fill = _median(features[:, place])
        column = _filled(features[:, place], fill)
        if column.max() == column.min() or (name.startswith(SYMBOL) and column.sum() < META_SYMBOL_TRADES):
            continue
        mean = _dot(uniqueness, column) / total
        scale = math.sqrt(_dot(uniqueness, (column - mean) ** 2) / total)
        chosen.append(name)
        scaling.append((fill, mean, scale))
        x[:, len(chosen)] = (column - mean) / scale
    scaled = np.array(scaling).reshape(-1, 3)

    def line(places: list[int]) -> Line:
        rows = x[:, : 1 + len(places)] if len(places) == len(chosen) else x[:, [0, *(1 + place for place in places)]]
        fitted = fit_map(rows, paid, uniqueness, np.array([0.0, *[1 / META_STRENGTH] * len(places)]))
        fills, means, scales = scaled[places].T
        return Line(tuple(chosen[place] for place in places), fills, means, scales, fitted[1:], float(fitted[0]))

    gain = _dot(uniqueness[paid], net[paid]) / paying
    loss = -_dot(uniqueness[~paid], net[~paid]) / (total - paying)
    every = list(range(len(chosen)))
    market = [place for place in every if is_of_market(chosen[place])]
    return Model(len(x), paying / total, loss / (gain + loss), line(every), line(market))


def predict(line: Line, features: Floats, names: Sequence[str]) -> Floats:
    """How likely each trade pays, shape (n,). `features` as for `fit`, with the columns `names`.

    A feature that the line does not know counts for nothing. One of the line's that `names` lacks has its mean.
    """
    places = {name: place for place, name in enumerate(names)}
    logits = np.full(len(features), line.intercept)
    # Column by column: a sum that does not depend on how many trades are asked for together.
    for name, fill, mean, scale, coefficient in zip(
        line.names, line.fills, line.means, line.scales, line.coefficients, strict=True
    ):
        if name in places:
            logits += coefficient * ((_filled(features[:, places[name]], fill) - mean) / scale)
    probability: Floats = expit(logits)
    return probability


def _dot(one: Floats, other: Floats) -> float:
    """The sum of products. Unlike that of a BLAS it does not depend on how many threads there are."""
    return float(np.sum(one * other))


def _filled(column: Floats, fill: float) -> Floats:
    return np.where(np.isnan(column), fill, column)


def _median(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0

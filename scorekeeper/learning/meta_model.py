"""The meta-model: a logistic regression on what is known when a trade opens. Does the trade pay?

It is fitted walk-forward on trades that ended before, and judged on trades that came after.
"""

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


def fit(features: Floats, names: list[str], net: Floats, uniqueness: Floats) -> Model | None:
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
    fills = np.array([_median(features[:, column]) for column in range(features.shape[1])])
    x = np.where(np.isnan(features), fills, features)
    often = np.array([not name.startswith(SYMBOL) for name in names]) | (x.sum(axis=0) >= META_SYMBOL_TRADES)
    chosen = np.flatnonzero(often & (x.max(axis=0) > x.min(axis=0)))
    kept_names, fills = [names[place] for place in chosen], fills[chosen]
    x = x[:, chosen]
    means = uniqueness @ x / total
    x -= means
    scales = np.sqrt(uniqueness @ (x * x) / total)
    x /= scales

    def line(places: list[int]) -> Line:
        rows = np.column_stack([np.ones(len(x)), x[:, places]])
        fitted = fit_map(rows, paid, uniqueness, np.array([0.0, *[1 / META_STRENGTH] * len(places)]))
        of = tuple(kept_names[place] for place in places)
        return Line(of, fills[places], means[places], scales[places], fitted[1:], float(fitted[0]))

    gain = float(uniqueness[paid] @ net[paid]) / paying
    loss = -float(uniqueness[~paid] @ net[~paid]) / (total - paying)
    every = list(range(len(kept_names)))
    market = [place for place in every if is_of_market(kept_names[place])]
    return Model(len(x), paying / total, loss / (gain + loss), line(every), line(market))


def predict(line: Line, features: Floats, names: list[str]) -> Floats:
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
            column = features[:, places[name]]
            logits += coefficient * ((np.where(np.isnan(column), fill, column) - mean) / scale)
    probability: Floats = expit(logits)
    return probability


def _median(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0

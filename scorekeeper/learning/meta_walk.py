"""The meta-model walk-forward: when it is fitted, on what, and which model speaks of a trade."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorekeeper.learning.constants import META_GROWTH
from scorekeeper.learning.meta_model import Model, fit, predict

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def released_at(opened: Ints, expires: Ints) -> Ints:
    """When a trade may be fitted on: one planned hold after its end (purge, then an embargo of one hold)."""
    return expires + (expires - opened)


def fit_walk(
    features: Floats,
    names: Sequence[str],
    net: Floats,
    uniqueness: Floats,
    released: Ints,
    midnights: Ints,
    last: float,
    deleted: float = 0.0,
) -> Iterator[tuple[int, float, Model]]:
    """The models that are fitted at `midnights`: (midnight, independent trades up to it, model).

    Trades in order of `released`, columns as in `meta_model.fit`. Times in microseconds since 1970. A midnight's model
    is fitted on trades released at or before it, if the sum of their uniqueness has grown by 5 % since the last fit.
    `last`: that sum at the last fit before these midnights, 0: there was none. `deleted`: the sum of earlier trades,
    which are not there any more and count in no fit.
    """
    independent = deleted + np.concatenate([[0.0], np.cumsum(uniqueness)])
    for midnight, known in zip(midnights.tolist(), np.searchsorted(released, midnights, side="right"), strict=True):
        if independent[known] <= 0 or independent[known] < META_GROWTH * last:
            continue
        model = fit(features[:known], names, net[:known], uniqueness[:known])
        if model is not None:
            last = float(independent[known])
            yield midnight, last, model


@dataclass(frozen=True)
class Said:
    """What models said of trades, shape (n,): how likely each pays (`p`), the same by the market alone (`market`), the
    base rate, and whether the trade is kept. NaN, and not kept: no model yet.
    """

    p: Floats
    market: Floats
    base: Floats
    kept: Bools


def predict_walk(models: Sequence[tuple[int, Model]], features: Floats, names: Sequence[str], opened: Ints) -> Said:
    """What the models say of trades. `models`: by the midnight from which each speaks, ascending.

    Of a trade speaks the last model fitted at or before the midnight at or before its opening.
    """
    n = len(opened)
    said = Said(np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=np.bool_))
    speaks = np.searchsorted(np.array([at for at, _ in models], dtype=np.int64), opened, side="right") - 1
    order = np.argsort(speaks, kind="stable")
    cuts = np.searchsorted(speaks[order], np.arange(len(models) + 1))
    for place, (_, model) in enumerate(models):
        rows = order[cuts[place] : cuts[place + 1]]
        seen = features[rows]
        said.p[rows] = predict(model.line, seen, names)
        said.market[rows] = predict(model.market, seen, names)
        said.base[rows] = model.base_rate
        said.kept[rows] = said.p[rows] > model.keep_above
    return said

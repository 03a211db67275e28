"""Does the meta-model tell more than the base rate, and do the trades that it keeps earn? Judged on later trades."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, xlogy

from scorekeeper.learning.constants import BETS, META_LEAST_TRADES, SCALES_IN_BET, THRESHOLD
from scorekeeper.learning.evidence import find_blocks, scale_of_bets
from scorekeeper.learning.running_means import Means, running_means

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_TENTHS = 10
_LARGEST_LOG = 600.0  # of evidence: beyond it a float overflows


@dataclass(frozen=True)
class Predicted:
    """Trades that a model gave a probability before they ended, in order of `expires`, as columns of shape (n,).

    Times are in microseconds since 1970. `p`: that the trade pays. `market`: the same by the market alone, the
    reference. `base`: the base rate of the model's own trades.
    `kept`: whether the model would have kept the trade. `net`: what the trade brought, percent after fees.
    """

    opened: Ints
    expires: Ints
    p: Floats
    market: Floats
    base: Floats
    kept: Bools
    uniqueness: Floats
    net: Floats


@dataclass(frozen=True)
class Judged:
    """Figures after each moment, shape (moments,); NaN: undefined.

    `gain`: log loss of the reference less that of the model. `base_gain`: log loss of the base rate less that of the
    model. `brier_skill`: 1 - (Brier score)/(that of the base rate).
    `independent`: the sum of uniqueness. `all_net`: of all trades with a probability. `kept`: of those kept.
    `tenths`: by tenth of the probability, how many trades, how many paid, the sum of p: shape (moments, 10, 3).
    """

    gain: Means
    base_gain: Means
    log_loss: Floats
    brier: Floats
    brier_skill: Floats
    independent: Floats
    e_value: Floats
    blocks: Ints
    all_net: Means
    kept: Means
    tenths: Floats

    def informs(self, place: int) -> bool | None:
        """Whether what agents say tells more than the base rate and the market alone; None: cannot be told.

        After the moment at `place`. It does if the interval of `gain` lies above 0, or evidence stands at 20, and the
        mean of `base_gain` is above 0 too. Below 100 independent trades: None.
        """
        if self.independent[place] < META_LEAST_TRADES:
            return None
        if self.gain.low[place] > 0 or self.e_value[place] >= THRESHOLD:
            return bool(self.base_gain.mean[place] > 0)
        return None if np.isnan(self.gain.low[place]) else False

    def worth_it(self, place: int) -> bool | None:
        """Whether the trades kept earn after fees: whether their interval lies above 0; None: cannot be told."""
        if self.independent[place] < META_LEAST_TRADES or np.isnan(self.kept.low[place]):
            return None
        return bool(self.kept.low[place] > 0)


def judge(trades: Predicted, moments: Ints, block: int) -> Judged:
    """Judge what was known at each of `moments` (ascending): trades with `expires` at or before it.

    `block`: the length of the version's blocks of UTC time, microseconds.
    """
    known = np.searchsorted(trades.expires, moments, side="right").astype(np.int64)
    paid = (trades.net > 0).astype(np.float64)
    losses, of_market, of_rate = (_log_loss(paid, said) for said in (trades.p, trades.market, trades.base))
    gains = of_market - losses
    errors, base_errors = (trades.p - paid) ** 2, (trades.base - paid) ** 2
    of_base = _sums(base_errors)[known]
    skill = 1 - np.divide(_sums(errors)[known], of_base, out=np.full(len(known), np.nan), where=of_base > 0)
    e_value, blocks = _evidence(trades, gains, moments, block)
    spans = trades.opened, trades.expires
    kept = np.flatnonzero(trades.kept)
    kept_known = np.searchsorted(trades.expires[kept], moments, side="right").astype(np.int64)
    return Judged(
        running_means(gains, *spans, known),
        running_means(of_rate - losses, *spans, known),
        _means(losses, known),
        _means(errors, known),
        skill,
        _sums(trades.uniqueness)[known],
        e_value,
        blocks,
        running_means(trades.net, *spans, known),
        running_means(trades.net[kept], trades.opened[kept], trades.expires[kept], kept_known),
        _tenths(trades, paid, moments),
    )


def _tenths(trades: Predicted, paid: Floats, moments: Ints) -> Floats:
    found = np.zeros((len(moments), _TENTHS, 3))
    tenth = np.minimum(np.floor(trades.p * _TENTHS), _TENTHS - 1)
    for number in range(_TENTHS):
        rows = np.flatnonzero(tenth == number)
        known = np.searchsorted(trades.expires[rows], moments, side="right")
        found[:, number, 0] = known
        found[:, number, 1] = _sums(paid[rows])[known]
        found[:, number, 2] = _sums(trades.p[rows])[known]
    return found


def _evidence(trades: Predicted, gains: Floats, moments: Ints, block: int) -> tuple[Floats, Ints]:
    """The e-process on block means of gains after each moment, and how many blocks it has seen.

    As in evidence.py: a trade belongs to the block in which it opens, if it ends in it too. The scale of a bet comes
    from earlier blocks. The wealth is the mean over the bets.
    """
    whole, first = find_blocks(trades.opened, trades.expires, block)
    if not len(whole):
        return np.ones(len(moments)), np.zeros(len(moments), dtype=np.int64)
    order = np.argsort(first, kind="stable")
    numbers, begins, counts = np.unique(first[order], return_index=True, return_counts=True)
    means = np.add.reduceat(gains[whole[order]], begins) / counts
    squares = np.concatenate([[0.0], np.cumsum(means * means)[:-1]])
    scales = scale_of_bets(squares, np.arange(len(means)))
    bets = np.clip(means / (SCALES_IN_BET * scales), -1.0, 1.0)
    wealth = np.cumsum(np.log1p(np.outer(bets, BETS)), axis=0)
    evidence = np.exp(np.minimum(logsumexp(wealth, axis=1) - np.log(len(BETS)), _LARGEST_LOG))
    ended = np.searchsorted((numbers + 1) * block, moments, side="right").astype(np.int64)
    return np.concatenate([[1.0], evidence])[ended], ended


def _log_loss(paid: Floats, said: Floats) -> Floats:
    return np.asarray(-xlogy(paid, said) - xlogy(1 - paid, 1 - said), dtype=np.float64)


def _sums(values: NDArray[np.floating]) -> Floats:
    """The sum of the first 0, 1, … n values."""
    return np.concatenate([[0.0], np.cumsum(values)])


def _means(values: NDArray[np.floating], known: Ints) -> Floats:
    means: Floats = np.divide(_sums(values)[known], known, out=np.full(len(known), np.nan), where=known > 0)
    return means

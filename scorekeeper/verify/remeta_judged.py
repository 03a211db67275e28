"""How well a meta-model did, recomputed from what it said of trades that pass by once, in order of their expiry."""

import math
from itertools import pairwise
from statistics import stdev
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorekeeper.verify.remeta import Floats

BLOCK_BETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
T_OF_7 = 2.3646242515927844  # the 97.5th percentile of Student's t with seven degrees of freedom


class Foretold(NamedTuple):
    """What fits said of some trades before they ended, and what came; times in microseconds since 1970."""

    opened: NDArray[np.int64]
    expires: NDArray[np.int64]
    p: Floats
    market: Floats
    base: Floats
    kept: NDArray[np.bool_]
    uniqueness: Floats
    net: Floats


class Apart:
    """Counts the most trades of which no two overlap, as they pass by."""

    def __init__(self) -> None:
        self._count, self._free = 0, -1 << 63

    def add(self, told: Foretold, among: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many there are up to each of these trades, of those `among` them."""
        found = []
        for opened, expires, counts in zip(told.opened.tolist(), told.expires.tolist(), among.tolist(), strict=True):
            if counts and opened >= self._free:
                self._count, self._free = self._count + 1, expires
            found.append(self._count)
        return np.array(found, dtype=np.int64)


class _Mean:
    """A mean of `expected` values in all, and its interval from eight consecutive groups; a cut value is shared."""

    def __init__(self, expected: int) -> None:
        self._cuts = [expected * place / 8 for place in range(9)]
        self._groups = [0.0] * 8
        self.count, self.sum = 0, 0.0

    def add(self, values: Floats) -> None:
        for place, (low, high) in enumerate(pairwise(self._cuts)):
            first = max(math.floor(low) - self.count, 0)
            last = min(math.ceil(high) - self.count, len(values))
            if first < last:
                at = np.arange(self.count + first, self.count + last, dtype=np.float64)
                shares = np.minimum(at + 1, high) - np.maximum(at, low)
                self._groups[place] += float(values[first:last] @ shares)
        self.count += len(values)
        self.sum += float(values.sum())

    @property
    def mean(self) -> float | None:
        return self.sum / self.count if self.count else None

    def interval(self, apart: int) -> list[float] | None:
        """The 95 % interval of the mean; `apart`: how many of the values do not overlap."""
        if apart < 20 or self.mean is None:
            return None
        groups = [8 * one / self.count for one in self._groups]
        spread = stdev(groups)
        half = T_OF_7 * spread / math.sqrt(8)
        return None if spread < 1e-12 else [self.mean - half, self.mean + half]


class Judge:
    """The metrics of one row of meta_model: of what was known at its midnight, `until`, as it passes by.

    `predicted`, `kept`: how many trades and kept ones there are said to be. Groups for intervals are cut by them; where
    they are wrong, these numbers differ.
    """

    def __init__(self, block: int, until: int, predicted: Any, kept: Any) -> None:
        self._block, self._until = block, until
        whole, chosen = (value if type(value) is int else 0 for value in (predicted, kept))
        self._gain, self._net, self._kept_net = _Mean(whole), _Mean(whole), _Mean(chosen)
        self._sums = np.zeros(6)  # log losses of p, market and base; Brier's of p and base; uniqueness
        self._apart = self._kept_apart = 0
        self._tenths = np.zeros((3, 10))
        self._inside: dict[int, list[float]] = {}

    def add(self, told: Foretold, apart: NDArray[np.int64], kept_apart: NDArray[np.int64]) -> None:
        """More trades; `apart`, `kept_apart`: how many up to each do not overlap, of all and of the kept ones."""
        n = int(np.searchsorted(told.expires, self._until, side="right"))
        if not n:
            return
        self._apart, self._kept_apart = int(apart[n - 1]), int(kept_apart[n - 1])
        opened, expires, p, market, base = told.opened[:n], told.expires[:n], told.p[:n], told.market[:n], told.base[:n]
        kept, uniqueness, net = told.kept[:n], told.uniqueness[:n], told.net[:n]
        paid = net > 0
        loss, of_market, of_base = (-np.log(np.where(paid, said, 1 - said)) for said in (p, market, base))
        self._sums += (
            loss.sum(), of_market.sum(), of_base.sum(), ((p - paid) ** 2).sum(), ((base - paid) ** 2).sum(),
            uniqueness.sum(),
        )  # fmt: skip
        gains = of_market - loss
        self._gain.add(gains)
        self._net.add(net)
        self._kept_net.add(net[kept])
        tenth = np.minimum(9, np.floor(p * 10).astype(np.int64))
        for place, weights in enumerate((np.ones(n), paid, p)):
            self._tenths[place] += np.bincount(tenth, weights=weights, minlength=10)
        number = opened // self._block
        ended = (expires <= (number + 1) * self._block) & ((number + 1) * self._block <= self._until)
        for one in np.unique(number[ended]).tolist():
            chosen = gains[ended & (number == one)]
            sums = self._inside.setdefault(one, [0.0, 0.0])
            sums[0] += len(chosen)
            sums[1] += float(chosen.sum())

    def find(self) -> dict[str, Any]:
        """The metrics, with `informs` and `worth_it`."""
        n = self._gain.count
        loss, of_market, of_base, brier, of_rate, independent = self._sums.tolist()
        e_value, blocks = self._bet()
        gain, kept_ci = self._gain.interval(self._apart), self._kept_net.interval(self._kept_apart)
        base_gain = (of_base - loss) / n if n else None
        informs = None if gain is None else False
        if (gain is not None and gain[0] > 0) or e_value >= 20:
            informs = (base_gain or 0.0) > 0
        return {
            "predicted": n, "independent": independent, "log_loss": loss / n if n else None,
            "log_loss_market": of_market / n if n else None, "log_loss_base": of_base / n if n else None,
            "gain": self._gain.mean, "gain_ci95_robust": gain, "base_gain": base_gain,
            "brier": brier / n if n else None, "brier_skill": 1 - brier / of_rate if n and of_rate else None,
            "e_value": e_value, "threshold": 20.0, "blocks": blocks, "net_pct": self._net.mean,
            "net_pct_ci95_robust": self._net.interval(self._apart), "kept": self._kept_net.count,
            "kept_independent": self._kept_apart, "kept_net_pct": self._kept_net.mean,
            "kept_net_pct_ci95_robust": kept_ci,
            "reliability": [
                {"n": int(count), "right": int(right), "mean": said / count}
                for count, right, said in self._tenths.T.tolist()
                if count
            ],
            "informs": informs if independent >= 100 else None,
            "worth_it": None if independent < 100 or kept_ci is None else kept_ci[0] > 0,
        }  # fmt: skip

    def _bet(self) -> tuple[float, int]:
        logs, squares = [0.0] * len(BLOCK_BETS), 0.0
        for seen, number in enumerate(sorted(self._inside)):
            count, total = self._inside[number]
            mean = total / count
            scale = math.sqrt((3 * 0.06**2 + squares) / (3 + seen))
            bet = max(-1.0, min(1.0, mean / (3 * scale)))
            logs = [log + math.log1p(share * bet) for log, share in zip(logs, BLOCK_BETS, strict=True)]
            squares += mean * mean
        if not self._inside:
            return 1.0, 0
        top = max(logs)
        log = top + math.log(math.fsum(math.exp(one - top) for one in logs) / len(logs))
        return math.exp(min(log, 600.0)), len(self._inside)

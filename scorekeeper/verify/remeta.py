"""The meta-model, recomputed trade by trade from its definition: features, fits, and what they say.

The code is its own: it shares none with scorekeeper.learning, which works on columns.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86_400_000_000  # microseconds
HOUR = 3_600_000_000
TARGETS = ("net_pnl", "horizon")
MARKET = ("hour_size", "day_size", "hour_unknown", "day_unknown", "hour_sine", "hour_cosine", "weekend", "hold")


class Traded(NamedTuple):
    """A closed trade as it was seen when it opened: times in microseconds since 1970, calls by agent.

    `net`: by target, percent. `hour_size`, `day_size`, `hour_return`: of the market before it, None: unknown.
    """

    trade_id: str
    opened: int
    expires: int
    uniqueness: float
    side: int
    symbol: str
    confidence: float | None
    score: float
    net: Mapping[str, float]
    hour_size: float | None
    day_size: float | None
    hour_return: float | None
    calls: Mapping[str, tuple[int, float | None]]

    @property
    def released(self) -> int:
        """From when on it may be fitted on."""
        return 2 * self.expires - self.opened


def see(one: Traded) -> dict[str, float | None]:
    """The features of a trade by name, None: unknown. An agent or symbol that is not there has 0."""
    turn = 2 * math.pi * (one.opened % DAY) / DAY
    with_side = sum(direction == one.side for direction, _ in one.calls.values())
    awake = len(one.calls)
    return {
        "agreeing": with_side / awake if awake else 0.5,
        "awake": float(awake),
        "confidence": 0.5 if one.confidence is None else one.confidence / 100,
        "score": one.score * one.side,
        "hour_return": (one.hour_return or 0.0) * one.side,
        "hour_size": None if one.hour_size is None else math.log(max(one.hour_size, 1e-8)),
        "day_size": None if one.day_size is None else math.log(max(one.day_size, 1e-8)),
        "hour_unknown": float(one.hour_size is None),
        "day_unknown": float(one.day_size is None),
        "hour_sine": math.sin(turn),
        "hour_cosine": math.cos(turn),
        "weekend": float((one.opened // DAY + 3) % 7 in (5, 6)),
        "hold": math.log((one.expires - one.opened) / HOUR),
        f"symbol:{one.symbol}": 1.0,
        **{
            f"agent:{agent}": one.side * direction * (0.5 if confidence is None else confidence / 100)
            for agent, (direction, confidence) in one.calls.items()
        },
    }


def lay_out(trades: Sequence[Traded], names: Sequence[str]) -> Floats:
    """The features of trades, a row each; NaN: unknown."""
    found = np.zeros((len(trades), len(names)))
    for row, one in zip(found, trades, strict=True):
        known = see(one)
        for place, name in enumerate(names):
            value = known.get(name, 0.0)
            row[place] = math.nan if value is None else value
    return found


def foretell(fit: Mapping[str, Any], seen: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """How likely trades pay, by all features and by those of the market alone. `seen`: as lay_out gives `names`."""
    scaled, alone = _scale(fit, seen, names), fit["market"]["coefficients"]
    every = np.array([feature["coefficient"] for feature in fit["features"]])
    market = np.array([alone.get(feature["name"], 0.0) for feature in fit["features"]])
    return (
        1 / (1 + np.exp(-fit["intercept"] - scaled @ every)),
        1 / (1 + np.exp(-fit["market"]["intercept"] - scaled @ market)),
    )


def _scale(fit: Mapping[str, Any], seen: Floats, names: Sequence[str]) -> Floats:
    columns = []
    for feature in fit["features"]:
        column = seen[:, names.index(feature["name"])]
        columns.append((np.where(np.isnan(column), feature["fill"], column) - feature["mean"]) / feature["scale"])
    return np.stack(columns, axis=1) if columns else np.zeros((len(seen), 0))


class Released:
    """When trades may be fitted on, summed up by the midnight from which on: how many, and their uniqueness."""

    def __init__(self) -> None:
        # Trades, uniqueness, and for each target whether there are some that did not pay, and some that did.
        self._days: dict[int, list[float]] = {}
        self.midnights: set[int] = set()  # with something new

    def add(self, one: Traded) -> None:
        """A trade."""
        day = -(-one.released // DAY) * DAY
        self.midnights |= {day, -(-one.expires // DAY) * DAY}
        sums = self._days.setdefault(day, [0.0] * (2 + 2 * len(TARGETS)))
        sums[0] += 1
        sums[1] += one.uniqueness
        for place, target in enumerate(TARGETS):
            sums[2 + 2 * place + (one.net[target] > 0)] = 1.0

    def until(self, moment: int) -> tuple[int, float]:
        """How many trades are released by a midnight, and the sum of their uniqueness."""
        free = [sums for day, sums in self._days.items() if day <= moment]
        return int(sum(sums[0] for sums in free)), math.fsum(sums[1] for sums in free)

    def fit_midnights(self, target: str, until: int) -> list[int]:
        """The midnights up to `until` at which a model is fitted."""
        place = 2 + 2 * TARGETS.index(target)
        found, independent, last, ends = [], 0.0, 0.0, [0.0, 0.0]
        midnight = min(self._days, default=until + 1)
        while midnight <= until:
            if (sums := self._days.get(midnight)) is not None:
                independent += sums[1]
                ends = [max(one, other) for one, other in zip(ends, sums[place : place + 2], strict=True)]
            if independent >= max(100.0, 1.05 * last) and all(ends):
                found.append(midnight)
                last = independent
            midnight += DAY
        return found


class FitSums:
    """What shows the faults of a fit, summed up over the trades that it was fitted on as they pass by.

    `names`: what `seen` has, as lay_out gives it.
    """

    def __init__(self, fit: Mapping[str, Any], names: Sequence[str]) -> None:
        self._fit, self._names = fit, names
        self._places = [names.index(feature["name"]) for feature in fit["features"]]
        self._fills = np.array([feature["fill"] for feature in fit["features"]], dtype=np.float64)
        self._means = np.array([feature["mean"] for feature in fit["features"]], dtype=np.float64)
        many = len(self._places)
        self._trades = 0
        self._own = np.zeros(4)  # sums of uniqueness: of all, of those that paid, times what each brought of either
        self._below, self._at, self._above = (np.zeros(many, dtype=np.int64) for _ in range(3))
        self._last_below, self._first_above = np.full(many, -np.inf), np.full(many, np.inf)
        self._off, self._squares = np.zeros(many), np.zeros(many)  # from the stored means
        self._slopes = np.zeros((2, 1 + many))

    def add(self, seen: Floats, own: Floats, net: Floats) -> None:
        """More trades; `own`: their uniqueness, `net`: what each brought."""
        self._trades += len(net)
        paid = net > 0
        self._own += (own.sum(), own[paid].sum(), (own * net)[paid].sum(), (own * net)[~paid].sum())
        columns = seen[:, self._places]
        room = 1e-8 * np.abs(self._fills) + 1e-10
        with np.errstate(invalid="ignore"):
            below, above = columns < self._fills - room, columns > self._fills + room
        self._below += below.sum(axis=0)
        self._above += above.sum(axis=0)
        self._at += (~np.isnan(columns) & ~below & ~above).sum(axis=0)
        self._last_below = np.maximum(self._last_below, np.where(below, columns, -np.inf).max(axis=0, initial=-np.inf))
        self._first_above = np.minimum(self._first_above, np.where(above, columns, np.inf).min(axis=0, initial=np.inf))
        off = np.where(np.isnan(columns), self._fills, columns) - self._means
        self._off += own @ off
        self._squares += own @ (off * off)
        scaled = np.column_stack([np.ones(len(net)), _scale(self._fit, seen, self._names)])
        for place, p in enumerate(foretell(self._fit, seen, self._names)):
            self._slopes[place] += scaled.T @ (own * (p - paid))

    def find(self) -> list[str]:
        """What is wrong with the fit: its scaling, its thresholds, coefficients that are not the minimum."""
        fit = self._fit
        total, paying, won, lost = self._own.tolist()
        if not 0 < paying < total:
            return ["is made of trades that all ended alike"]
        gain, loss = won / paying, -lost / (total - paying)
        wanted = {
            "trades": self._trades, "independent_trades": total, "base_rate": paying / total,
            "keep_above": loss / (gain + loss),
        }  # fmt: skip
        faults = [
            f"{name} is {fit[name]}, recomputed {value}"
            for name, value in wanted.items()
            if not near(fit[name], value)
        ]
        alone = fit["market"]["coefficients"]
        for place, feature in enumerate(fit["features"]):
            name = feature["name"]
            if (fill := self._median(place)) is None or not near(feature["fill"], fill):
                faults.append(f"fill of {name} is {feature['fill']}, which is not the median")
            off = float(self._off[place]) / total
            scale = math.sqrt(max(0.0, float(self._squares[place]) / total - off * off))
            for what, value in (("mean", feature["mean"] + off), ("scale", scale)):
                if not near(feature[what], value):
                    faults.append(f"{what} of {name} is {feature[what]}, recomputed {value}")
            if (name in alone) != (name in MARKET or name.startswith("symbol:")):
                faults.append(f"{name} is on the wrong side of the reference")
        every = [0.0, *(feature["coefficient"] for feature in fit["features"])]
        market = [0.0, *(alone.get(feature["name"], 0.0) for feature in fit["features"])]
        among = np.array([True, *(feature["name"] in alone for feature in fit["features"])])
        for which, sums, coefficients, chosen in zip(
            ("all", "market"), self._slopes, (every, market), (among | True, among), strict=True
        ):
            slope = sums + 100 * np.array(coefficients)
            if float(np.abs(slope[chosen]).max()) > 1e-7 * total:
                faults.append(f"the coefficients of {which} features are not the most probable ones")
        return faults

    def _median(self, place: int) -> float | None:
        """The median of what is known of a feature, as far as the stored one is near it; None: it is not."""
        below, at, above = int(self._below[place]), int(self._at[place]), int(self._above[place])
        known = below + at + above
        if not known:
            return 0.0
        middle = []
        for order in {(known - 1) // 2, known // 2}:
            if below <= order < below + at:
                middle.append(float(self._fills[place]))
            elif order == below - 1:
                middle.append(float(self._last_below[place]))
            elif order == below + at:
                middle.append(float(self._first_above[place]))
            else:
                return None
        return sum(middle) / len(middle)


def near(stored: Any, wanted: Any) -> bool:
    """Whether two figures, lists or tables of them, are the same but for rounding."""
    if isinstance(wanted, float) and isinstance(stored, int | float):
        return math.isclose(stored, wanted, rel_tol=1e-8, abs_tol=1e-10)
    if isinstance(wanted, list) and isinstance(stored, list):
        return len(stored) == len(wanted) and all(map(near, stored, wanted))
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return stored.keys() == wanted.keys() and all(near(stored[key], wanted[key]) for key in wanted)
    return bool(stored == wanted)

"""The meta-model, recomputed trade by trade from its definition: features, what a fit says, and how well it did.

The code is its own: it shares none with scorekeeper.learning, which works on columns.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median, stdev
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 86_400_000_000  # microseconds
HOUR = 3_600_000_000
BLOCK_BETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)
T_OF_7 = 2.3646242515927844  # the 97.5th percentile of Student's t with seven degrees of freedom
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


class Foretold(NamedTuple):
    """What a fit said of a trade before it ended, and what came."""

    opened: int
    expires: int
    p: float
    market: float
    base: float
    kept: bool
    uniqueness: float
    net: float


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


def fit_midnights(trades: Sequence[Traded], target: str, until: int) -> list[int]:
    """The midnights up to `until` at which a model is fitted."""
    waiting = sorted(trades, key=lambda one: one.released)
    found, place, independent, last, ends = [], 0, 0.0, 0.0, set()
    midnight = -(-min((one.released for one in trades), default=until + 1) // DAY) * DAY
    while midnight <= until:
        while place < len(waiting) and waiting[place].released <= midnight:
            independent += waiting[place].uniqueness
            ends.add(waiting[place].net[target] > 0)
            place += 1
        if independent >= max(100.0, 1.05 * last) and len(ends) == 2:
            found.append(midnight)
            last = independent
        midnight += DAY
    return found


def find_faults(
    fit: Mapping[str, Any], seen: Floats, names: Sequence[str], own: Floats, net: Floats
) -> list[str]:
    """What is wrong with a fit on these trades: its scaling, its thresholds, coefficients that are not the minimum.

    `seen`, `names`: as lay_out. `own`: uniqueness. `net`: what each trade brought.
    """
    total, paid = math.fsum(own), net > 0
    paying = math.fsum(own[paid])
    gain, loss = math.fsum((own * net)[paid]) / paying, -math.fsum((own * net)[~paid]) / (total - paying)
    wanted = {
        "trades": len(net), "independent_trades": total, "base_rate": paying / total,
        "keep_above": loss / (gain + loss),
    }  # fmt: skip
    faults = [
        f"{name} is {fit[name]}, recomputed {value}" for name, value in wanted.items() if not near(fit[name], value)
    ]
    alone = fit["market"]["coefficients"]
    for feature in fit["features"]:
        column = seen[:, names.index(feature["name"])]
        known = column[~np.isnan(column)].tolist()
        fill = median(known or [0.0])
        filled = np.where(np.isnan(column), fill, column)
        mean = math.fsum(own * filled) / total
        scale = math.sqrt(math.fsum(own * (filled - mean) ** 2) / total)
        for name, value in (("fill", fill), ("mean", mean), ("scale", scale)):
            if not near(feature[name], value):
                faults.append(f"{name} of {feature['name']} is {feature[name]}, recomputed {value}")
        if (feature["name"] in alone) != (feature["name"] in MARKET or feature["name"].startswith("symbol:")):
            faults.append(f"{feature['name']} is on the wrong side of the reference")
    scaled = np.column_stack([np.ones(len(net)), _scale(fit, seen, names)])
    every = [0.0, *(feature["coefficient"] for feature in fit["features"])]
    market = [0.0, *(alone.get(feature["name"], 0.0) for feature in fit["features"])]
    among = np.array([True, *(feature["name"] in alone for feature in fit["features"])])
    for which, p, coefficients, chosen in zip(
        ("all", "market"), foretell(fit, seen, names), (every, market), (among | True, among), strict=True
    ):
        slope = scaled.T @ (own * (p - paid)) + 100 * np.array(coefficients)
        if float(np.abs(slope[chosen]).max()) > 1e-7 * total:
            faults.append(f"the coefficients of {which} features are not the most probable ones")
    return faults


def judge(told: Sequence[Foretold], block: int, until: int) -> dict[str, Any]:
    """The metrics of meta_model of what is known at `until`, with `informs` and `worth_it`. In order of `expires`."""
    n = len(told)
    paid = [one.net > 0 for one in told]
    losses, of_market, of_base = (
        [-math.log(p if pays else 1 - p) for p, pays in zip(said, paid, strict=True)]
        for said in ([one.p for one in told], [one.market for one in told], [one.base for one in told])
    )
    gains = [other - own for other, own in zip(of_market, losses, strict=True)]
    brier = _mean([(one.p - pays) ** 2 for one, pays in zip(told, paid, strict=True)])
    of_rate = _mean([(one.base - pays) ** 2 for one, pays in zip(told, paid, strict=True)])
    kept = [one for one in told if one.kept]
    e_value, blocks = _bet(told, gains, block, until)
    gain, kept_ci = _interval(gains, told), _interval([one.net for one in kept], kept)
    independent = math.fsum(one.uniqueness for one in told)
    base_gain = _mean([other - own for other, own in zip(of_base, losses, strict=True)])
    informs = None if gain is None else False
    if (gain is not None and gain[0] > 0) or e_value >= 20:
        informs = (base_gain or 0.0) > 0
    return {
        "predicted": n, "independent": independent, "log_loss": _mean(losses), "log_loss_market": _mean(of_market),
        "log_loss_base": _mean(of_base), "gain": _mean(gains), "gain_ci95_robust": gain, "base_gain": base_gain,
        "brier": brier, "brier_skill": 1 - brier / of_rate if brier is not None and of_rate else None,
        "e_value": e_value, "threshold": 20.0, "blocks": blocks, "net_pct": _mean([one.net for one in told]),
        "net_pct_ci95_robust": _interval([one.net for one in told], told), "kept": len(kept),
        "kept_independent": _apart(kept), "kept_net_pct": _mean([one.net for one in kept]),
        "kept_net_pct_ci95_robust": kept_ci, "reliability": _tenths(told),
        "informs": informs if independent >= 100 else None,
        "worth_it": None if independent < 100 or kept_ci is None else kept_ci[0] > 0,
    }  # fmt: skip


def near(stored: Any, wanted: Any) -> bool:
    """Whether two figures, lists or tables of them, are the same but for rounding."""
    if isinstance(wanted, float) and isinstance(stored, int | float):
        return math.isclose(stored, wanted, rel_tol=1e-8, abs_tol=1e-10)
    if isinstance(wanted, list) and isinstance(stored, list):
        return len(stored) == len(wanted) and all(map(near, stored, wanted))
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return stored.keys() == wanted.keys() and all(near(stored[key], wanted[key]) for key in wanted)
    return bool(stored == wanted)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _apart(told: Sequence[Foretold]) -> int:
    """The most of them of which no two overlap."""
    count, free = 0, -math.inf
    for one in told:
        if one.opened >= free:
            count, free = count + 1, one.expires
    return count


def _interval(values: Sequence[float], told: Sequence[Foretold]) -> list[float] | None:
    """The 95 % interval of the mean from the means of eight consecutive groups; a value at a cut is shared."""
    if _apart(told) < 20:
        return None
    n, cuts = len(values), [len(values) * k / 8 for k in range(9)]
    groups = []
    for low, high in pairwise(cuts):
        inside = range(math.floor(low), min(math.ceil(high), n))
        groups.append(math.fsum(values[i] * (min(i + 1, high) - max(i, low)) for i in inside) / (n / 8))
    spread = stdev(groups)
    middle = math.fsum(values) / n
    half = T_OF_7 * spread / math.sqrt(8)
    return None if spread < 1e-12 else [middle - half, middle + half]


def _bet(told: Sequence[Foretold], gains: Sequence[float], block: int, until: int) -> tuple[float, int]:
    inside: dict[int, list[float]] = {}
    for one, gain in zip(told, gains, strict=True):
        number = one.opened // block
        if one.expires <= (number + 1) * block <= until:
            inside.setdefault(number, []).append(gain)
    logs, squares = [0.0] * len(BLOCK_BETS), 0.0
    for seen, number in enumerate(sorted(inside)):
        mean = math.fsum(inside[number]) / len(inside[number])
        scale = math.sqrt((3 * 0.06**2 + squares) / (3 + seen))
        bet = max(-1.0, min(1.0, mean / (3 * scale)))
        logs = [log + math.log1p(share * bet) for log, share in zip(logs, BLOCK_BETS, strict=True)]
        squares += mean * mean
    if not inside:
        return 1.0, 0
    top = max(logs)
    log = top + math.log(math.fsum(math.exp(one - top) for one in logs) / len(logs))
    return math.exp(min(log, 600.0)), len(inside)


def _tenths(told: Sequence[Foretold]) -> list[dict[str, Any]]:
    found: list[list[Foretold]] = [[] for _ in range(10)]
    for one in told:
        found[min(9, math.floor(one.p * 10))].append(one)
    return [
        {"n": len(part), "right": sum(one.net > 0 for one in part), "mean": _mean([one.p for one in part])}
        for part in found
        if part
    ]

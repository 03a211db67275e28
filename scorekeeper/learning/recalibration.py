"""How often an agent is right when it states a confidence: a map for each agent, made again each UTC day.

Every call is scored by the map that was known when it was made: against the confidence as stated, and against the
agent's rate of right calls. Only that tells whether the map helps.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from scorekeeper.analysis.intervals import FEWEST_INDEPENDENT, GROUPS, T95
from scorekeeper.learning.constants import CLIP_CONFIDENCE, DAY, HALF_LIFE, LEAST_CALLS, OFFSET_SD, SLOPE_SD
from scorekeeper.learning.logistic import fit_map
from scorekeeper.metrics.daily_series import SMALLEST_STD

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# The fit takes confidences in whole percent, so that a day needs no earlier call again.
_FIRST, _LAST = (round(100 * edge) for edge in CLIP_CONFIDENCE)
BINS = _LAST - _FIRST + 1
_LOGITS = logit(np.arange(_FIRST, _LAST + 1) / 100.0)
_PRECISION = (1.0 / OFFSET_SD**2, 1.0 / SLOPE_SD**2)


@dataclass(frozen=True)
class StatedCalls:
    """One agent's calls on outcomes that state a confidence above 0, in order of outcomes; all of shape (n,).

    Times in microseconds since 1970. `confidence`: 0..100. `right`: whether the move went that way. `uniqueness`: the
    call's. `independent`: the version's sum of uniqueness up to the outcome.
    """

    opened: Ints
    expires: Ints
    confidence: Floats
    right: NDArray[np.bool_]
    uniqueness: Floats
    independent: Floats

    def __len__(self) -> int:
        return len(self.opened)


# One row per UTC day in which calls of one agent became known; as_of is the midnight after it, in microseconds.
# calls, independent_calls: so far. a, b, rate: NaN below 20 independent calls. Scored calls are those that were made
# when there was a map: their number, their independent number, and the sums of their squared errors with the stated
# confidence, the rate and the map. gain_low, gain_high: the interval of raw minus map, a call; rate_gain_low,
# rate_gain_high: that of rate minus map; NaN where there are too few.
MAP_ROW = np.dtype(
    [(name, np.int64) for name in ("as_of", "calls", "scored")]
    + [
        (name, np.float64)
        for name in (
            "independent_calls", "a", "b", "rate", "scored_independent", "sum_raw", "sum_rate", "sum_map",
            "gain_low", "gain_high", "rate_gain_low", "rate_gain_high",
        )
    ]
)  # fmt: skip
MapRows = NDArray[np.void]


@dataclass(frozen=True)
class Tally:
    """What a map is fitted to: weights of the calls right and wrong, by whole percent from 2 to 98; shape (BINS,).

    `independent`: the version's sum of uniqueness at which the weights hold; they halve each 336 further.
    """

    independent: float
    right: Floats
    wrong: Floats

    @classmethod
    def empty(cls) -> Self:
        """No call yet."""
        return cls(0.0, np.zeros(BINS), np.zeros(BINS))


def tally_of(independent: float, percents: ArrayLike, right: ArrayLike, wrong: ArrayLike) -> Tally:
    """The tally with these weights at these whole percents, and none at the others."""
    tally = Tally(independent, np.zeros(BINS), np.zeros(BINS))
    places = np.asarray(percents, dtype=np.int64) - _FIRST
    tally.right[places], tally.wrong[places] = right, wrong
    return tally


def used_percents(tally: Tally) -> tuple[list[int], list[float], list[float]]:
    """The whole percents at which a tally has a weight, and its weights of calls right and wrong there.

    >>> used_percents(tally_of(8.0, [50, 90], [2.0, 0.0], [1.0, 3.0]))
    ([50, 90], [2.0, 0.0], [1.0, 3.0])
    """
    used = np.flatnonzero(tally.right + tally.wrong)
    return (used + _FIRST).tolist(), tally.right[used].tolist(), tally.wrong[used].tolist()


def calibrated(a: ArrayLike, b: ArrayLike, confidence: ArrayLike) -> Floats:
    """The chance that a call with this confidence (0..100) is right: expit(a + b·logit(clip(c, .02, .98))).

    This is Platt's scaling, in log-odds: Platt (1999), Probabilistic outputs for support vector machines.

    >>> calibrated(0.0, 0.5, [50, 90, 100]).round(3).tolist()
    [0.5, 0.75, 0.875]
    """
    stated = np.clip(np.asarray(confidence, dtype=np.float64) / 100.0, *CLIP_CONFIDENCE)
    chance: Floats = expit(np.asarray(a) + np.asarray(b) * logit(stated))
    return chance


def bin_of(confidence: Floats) -> Ints:
    """The place in a tally of confidences 0..100: whole percent, those below 2 as 2, those above 98 as 98.

    >>> bin_of(np.array([0.4, 2.4, 98.0, 100.0])).tolist()
    [0, 0, 96, 96]
    """
    return (np.clip(np.rint(confidence), _FIRST, _LAST) - _FIRST).astype(np.int64)


def fit(tally: Tally) -> tuple[float, float]:
    """The most probable a and b of `calibrated`, with a ~ N(0, 0.2²) and b ~ N(0, 0.3²).

    Without calls it is 0, 0: an even chance at each confidence.

    >>> weights = np.zeros(BINS)
    >>> weights[90 - 2] = 100.0
    >>> [round(one, 3) for one in fit(Tally(0.0, 0.6 * weights, 0.4 * weights))]  # right in 60 % at 90
    [0.031, 0.155]
    """
    used = np.flatnonzero(tally.right + tally.wrong)
    stated = np.column_stack([np.ones(len(used)), _LOGITS[used]])
    said = np.concatenate([np.ones(len(used)), np.zeros(len(used))])
    weights = np.concatenate([tally.right[used], tally.wrong[used]])
    a, b = fit_map(np.concatenate([stated, stated]), said, weights, _PRECISION).tolist()
    return a, b


def add_days(
    past: MapRows, tally: Tally, calls: StatedCalls, outcomes: tuple[Ints, Floats]
) -> tuple[MapRows, list[Tally]]:
    """The rows (MAP_ROW) of the days in which `calls` became known, and the tally after each.

    `past`: all rows before, `tally`: that of the last. `calls`: one or more, of whole days. `outcomes`: of the version,
    in these days: their ends in microseconds, and the sum of uniqueness up to each.
    """
    days, begins = np.unique(-(-calls.expires // DAY) * DAY, return_index=True)
    now = outcomes[1][np.searchsorted(outcomes[0], days, side="right") - 1]
    rows = np.zeros(len(days), MAP_ROW)
    rows["as_of"] = days
    rows["calls"] = _running(past["calls"], np.diff(begins, append=len(calls)))
    rows["independent_calls"] = _running(past["independent_calls"], np.add.reduceat(calls.uniqueness, begins))
    rows["a"] = rows["b"] = rows["rate"] = np.nan
    ends, tallies = np.append(begins[1:], len(calls)), []
    for day in range(len(rows)):
        tally = _add(tally, calls, slice(int(begins[day]), int(ends[day])), float(now[day]))
        tallies.append(tally)
        if rows["independent_calls"][day] >= LEAST_CALLS:
            rows["a"][day], rows["b"][day] = fit(tally)
            right, wrong = float(tally.right.sum()), float(tally.wrong.sum())
            rows["rate"][day] = right / (right + wrong)
    every: MapRows = np.concatenate([past, rows])
    later = every[len(past) :]
    _score(past, every, later, calls, begins)
    for row in range(len(past), len(every)):
        for gain, worse in (("gain", "sum_raw"), ("rate_gain", "sum_rate")):
            interval = _interval(every["scored"], every["scored_independent"], every[worse] - every["sum_map"], row)
            every[f"{gain}_low"][row], every[f"{gain}_high"][row] = interval
    return later, tallies


def _add(tally: Tally, calls: StatedCalls, which: slice, now: float) -> Tally:
    """The tally with these calls, at the sum of uniqueness `now`."""
    kept = np.exp2((tally.independent - now) / HALF_LIFE)
    weights = calls.uniqueness[which] * np.exp2((calls.independent[which] - now) / HALF_LIFE)
    places, right = bin_of(calls.confidence[which]), calls.right[which]
    return Tally(
        now,
        tally.right * kept + np.bincount(places, weights * right, BINS),
        tally.wrong * kept + np.bincount(places, weights * ~right, BINS),
    )


def _score(past: MapRows, maps: MapRows, rows: MapRows, calls: StatedCalls, begins: Ints) -> None:
    """Write the numbers of scored calls and the sums of squared errors; each call by the last map at its opening."""
    known = np.searchsorted(maps["as_of"], calls.opened, side="right") - 1
    found = maps[known]
    scored = (known >= 0) & ~np.isnan(found["a"])
    said = {
        "sum_raw": calls.confidence / 100.0,
        "sum_rate": found["rate"],
        "sum_map": calibrated(found["a"], found["b"], calls.confidence),
    }
    rows["scored"] = _running(past["scored"], np.add.reduceat(scored.astype(np.int64), begins))
    own = np.add.reduceat(np.where(scored, calls.uniqueness, 0.0), begins)
    rows["scored_independent"] = _running(past["scored_independent"], own)
    for name, chance in said.items():
        errors = np.where(scored, (chance - calls.right) ** 2, 0.0)
        rows[name] = _running(past[name], np.add.reduceat(errors, begins))


def _running(before: NDArray[Any], added: NDArray[Any]) -> NDArray[Any]:
    """The sums after each of `added`, from the last of `before` on, added one by one."""
    start = before[-1:] if len(before) else np.zeros(1, added.dtype)
    return np.cumsum(np.concatenate([start, added]))[1:]


def _interval(count: Ints, independent: Floats, sums: Floats, row: int) -> tuple[float, float]:
    """The 95 % interval of the mean of the scored calls up to `row`, from their running number and sum; NaN: none.

    The days are cut into eight consecutive groups, as equal in calls as whole days allow: group k ends with the first
    day at which 8·calls >= k·n. The error is that of a mean over groups of unequal size, with Student's t of seven
    degrees: with equal sizes it is `robust_mean`'s. There is none below 20 independent calls, or with an empty group.
    """
    n = int(count[row])
    if independent[row] < FEWEST_INDEPENDENT:
        return np.nan, np.nan
    cuts = np.searchsorted(GROUPS * count[: row + 1], np.arange(1, GROUPS + 1) * n, side="left")
    sizes = np.diff(count[cuts], prepend=0)
    if (sizes == 0).any():
        return np.nan, np.nan
    mean = float(sums[row]) / n
    apart = np.diff(sums[cuts], prepend=0.0) / sizes - mean
    error = float(np.sqrt(GROUPS / (GROUPS - 1) * np.sum((sizes / n * apart) ** 2)))
    if error < SMALLEST_STD:
        return np.nan, np.nan
    return mean - T95 * error, mean + T95 * error

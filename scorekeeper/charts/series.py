"""What the report draws, as arrays: paths, bands, histograms, heat. Percent of entry; times in seconds since 1970."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scorekeeper.metrics.formulas import Z95

FEWEST_IN_WINDOW, MOST_IN_WINDOW = 20, 100
MOST_BARS = 60
DAY, HOUR = 86_400, 3_600

Floats = NDArray[np.floating]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Path:
    """The running sum of P&L, which starts at 0 and takes one step per exit time, and how far it is under its peak.

    `at`, `level`, `under`: shape (steps + 1,); `under` is 0 or negative, in points.
    """

    at: Floats
    level: Floats
    under: Floats


def running_path(opened: Floats, closed: Floats, pnl: Floats) -> Path:
    """The path of trades in order of `closed`; it starts with the first opening. Raises ValueError for no trades."""
    if not len(pnl):
        raise ValueError("no trades, no path")
    last_of_step = np.append(np.diff(closed) > 0, True)
    level = np.concatenate([[0.0], np.cumsum(pnl)[last_of_step]])
    at = np.concatenate([[min(opened.min(), closed[0])], closed[last_of_step]])
    return Path(at, level, level - np.maximum.accumulate(level))


def thin(values: Floats, most: int) -> Indices:
    """Indices of at most `most` of `values` that draw the same line: each stretch keeps its ends and its extremes.

    After Jugel et al. (2014), M4: a visualization-oriented time series data aggregation. `most` is 8 or more.
    """
    n = len(values)
    if n <= most:
        return np.arange(n)
    kept = {0, n - 1}
    for stretch in np.array_split(np.arange(n), most // 4):
        part = values[stretch]
        kept |= {int(stretch[0]), int(stretch[-1]), int(stretch[part.argmin()]), int(stretch[part.argmax()])}
    return np.array(sorted(kept))


def spread_out(n: int, most: int) -> Indices:
    """At most `most` of n indices, evenly spaced, the first and the last among them."""
    return np.arange(n) if n <= most else np.unique(np.linspace(0, n - 1, most).round().astype(np.intp))


def window_for(n: int) -> int | None:
    """How many trades a rolling rate looks back over: a tenth of n, within 20..100; None below 20 trades."""
    return None if n < FEWEST_IN_WINDOW else min(MOST_IN_WINDOW, max(FEWEST_IN_WINDOW, n // 10))


@dataclass(frozen=True)
class Band:
    """A rate in percent with the 95 % Wilson interval of its window; shape (n - window + 1,)."""

    rate: Floats
    low: Floats
    high: Floats


def rolling_rate(hits: NDArray[np.bool_], window: int) -> Band:
    """The share of `hits` among the last `window`, from the first full window on; 1 <= window <= n."""
    total = np.concatenate([[0], np.cumsum(hits)])
    return wilson_band((total[window:] - total[:-window]).astype(float), np.full(len(hits) - window + 1, float(window)))


def wilson_band(hits: Floats, n: Floats) -> Band:
    """Rates and Wilson intervals of many samples at once; n >= 1."""
    share, z2 = hits / n, Z95 * Z95
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low, high = np.where(hits == 0, 0.0, middle - half), np.where(hits == n, 1.0, middle + half)
    return Band(100 * share, 100 * low, 100 * high)


@dataclass(frozen=True)
class Bars:
    """A histogram: `edges` (bars + 1,), `counts` (bars,); what lies beyond the outer edges is in the outer bars.

    `beyond`: how many trades that is.
    """

    edges: Floats
    counts: NDArray[np.integer]
    beyond: int


def shared_edges(values: Floats) -> Floats:
    """Edges of equal bars around 0 for the middle 99 % of `values`, by the rule of Freedman and Diaconis (1981)."""
    low, q1, q3, high = np.percentile(values, [0.5, 25, 75, 99.5])
    width = 2 * (q3 - q1) / len(values) ** (1 / 3)
    spread = high - low
    if spread <= 0:
        half = abs(low) / 2 or 0.5
        return np.array([low - half, low + half])
    width = max(width, spread / MOST_BARS) if width > 0 else spread / min(MOST_BARS, max(1, len(values)))
    # An edge at 0, so that no bar holds winners and losers.
    first, last = np.floor(low / width), np.floor(high / width) + 1
    edges: Floats = np.arange(first, last + 1) * width
    return edges


def histogram(values: Floats, edges: Floats) -> Bars:
    """Counts of `values` between `edges`, outliers in the outer bars."""
    beyond = int(np.count_nonzero((values < edges[0]) | (values > edges[-1])))
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return Bars(edges, counts, beyond)


@dataclass(frozen=True)
class Heat:
    """Mean P&L and number of trades by weekday (Monday first) and hour of opening, UTC; shape (7, 24).

    The mean is NaN where there are none.
    """

    mean: Floats
    n: NDArray[np.integer]


def heat_by_hour(opened: Floats, pnl: Floats) -> Heat:
    """Trades by the weekday and hour in which they were opened."""
    weekday = ((np.floor(opened / DAY) + 3) % 7).astype(int)  # 1970 began on a Thursday
    hour = np.floor(opened % DAY / HOUR).astype(int)
    n, total = np.zeros((7, 24), dtype=int), np.zeros((7, 24))
    np.add.at(n, (weekday, hour), 1)
    np.add.at(total, (weekday, hour), pnl)
    return Heat(np.divide(total, n, out=np.full((7, 24), np.nan), where=n > 0), n)

"""Lines over time: equity with its drawdown, and the rolling win rate with its band."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from scorekeeper.charts.drawing import (
    Chart,
    element,
    line_path,
    moment,
    number,
    picture,
    pixels,
    points,
    step_path,
    stretched,
)
from scorekeeper.charts.frame import key, level_axis, strips, time_axis
from scorekeeper.charts.scales import DAY, Scale, widened
from scorekeeper.charts.series import Band, Floats, Indices, Path, thin

MOST_POINTS = 4_000  # of a line
MOST_STRIPS = 400  # that a mouse can tell apart
EQUITY_HEIGHT, GAP, DRAWDOWN_HEIGHT = 250.0, 34.0, 90.0
BAND_HEIGHT = 220.0
LOOKS = ("gross", "net")


@dataclass(frozen=True)
class Curve:
    """A running sum by its name; `path.at` in seconds since 1970, the rest in percent of entry.

    `low` and `high`, of the path's shape: between which it moved from each point to the next, where a point is a day.
    """

    name: str
    path: Path
    low: Floats | None = None
    high: Floats | None = None


@dataclass(frozen=True)
class DayPath:
    """What one day's closes did to the running sum, in percent of entry: their sum, and the day's own path from 0.

    `at`: the day's begin in seconds since 1970. `high` >= 0 and `low` <= 0 are the path's extremes, `fall` >= 0 the
    largest one below an earlier peak of the same day.
    """

    at: float
    sum: float
    high: float
    low: float
    fall: float


def daily_curve(name: str, days: Sequence[DayPath]) -> Curve:
    """The running sum from its days, in order: the largest drawdown is that of the path trade by trade.

    >>> curve = daily_curve("gross", [DayPath(0.0, 1.0, 3.0, 0.0, 2.0), DayPath(86400.0, -1.0, 0.0, -2.5, 2.5)])
    >>> curve.path.level.tolist(), curve.path.under.tolist()
    ([0.0, 1.0, 0.0, 0.0], [0.0, -2.0, -4.5, -4.5])
    """
    level = np.cumsum([0.0, *(d.sum for d in days)])
    low, high, under = [0.0], [0.0], [0.0]
    peak = 0.0
    for day, before in zip(days, level.tolist(), strict=False):
        low.append(before + day.low)
        high.append(before + day.high)
        under.append(-max(day.fall, peak - before - day.low))
        peak = max(peak, before + day.high)
    # The last day is as wide as the others. It begins with the first day: before it there is nothing.
    at = np.array([days[0].at, *(d.at for d in days), days[-1].at + DAY])
    ends = [np.array([*values, values[-1]]) for values in (level.tolist(), under, low, high)]
    return Curve(name, Path(at, ends[0], ends[1]), ends[2], ends[3])


def equity(curves: Sequence[Curve], *, of: str = "") -> Chart:
    """Running sums, and beneath them how far each is under its earlier peak.

    One or two curves: gross, and after fees. `of`: what is summed, as "300 closed trades". Curves by day show the band
    in which each day's path ran, and the worst drawdown of each day. Raises ValueError for none.
    """
    if not curves:
        raise ValueError("no curve, no chart")
    low, high = min(c.path.at[0] for c in curves), max(c.path.at[-1] for c in curves)
    across = Scale(low, high, 0, 100)
    reached = [part for c in curves for part in (c.path.level, c.low, c.high) if part is not None]
    levels = widened(np.concatenate(reached), hold=(0.0,))
    up = Scale(*levels, EQUITY_HEIGHT, 0)
    deepest = min(float(c.path.under.min()) for c in curves)
    down = Scale(1.06 * deepest or -1.0, 0, DRAWDOWN_HEIGHT, 0)
    kept = [_kept(c.path) for c in curves]
    drawn, under = [], []
    for look, curve, which in zip(LOOKS, curves, kept, strict=False):
        xs = across.places(curve.path.at[which])
        if curve.low is not None and curve.high is not None:
            drawn.append(element("path", d=_band(xs, up, curve.low[which], curve.high[which]), class_=f"band {look}"))
        level = points(xs, up.places(curve.path.level[which]))
        drawn.append(element("path", d=step_path(level), class_=f"line {look}"))
        d = step_path(points(xs, down.places(curve.path.under[which])))
        under.append(element("path", d=f"{d}V0H{round(xs[0] * 100)}Z", class_=f"area {look}"))
        under.append(element("path", d=d, class_=f"line {look}"))
    total = EQUITY_HEIGHT + GAP + DRAWDOWN_HEIGHT
    by_day = all(c.low is not None for c in curves)
    form = "%Y-%m-%d" if by_day else "%Y-%m-%d %H:%M"
    every, cells = _table(curves, kept)
    if by_day:  # the last point is the end of the last day
        every, cells = every[:-1], cells[:-1]
    content = Markup("").join([
        key([(f"line {look}", curve.name) for look, curve in zip(LOOKS, curves, strict=False)]),
        time_axis(across, total, "exit time, UTC"),
        level_axis(up, "sum of P&L, %"), stretched(EQUITY_HEIGHT, Markup("").join(drawn)),
        element(
            "g", level_axis(down, "drawdown, points", most=3) + stretched(DRAWDOWN_HEIGHT, Markup("").join(under)),
            transform=f"translate(0 {pixels(EQUITY_HEIGHT + GAP)})",
        ),
        _read(across, every, cells, curves, total, form),
    ])  # fmt: skip
    header = ["day (UTC)" if by_day else "time (UTC)"]
    for curve in curves:
        header += [f"{curve.name}: sum of P&L, %", f"{curve.name}: drawdown, points"]
        header += [f"{curve.name}: lowest, %", f"{curve.name}: highest, %"] if curve.low is not None else []
    zoom = "equity-by-day" if by_day else "equity"
    return Chart(
        picture(total, content, "Running sum of P&L and drawdown", kind="keyed", zoom=zoom),
        _equity_sentence(curves, of),
        tuple(header),
        tuple((moment(at, form), *told) for at, told in zip(every, cells, strict=True)),
    )


def _band(xs: Sequence[float], up: Scale, low: Floats, high: Floats) -> str:
    upper = points(xs, up.places(high))
    lower = points(xs, up.places(low))
    # Back along the lower edge: its steps are taken at the same places.
    back = "".join(f"V{y}H{x}" for (x, _), (_, y) in zip(reversed(lower[:-1]), reversed(lower[:-1]), strict=True))
    return f"{step_path(upper)}{back}Z"


def _kept(path: Path) -> Indices:
    """The points of both lines: each keeps its own extremes."""
    if len(path.at) <= MOST_POINTS:
        return np.arange(len(path.at))
    both: Indices = np.union1d(thin(path.level, MOST_POINTS), thin(path.under, MOST_POINTS))
    return both


def _table(curves: Sequence[Curve], kept: Sequence[Indices]) -> tuple[list[float], list[tuple[str, ...]]]:
    """Every time at which a curve keeps a point, and what each curve is then."""
    every = np.unique(np.concatenate([c.path.at[which] for c, which in zip(curves, kept, strict=True)]))
    columns: list[list[str]] = []
    for curve in curves:
        then = np.searchsorted(curve.path.at, every, side="right") - 1
        shown = (curve.path.level, curve.path.under, curve.low, curve.high)
        for values in (one for one in shown if one is not None):
            columns.append([number(float(values[i]), 2) if i >= 0 else "" for i in then])
    return every.tolist(), list(zip(*columns, strict=True))


def _read(
    across: Scale,
    every: Sequence[float],
    cells: Sequence[tuple[str, ...]],
    curves: Sequence[Curve],
    height: float,
    form: str,
) -> Markup:
    """Strips that say the values; of too many points, one strip tells when several began, and their last values."""
    step = -(-len(every) // MOST_STRIPS)
    xs, says = [], []
    for i in range(0, len(every), step):
        last = min(i + step, len(every)) - 1
        until = f" to {moment(every[last], form)}" if last > i else ""
        told = [f"{moment(every[i], form)}{until} UTC"]
        wide = len(cells[last]) // len(curves)
        for n, curve in enumerate(curves):
            level, under, *within = cells[last][wide * n : wide * (n + 1)]
            between = f" ({' to '.join(within)} within the day)" if within and last == i else ""
            told.append(f"{curve.name}: {level} %{between}, {under} points from its peak")
        xs.append(across(every[i]))
        says.append("\n".join(told))
    return strips(xs, says, height, after=True)


def _equity_sentence(curves: Sequence[Curve], of: str) -> str:
    told = "; ".join(
        f"{c.name} it ends at {number(float(c.path.level[-1]), 2, '%')}, between "
        f"{number(float(c.path.level.min()), 2)} and {number(float(c.path.level.max()), 2, '%')}, "
        f"at worst {number(-float(c.path.under.min()), 2)} points under its peak"
        for c in curves
    )
    first, last = moment(curves[0].path.at[0], "%Y-%m-%d"), moment(curves[0].path.at[-1], "%Y-%m-%d")
    whose = f" of {of}" if of else ""
    return f"Running sum of P&L{whose} from {first} to {last} (UTC): {told}."


def win_rate(at: Floats, band: Band, window: int) -> Chart:
    """The share of winners among the last `window` trades at each close (`at`: shape of `band`), with Wilson's band."""
    kept = thin(band.rate, MOST_POINTS)
    times, rate, low, high = at[kept], band.rate[kept], band.low[kept], band.high[kept]
    across, up = Scale(float(at[0]), float(at[-1]), 0, 100), Scale(0, 100, BAND_HEIGHT, 0)
    xs = across.places(times)
    upper = points(xs, up.places(high))
    lower = points(xs, up.places(low))
    drawn = element("path", d=line_path([*upper, *reversed(lower)]) + "Z", class_="band gross") + element(
        "path", d=line_path(points(xs, up.places(rate))), class_="line gross"
    )
    rows = tuple(
        (moment(t), number(float(r), 1), number(float(a), 1), number(float(b), 1))
        for t, r, a, b in zip(times.tolist(), rate, low, high, strict=True)
    )
    step = -(-len(rows) // MOST_STRIPS)
    says = [f"{r[0]} UTC\nwin rate {r[1]} % ({r[2]} to {r[3]} %)" for r in rows[::step]]
    half = pixels(up(50))
    content = Markup("").join([
        time_axis(across, BAND_HEIGHT, "exit time, UTC"),
        level_axis(up, f"winners of the last {window}, %", ticks=(0, 25, 50, 75, 100)),
        stretched(BAND_HEIGHT, drawn), element("line", x1=0, x2="100%", y1=half, y2=half, class_="dotted"),
        strips(xs[::step], says, BAND_HEIGHT),
    ])  # fmt: skip
    sentence = (
        f"Winners among the last {window} trades: {number(float(rate[-1]), 1, '%')} at the end "
        f"({number(float(low[-1]), 1)} to {number(float(high[-1]), 1, '%')}), between "
        f"{number(float(band.rate.min()), 1)} and {number(float(band.rate.max()), 1, '%')} on the way."
    )
    header = ("time (UTC)", f"winners of the last {window}, %", "95 % from", "to")
    return Chart(picture(BAND_HEIGHT, content, "Rolling win rate"), sentence, header, rows)

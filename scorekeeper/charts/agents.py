"""What agents said and did: reliability by tenths of confidence, and bars with intervals."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from scorekeeper.charts.drawing import (
    Chart,
    element,
    join,
    label,
    line_path,
    link,
    number,
    picture,
    pixels,
    share,
    stretched,
)
from scorekeeper.charts.drawing import points as placed
from scorekeeper.charts.frame import level_axis, width_axis
from scorekeeper.charts.scales import Scale, widened
from scorekeeper.charts.series import wilson_band

RELIABILITY_HEIGHT = 210.0
QUARTERS = (0, 25, 50, 75, 100)
ROW = 42.0  # of a bar with its name above it
LEAST, WIDEST = 3.0, 8.0  # radius of a dot


@dataclass(frozen=True)
class Tenth:
    """An agent's scored calls whose stated confidence (0..100) lies in one tenth."""

    n: int
    correct: int
    mean_confidence: float


@dataclass(frozen=True)
class Bar:
    """A value with its 95 % interval, if it has one, of something whose name may be hostile text."""

    name: str
    value: float
    ci95: tuple[float, float] | None
    n: int
    href: str | None = None


def reliability(
    tenths: Sequence[Tenth], href: Callable[[Tenth], str] | None = None, *, of: str = "calls",
    said: str = "stated confidence", right: str = "right",
) -> Chart:  # fmt: skip
    """How often an agent was right, by its stated confidence; the area of a dot grows with its calls.

    `href`: the address of a tenth's calls. `of`, `said` and `right`: the words for what is counted, for what had been
    said of it, and for what came. Raises ValueError for no tenths.
    """
    if not tenths:
        raise ValueError("no calls, no chart")
    n = np.array([float(t.n) for t in tenths])
    band = wilson_band(np.array([float(t.correct) for t in tenths]), n)
    across, up = Scale(0, 100, 0, 100), Scale(0, 100, RELIABILITY_HEIGHT, 0)
    xs, ys = across.places([t.mean_confidence for t in tenths]), up.places(band.rate)
    marks, rows = [], []
    for i, tenth in enumerate(tenths):
        low, high = float(band.low[i]), float(band.high[i])
        stated, rate = number(tenth.mean_confidence, 1), number(float(band.rate[i]), 1)
        told = f"said {stated} %, {right} {rate} % ({tenth.correct:,} of {tenth.n:,}; 95 % {number((low, high), 1)})"
        radius = LEAST + (WIDEST - LEAST) * math.sqrt(tenth.n / n.max())
        mark = (
            element("line", x1=share(xs[i]), x2=share(xs[i]), y1=pixels(up(low)), y2=pixels(up(high)), class_="whisker")
            + element("circle", cx=share(xs[i]), cy=pixels(ys[i]), r=pixels(radius), class_="dot gross", title=told)
        )  # fmt: skip
        marks.append(link(mark, href(tenth), told) if href else mark)
        rows.append((stated, rate, number(low, 1), number(high, 1), f"{tenth.correct:,}", f"{tenth.n:,}"))
    path = element("path", d=line_path(placed(xs, ys)), class_="line thin gross")
    diagonal = element("line", x1="0%", y1=pixels(up(0)), x2="100%", y2=pixels(up(100)), class_="dotted")
    content = join([
        width_axis(across, RELIABILITY_HEIGHT, f"{said}, %", ticks=QUARTERS),
        level_axis(up, f"{right}, %", ticks=QUARTERS), diagonal, stretched(RELIABILITY_HEIGHT, path), *marks,
    ])  # fmt: skip
    calls, correct = int(n.sum()), sum(t.correct for t in tenths)
    mean = sum(t.mean_confidence * t.n for t in tenths) / calls
    sentence = (
        f"{right.capitalize()} in {number(100 * correct / calls, 1, '%')} of {calls:,} {of}, with a mean {said} of "
        f"{number(mean, 1, '%')}."
    )
    return Chart(
        picture(RELIABILITY_HEIGHT, content, f"{right.capitalize()}, by {said}", linked=href is not None),
        sentence,
        (f"{said}, %", f"{right}, %", "95 % from", "to", right, of),
        tuple(rows),
    )


def bars_with_intervals(bars: Sequence[Bar], unit: str, shows: str) -> Chart:
    """Horizontal bars from 0, the first on top, each with its interval; `shows`: what they are, in a few words.

    Raises ValueError for no bars.
    """
    if not bars:
        raise ValueError("no bars, no chart")
    ends = [end for bar in bars for end in (bar.value, *(bar.ci95 or ()))]
    across = Scale(*widened(ends, hold=(0.0,), by=0.03), 0, 100)
    height = ROW * len(bars)
    drawn, rows = [], []
    for i, bar in enumerate(bars):
        top, zero, end = i * ROW, across(0), across(bar.value)
        interval = number(bar.ci95, 4) if bar.ci95 else "n/a"
        told = f"{label(bar.name, 200)}: {number(bar.value, 4)} {unit}, 95 % {interval}, n = {bar.n:,}"
        look = "good" if bar.value > 0 else "bad"
        mark = element(
            "rect", x=share(min(zero, end)), width=share(abs(end - zero)), y=pixels(top + 18), height=16,
            class_=f"bar {look}", title=told,
        )  # fmt: skip
        if bar.ci95:
            mark += _whisker(across, bar.ci95, top + 26)
        name = element("text", label(bar.name), x=0, y=pixels(top + 12), class_="name")
        value = element(
            "text", f"{number(bar.value, 2)}  n = {bar.n:,}", x="100%", y=pixels(top + 12), class_="tick end"
        )
        one = name + value + mark
        drawn.append(link(one, bar.href, told) if bar.href else one)
        rows.append((label(bar.name, 200), number(bar.value, 4), *_interval_cells(bar), f"{bar.n:,}"))
    content = width_axis(across, height, unit, most=5) + join(drawn)
    apart = [bar for bar in bars if bar.ci95 and (bar.ci95[0] > 0 or bar.ci95[1] < 0)]
    sentence = (
        f"{shows}, in {unit}: {len(bars):,} in all, from {number(min(b.value for b in bars), 2)} to "
        f"{number(max(b.value for b in bars), 2)}; the interval of {len(apart):,} excludes 0."
    )
    return Chart(
        picture(height, content, shows, kind="flush", linked=any(b.href for b in bars)),
        sentence,
        ("name", unit, "95 % from", "to", "n"),
        tuple(rows),
    )


def _whisker(across: Scale, ci95: tuple[float, float], y: float) -> Markup:
    low, high = share(across(ci95[0])), share(across(ci95[1]))
    lines = [element("line", x1=low, x2=high, y1=pixels(y), y2=pixels(y), class_="whisker")]
    lines += [element("line", x1=x, x2=x, y1=pixels(y - 5), y2=pixels(y + 5), class_="whisker") for x in (low, high)]
    return join(lines)


def _interval_cells(bar: Bar) -> tuple[str, str]:
    return (number(bar.ci95[0], 4), number(bar.ci95[1], 4)) if bar.ci95 else ("n/a", "n/a")

"""What was learned: weights over time, the path of the evidence, and calibration before and after."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from scorekeeper.charts.agents import QUARTERS
from scorekeeper.charts.drawing import (
    Chart,
    element,
    join,
    label,
    line_path,
    moment,
    number,
    picture,
    pixels,
    points,
    share,
    step_path,
    stretched,
)
from scorekeeper.charts.frame import key, level_axis, strips, time_axis, width_axis
from scorekeeper.charts.scales import Scale, widened
from scorekeeper.charts.series import thin

MOST_LINES = 6  # that colour and dashes tell apart
HEIGHT = 260.0
MAP_HEIGHT = 210.0
MOST_POINTS = 800  # of a line
MOST_STRIPS = 300
MAPPED = np.linspace(2.0, 98.0, 49)  # stated confidences at which a map is drawn, in percent


@dataclass(frozen=True)
class Evidence:
    """The evidence after a block that ends `at` (seconds since 1970).

    `against`: it speaks for equal weights, as the learned ones were in use. `adopted`: the learned ones are, from here.
    """

    at: float
    e_value: float
    against: bool
    adopted: bool


def weights(history: Mapping[str, Sequence[tuple[float, float]]]) -> Chart:
    """Each agent's learned weight over time (seconds since 1970), until the next one; dotted: 1, an equal weight.

    Raises ValueError for no weights, and for more agents than `MOST_LINES`.
    """
    drawn = {name: path for name, path in history.items() if path}
    if not drawn:
        raise ValueError("no weights, no chart")
    if len(drawn) > MOST_LINES:
        raise ValueError(f"{len(drawn)} lines cannot be told apart: at most {MOST_LINES}")
    times = sorted({at for path in drawn.values() for at, _ in path})
    across = Scale(times[0], times[-1], 0, 100)
    up = Scale(*widened([w for path in drawn.values() for _, w in path], hold=(0.0, 1.0)), HEIGHT, 0)
    lines = [
        element(
            "path", d=step_path(points(across.places([at for at, _ in path]), up.places([w for _, w in path]))),
            class_=f"line agent-{i}",
        )
        for i, path in enumerate(drawn.values())
    ]  # fmt: skip
    at = {name: dict(path) for name, path in drawn.items()}
    rows = []
    last = dict.fromkeys(drawn, "")
    for time in times:
        last = {name: number(at[name][time], 3) if time in at[name] else last[name] for name in drawn}
        rows.append((moment(time), *last.values()))
    names = [label(name, 24) for name in drawn]
    step = -(-len(times) // MOST_STRIPS)
    says = ["\n".join([f"{row[0]} UTC", *map(": ".join, zip(names, row[1:], strict=True))]) for row in rows[::step]]
    content = join([
        *(
            element("g", key([(f"line agent-{i}", name)]), class_=f"name-key k{i}")
            for i, name in enumerate(names)
        ),
        time_axis(across, HEIGHT, "UTC"), level_axis(up, "learned weight"), stretched(HEIGHT, join(lines)),
        _level(up, 1.0, "equal"),
        strips([across(time) for time in times[::step]], says, HEIGHT, after=True),
    ])  # fmt: skip
    ends = [path[-1][1] for path in drawn.values()]
    sentence = (
        f"Learned weights from {moment(times[0])} to {moment(times[-1])} (UTC): at the end between "
        f"{number(min(ends), 2)} and {number(max(ends), 2)}, where 1 is an equal weight and less than 0 turns a call "
        "into its opposite."
    )
    svg = picture(HEIGHT, content, "Learned weights over time", kind=f"keyed names-{len(names)}")
    return Chart(svg, sentence, ("time (UTC)", *(label(name, 200) for name in drawn)), tuple(rows))


def evidence(path: Sequence[Evidence], threshold: float) -> Chart:
    """E block by block on a logarithmic scale, with the threshold at which it decides. Raises ValueError for none.

    Where the learned weights are in use, the path is dashed: it speaks for equal weights there. Of many blocks those
    are drawn that decide, and of each stretch the ends, the highest and the lowest.
    """
    if not path:
        raise ValueError("no evidence, no chart")
    blocks, turned = len(path), _turns(path)
    if blocks > MOST_POINTS:
        chosen = thin(np.array([one.e_value for one in path]), MOST_POINTS).tolist()
        kept = sorted({*chosen, *turned, *(i + 1 for i in turned if i + 1 < blocks)})
        path = [path[i] for i in kept]
        turned = _turns(path)
    values = [max(one.e_value, 1e-6) for one in path]
    across = Scale(*_span(path[0].at, path[-1].at), 0, 100)
    low, high = math.log10(min(*values, 1.0)), math.log10(max(*values, threshold))
    up = Scale(low - 0.08 * (high - low), high + 0.12 * (high - low), HEIGHT, 0)
    parts = []
    for look, stretch in _stretches(path):
        xs, ys = across.places([path[i].at for i in stretch]), up.places([math.log10(values[i]) for i in stretch])
        places = points(xs, ys)
        if len(places) == 1:  # a line of one point is not seen
            places.append((places[0][0] + 20, places[0][1]))
        parts.append(element("path", d=line_path(places), class_=f"line {look}"))
    dots = [
        element(
            "circle", cx=share(across(one.at)), cy=pixels(up(math.log10(max(one.e_value, 1e-6)))), r=5,
            class_=f"dot {'gross' if one.adopted else 'net'}",
            title=f"{moment(one.at)} UTC: {'adopted' if one.adopted else 'lapsed'}",
        )
        for one in (path[i] for i in turned)
    ]  # fmt: skip
    rows = tuple(
        (
            moment(one.at), number(one.e_value, 2), "equal weights" if one.against else "learned weights",
            "learned weights" if one.adopted else "equal weights",
        )
        for one in path
    )  # fmt: skip
    step = -(-len(path) // MOST_STRIPS)
    says = [f"{row[0]} UTC\nE = {row[1]} for {row[2]}\nin use: {row[3]}" for row in rows[::step]]
    ticks = [t for t in (0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 1_000) if up.low <= math.log10(t) <= up.high]
    content = join([
        key([("line gross", "for learned"), ("line net", "for equal")]),
        time_axis(across, HEIGHT, "UTC"), _log_axis(up, ticks), stretched(HEIGHT, join(parts)),
        _level(up, math.log10(threshold), f"{threshold:.0f} decides"), *dots,
        strips([across(one.at) for one in path[::step]], says, HEIGHT, after=True),
    ])  # fmt: skip
    now = "the learned weights are in use" if path[-1].adopted else "equal weights are in use"
    sentence = (
        f"Evidence over {blocks:,} blocks up to {moment(path[-1].at)} (UTC): E ends at {number(values[-1], 2)}, at "
        f"its highest it was {number(max(values), 2)}; {threshold:.0f} decides, and {now}."
    )
    return Chart(
        picture(HEIGHT, content, "Evidence for the learned weights", kind="keyed"),
        sentence,
        ("block ends (UTC)", "E", "speaks for", "in use after it"),
        rows,
    )


def _span(low: float, high: float) -> tuple[float, float]:
    """An hour at least, so that one block has a place."""
    return (low, high) if high > low else (low - 1_800, high + 1_800)


def _turns(path: Sequence[Evidence]) -> list[int]:
    """The places at which the learned weights came into use or went out of it."""
    before = [False, *(one.adopted for one in path)]
    return [i for i, one in enumerate(path) if one.adopted != before[i]]


def _stretches(path: Sequence[Evidence]) -> list[tuple[str, list[int]]]:
    """The places of each process, with its look: one ends where it decides, and the next begins after that."""
    begins = {0, *(i + 1 for i in _turns(path))}
    found: list[tuple[str, list[int]]] = []
    for i, one in enumerate(path):
        if i in begins:
            found.append(("net" if one.against else "gross", []))
        found[-1][1].append(i)
    return found


def _level(up: Scale, value: float, name: str) -> Markup:
    y = up(value)
    words = element("text", name, x="100%", dx=-4, y=pixels(y - 5), class_="tick end")
    return element("line", x1=0, x2="100%", y1=pixels(y), y2=pixels(y), class_="dotted strong") + words


def _log_axis(up: Scale, ticks: Sequence[float]) -> Markup:
    drawn = []
    for value in ticks:
        y = pixels(up(math.log10(value)))
        drawn.append(element("line", x1=0, x2="100%", y1=y, y2=y, class_="zero" if value == 1 else "grid"))
        drawn.append(element("text", f"{value:,g}", x=-8, y=y, dy=".35em", class_="tick left"))
    drawn.append(element("text", "E (logarithmic)", x=-48, y=-10, class_="title"))
    return element("g", join(drawn), aria_hidden="true")


@dataclass(frozen=True)
class Observed:
    """Calls whose stated confidence lies in one tenth: their mean confidence, how many, and how many were right."""

    stated: float
    calls: int
    right: int


def recalibration(a: float, b: float, observed: Sequence[Observed] = ()) -> Chart:
    """How often an agent is right at each confidence that it states: as stated (dotted), and by its map.

    The map is 1 / (1 + exp(-a - b logit(c))). `observed`: what came of its calls, as dots.
    """
    across, up = Scale(0, 100, 0, 100), Scale(0, 100, MAP_HEIGHT, 0)
    mapped = 100 / (1 + np.exp(-a - b * np.log(MAPPED / (100 - MAPPED))))
    most = max((one.calls for one in observed), default=1)
    dots = [
        element(
            "circle", cx=share(across(one.stated)), cy=pixels(up(100 * one.right / one.calls)),
            r=pixels(3 + 5 * math.sqrt(one.calls / most)), class_="dot gross",
            title=f"said {number(one.stated, 1)} %, right in {one.right:,} of {one.calls:,}",
        )
        for one in observed
    ]  # fmt: skip
    content = join([
        key([("dotted", "as stated"), ("line net", "by the map")]),
        width_axis(across, MAP_HEIGHT, "stated confidence, %", ticks=QUARTERS),
        level_axis(up, "right, %", ticks=QUARTERS),
        element("line", x1="0%", y1=pixels(up(0)), x2="100%", y2=pixels(up(100)), class_="dotted"),
        stretched(
            MAP_HEIGHT,
            element("path", d=line_path(points(across.places(MAPPED), up.places(mapped))), class_="line net"),
        ),
        *dots,
    ])  # fmt: skip
    named = (50.0, 70.0, 90.0)
    at = {c: 100 / (1 + math.exp(-a - b * math.log(c / (100 - c)))) for c in named}
    sentence = (
        "What it states, and what the map makes of it: "
        + ", ".join(f"{stated:.0f} % becomes {number(right, 1, '%')}" for stated, right in at.items())
        + "."
    )
    rows = tuple((number(float(c), 0), number(float(p), 1)) for c, p in zip(MAPPED[::4], mapped[::4], strict=True))
    return Chart(
        picture(MAP_HEIGHT, content, "Confidence before and after recalibration", kind="keyed"),
        sentence,
        ("confidence as stated, %", "by the map, %"),
        rows,
    )

"""A benchmark's times over its sizes as one HTML file that asks for nothing."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from scorekeeper import charts
from scorekeeper.charts import Chart
from scorekeeper.charts.candles import APART
from scorekeeper.charts.drawing import element, join, label, line_path, picture, pixels, points, share, stretched
from scorekeeper.charts.scales import Scale, widened

HEIGHT = 420.0
STYLE = Path(charts.__file__).with_name("charts.css")
PAGE = Markup(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{style}'
    "body {{ font: 15px system-ui, sans-serif; margin: 24px; color-scheme: light dark; }}"
    ".plot.sizes {{ width: calc(100% - 320px); margin-right: 250px; }}"
    "td, th {{ padding: 3px 10px; text-align: right; }}"
    "</style><h1>{title}</h1>{svg}<p>{sentence}</p><table><tr>{head}</tr>{rows}</table></html>"
)


def chart_sizes(lines: Mapping[str, Sequence[tuple[int, float]]], size_of: str) -> Chart:
    """Seconds against size, both logarithmic, a line by the name of each thing that was timed: its (size, seconds).

    A size of 0 has no logarithm: it is drawn at 1. Raises ValueError for no lines.
    """
    if not lines:
        raise ValueError("no lines, no chart")
    every = [pair for pairs in lines.values() for pair in pairs]
    across = Scale(*widened([_log(max(size, 1)) for size, _ in every], by=0.02), 0, 100)
    up = Scale(*widened([_log(seconds) for _, seconds in every]), HEIGHT, 0)
    drawn, rows, ends = [], [], []
    for what, pairs in lines.items():
        xs = across.places([_log(max(size, 1)) for size, _ in pairs])
        ys = up.places([_log(seconds) for _, seconds in pairs])
        drawn.append(stretched(HEIGHT, element("path", d=line_path(points(xs, ys)), class_="line gross")))
        for (size, seconds), x, y in zip(pairs, xs, ys, strict=True):
            told = f"{what}: {size:,} {size_of}, {seconds:.4g} s"
            drawn.append(element("circle", cx=share(x), cy=pixels(y), r=4, class_="dot gross", title=told))
            rows.append((what, f"{size:,}", f"{seconds:.4g}"))
        ends.append((ys[-1], what))
    lowest = -APART
    for y, what in sorted(ends):
        lowest = max(y, lowest + APART)
        drawn.append(element("text", label(what, 40), x="100%", dx=8, y=pixels(lowest), dy=".35em", class_="tick"))
    content = join([_powers(across, up, size_of), *drawn])
    sentence = f"Median seconds of {len(lines):,} things by {size_of}; both axes are logarithmic."
    return Chart(
        picture(HEIGHT, content, "Median seconds by size", kind="sizes"), sentence,
        ("what", size_of, "seconds, median"), tuple(rows),
    )  # fmt: skip


def _powers(across: Scale, up: Scale, size_of: str) -> Markup:
    """Grid lines at powers of ten."""
    drawn = []
    for power in range(math.ceil(across.low), math.floor(across.high) + 1):
        x = share(across(power))
        drawn.append(element("line", x1=x, x2=x, y1=0, y2=HEIGHT, class_="grid"))
        drawn.append(element("text", f"{10**power:,}", x=x, y=HEIGHT + 18, class_="tick middle"))
    for power in range(math.ceil(up.low), math.floor(up.high) + 1):
        y = pixels(up(power))
        drawn.append(element("line", x1=0, x2="100%", y1=y, y2=y, class_="grid"))
        drawn.append(element("text", f"{10.0**power:g}", x=-8, y=y, dy=".35em", class_="tick left"))
    drawn.append(element("text", "seconds, median", x=-48, y=-10, class_="title"))
    drawn.append(element("text", size_of, x="100%", y=HEIGHT + 34, class_="title right"))
    return element("g", join(drawn), aria_hidden="true")


def _log(value: float) -> float:
    return math.log10(max(value, 1e-9))


def as_page(title: str, chart: Chart) -> str:
    """The chart with its table as a document."""
    cells = join(element("tr", join(element("td", cell) for cell in row)) for row in chart.rows)
    head = join(element("th", name, scope="col") for name in chart.header)
    sheet = Markup(STYLE.read_text(encoding="utf-8"))  # noqa: S704 - the charts' own style sheet
    return str(PAGE.format(title=title, style=sheet, svg=chart.svg, sentence=chart.sentence, head=head, rows=cells))

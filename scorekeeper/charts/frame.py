"""What stands around the data: axes, grid lines, a key, and the strips that a mouse reads values from."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from markupsafe import Markup

from scorekeeper.charts.drawing import element, join, number, pixels, share
from scorekeeper.charts.scales import Scale, round_ticks, tick_digits, time_ticks

BELOW = 18  # of the bottom line to the words of its ticks
LETTER = 6.6  # how wide one is, about


def level_axis(scale: Scale, title: str, *, most: int = 5, ticks: Sequence[float] | None = None) -> Markup:
    """Grid lines with their values on the left, 0 stronger; `title` above them."""
    low, high = sorted((scale.low, scale.high))
    at = round_ticks(low, high, most) if ticks is None else [t for t in ticks if low <= t <= high]
    digits = tick_digits(at)
    drawn = []
    for value in at:
        y = pixels(scale(value))
        drawn.append(element("line", x1=0, x2="100%", y1=y, y2=y, class_="zero" if value == 0 else "grid"))
        drawn.append(element("text", number(float(value), digits), x=-8, y=y, dy=".35em", class_="tick left"))
    top = min(scale.start, scale.end)
    drawn.append(element("text", title, x=-48, y=pixels(top - 10), class_="title"))
    return element("g", join(drawn), aria_hidden="true")


def time_axis(scale: Scale, height: float, title: str = "UTC") -> Markup:
    """Times below the plot; every other one is left out where the screen is narrow."""
    drawn = [element("line", x1=0, x2="100%", y1=pixels(height), y2=pixels(height), class_="base")]
    last = -100.0
    for i, (at, told) in enumerate(time_ticks(scale.low, scale.high)):
        x = scale(at)
        if x - last < 5:
            continue
        last = x
        fine = " fine" if i % 2 else ""
        drawn.append(element("line", x1=share(x), x2=share(x), y1=0, y2=pixels(height), class_=f"grid{fine}"))
        drawn.append(
            element("text", told, x=share(x), y=pixels(height + BELOW), class_=f"tick middle{fine}", data_at=int(at))
        )
    drawn.append(element("text", title, x="100%", y=pixels(height + BELOW + 16), class_="title right"))
    return element("g", join(drawn), aria_hidden="true")


def width_axis(
    scale: Scale, height: float, title: str, *, most: int = 6, ticks: Sequence[float] | None = None, top: float = 0
) -> Markup:
    """Values below the plot, 0 stronger; `title` under them."""
    low, high = sorted((scale.low, scale.high))
    at = round_ticks(low, high, most) if ticks is None else ticks
    digits = tick_digits(at)
    drawn = [element("line", x1=0, x2="100%", y1=pixels(height), y2=pixels(height), class_="base")]
    for i, value in enumerate(at):
        x = share(scale(value))
        fine = " fine" if i % 2 and len(at) > 6 else ""
        drawn.append(
            element("line", x1=x, x2=x, y1=pixels(top), y2=pixels(height), class_="zero" if value == 0 else "grid")
        )
        drawn.append(
            element("text", number(float(value), digits), x=x, y=pixels(height + BELOW), class_=f"tick middle{fine}")
        )
    drawn.append(element("text", title, x="100%", y=pixels(height + BELOW + 16), class_="title right"))
    return element("g", join(drawn), aria_hidden="true")


def key(entries: Iterable[tuple[str, str]]) -> Markup:
    """What each look means, above the plot: the class of a sample, and its name."""
    drawn, x = [], 0.0
    for look, name in entries:
        drawn.append(element("line", x1=pixels(x), x2=pixels(x + 18), y1=-28, y2=-28, class_=look))
        drawn.append(element("text", name, x=pixels(x + 24), y=-28, dy=".35em", class_="tick"))
        x += 24 + LETTER * len(name) + 16
    return element("g", join(drawn), class_="key", aria_hidden="true")


def dot_key(entries: Iterable[tuple[str, str, str]]) -> Markup:
    """The same for marks: the class and the path of a sample, and its name."""
    drawn, x = [], 0.0
    for look, path, name in entries:
        drawn.append(element("path", d=path, class_=look, transform=f"translate({pixels(x + 6)} -28)"))
        drawn.append(element("text", name, x=pixels(x + 16), y=-28, dy=".35em", class_="tick"))
        x += 16 + LETTER * len(name) + 16
    return element("g", join(drawn), class_="key", aria_hidden="true")


def strips(xs: Sequence[float], says: Sequence[str], height: float, *, after: bool = False) -> Markup:
    """Upright strips over the plot: the mouse in one shows its line and what it `says`.

    `xs` in percent, ascending. A strip reaches halfway to its neighbours; `after`: from its x to the next one, as a
    value that stands until it changes.
    """
    edges = [*xs, 100.0] if after else [0.0, *((a + b) / 2 for a, b in pairwise(xs)), 100.0]
    drawn = [
        element("rect", x=share(left), width=share(max(0.0, right - left)), height=pixels(height), title=told)
        for left, right, told in zip(edges[:-1], edges[1:], says, strict=True)
    ]
    return element("g", join(drawn), class_="strips")

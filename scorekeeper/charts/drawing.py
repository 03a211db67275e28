"""What every chart is made of: `Chart`, inert text, numbers as people read them, elements, and paths.

An x is a share of the width in percent, a y is in CSS pixels. So a chart fits every width, and its text keeps its size.
Colours come from classes (charts.css), never from `style`: a strict content security policy forbids that.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from scorekeeper.safe_text import escape_controls

ACROSS = 10_000  # units of a path's width: a tenth of a pixel on the widest screen
LONGEST_LABEL = 32
MINUS = "\u2212"


@dataclass(frozen=True)
class Chart:
    """A picture, what it shows as one sentence, and its data as a table.

    `svg` is markup, everything in it escaped. `sentence`, `header` and `rows` are plain text, which the caller
    escapes. `rows` hold every value that the picture shows, each of `header`'s length.
    """

    svg: Markup
    sentence: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Controls and characters that turn the direction of text become visible escapes, as in the picture."""
        object.__setattr__(self, "sentence", escape_controls(self.sentence))
        object.__setattr__(self, "header", tuple(map(escape_controls, self.header)))
        object.__setattr__(self, "rows", tuple(tuple(map(escape_controls, row)) for row in self.rows))


def number(value: object, digits: int = 2, unit: str = "") -> str:
    """A figure as people read it; None is n/a, an interval is low to high.

    >>> number(-1234.5, 1, "%"), number(None), number((-1.0, 2.0), 0), number(float("nan"))
    ('−1,234.5 %', 'n/a', '−1 to 2', 'n/a')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "n/a"
    if isinstance(value, list | tuple):
        shown = " to ".join(f"{bound:,.{digits}f}" for bound in value)
    else:
        shown = f"{value:,.{digits}f}" if isinstance(value, float) else f"{value:,}"
    return f"{shown} {unit}".replace("-", MINUS).rstrip()


def price(value: float | None) -> str:
    """A price with the digits that matter: six significant ones, or all of a large one's units.

    >>> price(96123.456), price(0.00001234), price(None)
    ('96,123.5', '0.00001234', 'n/a')
    """
    if value is None:
        return "n/a"
    if value == 0 or not math.isfinite(value):
        return number(float(value))
    digits = min(12, max(0, 5 - math.floor(math.log10(abs(value)))))
    shown = f"{value:,.{digits}f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown).replace("-", MINUS)


def moment(seconds: float, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time in seconds since 1970 as people read it, in UTC.

    >>> moment(1746446400)
    '2025-05-05 12:00'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def label(words: str, longest: int = LONGEST_LABEL) -> str:
    """A stranger's words as one printable line, cut to `longest` characters. Not escaped for markup yet.

    >>> label("a" * 40, 5), label("x" + chr(0x202E))
    ('aaaa…', 'x\\\\u202e')
    """
    line = escape_controls(words)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def join(parts: Iterable[Markup]) -> Markup:
    """Markup after markup."""
    return Markup("").join(parts)


def element(name: str, content: object = "", title: str = "", **attributes: object) -> Markup:
    """One element; `content` is markup or else text. Attributes of None are left out, `_` in a name is a hyphen.

    A `title` is what a mouse shows. A final underscore frees a name that Python keeps (`class_`).

    >>> str(element("text", "a<b", x="5%", class_="tick"))
    '<text x="5%" class="tick">a&lt;b</text>'
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_inert(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    hover = f"<title>{_inert(title)}</title>" if title else ""
    inner = f"{hover}{_inert(content)}"
    return Markup(f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>")  # noqa: S704 - all is escaped


def _inert(words: object) -> Markup:
    """Markup as it is; anything else escaped, its controls made visible, its lines kept."""
    if isinstance(words, Markup):
        return words
    told = str(words)
    return escape(told if told.isprintable() else "\n".join(map(escape_controls, told.split("\n"))))


def link(content: Markup, href: str, says: str) -> Markup:
    """Something that can be clicked; `says`: what it leads to. Raises ValueError for an address of another site."""
    address = urlsplit(href)
    if address.scheme or address.netloc:
        raise ValueError(f"a chart links within its own site, not to {href!r}")
    return element("a", content, href=href, title=says)  # not as aria-label, which is to hold all that it shows


def share(value: float) -> str:
    """A share of the width, as an attribute wants it.

    >>> share(33.33333), share(50.0)
    ('33.33%', '50%')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def pixels(value: float) -> str:
    """A height, as short as a tenth of a pixel allows."""
    return f"{value:.1f}".removesuffix(".0")


def points(xs: Iterable[float], ys: Iterable[float]) -> list[tuple[int, str]]:
    """Places for a path: x in percent as units of `ACROSS`, y in pixels."""
    return [(round(x * ACROSS / 100), pixels(y)) for x, y in zip(xs, ys, strict=True)]


def line_path(places: Sequence[tuple[int, str]]) -> str:
    """Straight from place to place.

    >>> line_path([(0, "5"), (10, "6"), (20, "5")])
    'M0 5L10 6 20 5'
    """
    (x, y), *rest = places
    return f"M{x} {y}" + ("L" + " ".join(f"{a} {b}" for a, b in rest) if rest else "")


def step_path(places: Sequence[tuple[int, str]]) -> str:
    """Level until the next place, then straight up or down to it.

    >>> step_path([(0, "5"), (10, "6"), (20, "6")])
    'M0 5H10V6H20'
    """
    (x, y), *rest = places
    parts = [f"M{x} {y}"]
    for a, b in rest:
        parts.append(f"H{a}" + (f"V{b}" if b != y else ""))
        y = b
    return "".join(parts)


def stretched(height: float, content: Markup) -> Markup:
    """Paths in a box of `height` pixels, as wide as the chart; charts.css keeps their lines from widening."""
    return element(
        "svg", content, class_="fit", width="100%", height=pixels(height),
        viewBox=f"0 0 {ACROSS} {pixels(height)}", preserveAspectRatio="none",
    )  # fmt: skip


def picture(
    height: float, content: Markup, says: str, *, kind: str = "", linked: bool = False, zoom: str | None = None
) -> Markup:
    """The whole chart: `height` of its inner part; `says`: a short name, for a screen reader.

    What holds links is a group whose links can be reached; else it is one image. `zoom`: what a script may redraw it
    as, from its table and the `data-` attributes of its parts.
    """
    return element(
        "svg", content, class_=f"plot {kind}".strip(), role="group" if linked else "img", aria_label=says,
        height=pixels(height), data_zoom=zoom,
    )  # fmt: skip

"""What the page is made of: inert text, numbers, sections, and the document that holds them with its figures."""

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from string import Template

from scorekeeper.report.figures import Figure
from scorekeeper.safe_text import escape_controls


def text(words: object) -> str:
    """A stranger's words as inert HTML text, one line."""
    return html.escape(escape_controls(str(words)))


def number(value: object, digits: int = 2, unit: str = "") -> str:
    """A figure as people read it; None is n/a, an interval is low to high."""
    if value is None:
        return "n/a"
    if isinstance(value, list | tuple):
        shown = " to ".join(f"{bound:,.{digits}f}" for bound in value)
    else:
        shown = f"{value:,.{digits}f}" if isinstance(value, float) else f"{value:,}"
    return f"{shown} {unit}".replace("-", "−").rstrip()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls by itself on a narrow screen; cells are markup, the first of a row is its name."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><td class="name">{row[0]}</td>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    wide = ' class="wide"' if len(head) > 9 else ""
    return f'<div class="scroll"><table{wide}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


@cache
def _shipped(name: str) -> str:
    return files("scorekeeper.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    """plotly.js, as an inline script may hold it: nothing in it may look like the script's end."""
    script = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return script.replace("\r\n", "\n").replace("</script", "<\\/script").replace("<!--", "<\\!--")


class Page:
    """Sections in order, and the figures that they show."""

    def __init__(self) -> None:
        self._body: list[str] = []
        self._figures: dict[str, Figure] = {}

    def add(self, markup: str) -> None:
        """Markup as it is: the caller has escaped what strangers wrote."""
        self._body.append(markup)

    def place(self, figure: Figure, shows: str) -> str:
        """The markup of the place where `figure` will be drawn; `shows`: in words, for who cannot see it (escaped)."""
        key = f"figure-{len(self._figures) + 1}"
        self._figures[key] = figure
        return f'<div id="{key}" class="plot" role="img" aria-label="{shows}" style="height:{figure.height}px"></div>'

    def section(self, title: str, how: str, content: str) -> str:
        """A titled part with a line on how to read it; nothing of it is escaped here."""
        return f'<section><h2>{title}</h2><p class="how">{how}</p>{content}</section>'

    def render(self) -> str:
        """The whole document: one file that asks for nothing, and runs these scripts alone."""
        drawn = {
            key: {"data": one.data, "layout": one.layout, "height": one.height} for key, one in self._figures.items()
        }
        # Inside a script element: nothing may look like the element's end.
        data = json.dumps(drawn, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
        scripts = {"plotly": _plotly(), "script": _shipped("page.js")} if drawn else {"plotly": "", "script": ""}
        allowed = " ".join(_source(script) for script in scripts.values() if script) or "'none'"
        policy = (
            f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )
        return Template(_shipped("page.html")).substitute(
            policy=policy, style=_shipped("page.css"), body="\n".join(self._body), figures=data, **scripts
        )


def _source(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"

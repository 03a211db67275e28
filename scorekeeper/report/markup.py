"""What the page is made of: inert text, sections, charts with their data, and the document that holds them."""

import html
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from string import Template

from scorekeeper.charts import Chart, number
from scorekeeper.safe_text import escape_controls

__all__ = ["Page", "number", "table", "text"]


def text(words: object) -> str:
    """Text from a decision as inert HTML, one line."""
    return html.escape(escape_controls(str(words)))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls on a narrow screen. Cells are markup; the first cell of a row is the row's name."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><td class="name">{row[0]}</td>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    wide = ' class="wide"' if len(head) > 9 else ""
    return (
        f'<div class="scroll" tabindex="0"><table{wide}><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


@cache
def _shipped(name: str, package: str = "scorekeeper.report") -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")


class Page:
    """Sections in order, and the charts that they show."""

    def __init__(self) -> None:
        self._body: list[str] = []

    def add(self, markup: str) -> None:
        """Markup as it is: the caller has escaped all text from decisions."""
        self._body.append(markup)

    def place(self, chart: Chart) -> str:
        """A chart, what it shows in a sentence, and its data as a table that opens on demand."""
        data = table([text(name) for name in chart.header], ([text(cell) for cell in row] for row in chart.rows))
        return (
            f'<div class="picture">{chart.svg}<p class="how">{text(chart.sentence)}</p>'
            f"<details><summary>Data of this chart ({len(chart.rows):,} rows)</summary>{data}</details></div>"
        )

    def section(self, title: str, how: str, content: str) -> str:
        """A titled part with a line on how to read it. It is not escaped here."""
        return f'<section><h2>{title}</h2><p class="how">{how}</p>{content}</section>'

    def render(self) -> str:
        """The whole document: one file that asks for nothing, and runs no script."""
        style = _shipped("charts.css", "scorekeeper.charts") + _shipped("page.css")
        return Template(_shipped("page.html")).substitute(style=style, body="\n".join(self._body))

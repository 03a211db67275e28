"""Rows of text as a table on a terminal."""

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def print_rows(title: str, rows: Sequence[Mapping[str, str]], columns: Sequence[str] | None = None) -> None:
    """A column per key of the rows, or per name in `columns`; without rows, nothing."""
    if not rows:
        return
    table = Table(title=title, padding=(0, 1), pad_edge=False, box=SIMPLE_HEAD)
    names = columns or tuple(rows[0])
    for position, name in enumerate(names):
        table.add_column(name, justify="left" if position == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(row[name]) for name in names))
    Console(highlight=False).print(table)

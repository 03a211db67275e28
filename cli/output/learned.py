"""What was learned on the terminal: in words and tables."""

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scorekeeper.learning import tables
from scorekeeper.learning.document import Learned
from scorekeeper.learning.sentences import write_sentences
from scorekeeper.safe_text import escape_controls

# The columns that fit a terminal; the artifacts show all of them.
_MAPS = ("agent", "independent", "Brier as stated", "Brier of the map", "verdict")
_MODELS = ("asks", "trades", "foretold", "informs", "kept earn %", "worth it")


def print_learned(learned: Learned) -> None:
    """The sentences, then weights, maps and meta-models."""
    typer.echo(f"What was learned of version {escape_controls(learned.version)} by {learned.as_of:%Y-%m-%d %H:%M} UTC:")
    for sentence in write_sentences(learned, escape_controls):
        typer.echo(f"- {sentence}")
    _print_table("Weights", tables.weight_rows(learned, escape_controls))
    _print_table("Recalibration", tables.map_rows(learned, escape_controls), _MAPS)
    _print_table("Meta-model", tables.model_rows(learned), _MODELS)


def _print_table(title: str, rows: list[tables.Row], columns: tuple[str, ...] | None = None) -> None:
    if not rows:
        return
    rows = [{name: row[name] for name in columns or tuple(row)} for row in rows]
    table = Table(title=title, padding=(0, 1), pad_edge=False, box=SIMPLE_HEAD)
    for position, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if position == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row.values()))
    Console(highlight=False).print(table)

"""An analysis on the terminal: what can be concluded, in words and tables."""

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scorekeeper.analysis import tables
from scorekeeper.analysis.document import Analysis
from scorekeeper.analysis.sentences import write_sentences
from scorekeeper.safe_text import escape_controls

# The columns of each table that fit a terminal; the artifacts show all of them.
_ATTRIBUTION = ("agent", "calls", "independent", "accuracy %", "accuracy 95 %", "IC", "Shapley %", "leave one out %")
_BASELINES = ("who", "mean %", "system minus this %", "95 %", "p adjusted", "the system is")
_VERSIONS = ("what", "n", "independent", "mean %", "95 %", "p adjusted", "verdict")


def print_sentences(analysis: Analysis) -> None:
    """What can and what cannot be concluded."""
    typer.echo(f"What can be concluded at {analysis.as_of}:")
    for sentence in write_sentences(analysis, escape_controls):
        typer.echo(f"- {sentence}")


def print_analysis(analysis: Analysis) -> None:
    """The sentences, then attribution, calibration, baselines and versions."""
    print_sentences(analysis)
    _print_table("Agents", tables.attribution_rows(analysis, escape_controls), _ATTRIBUTION)
    _print_table("Calibration", tables.calibration_rows(analysis, escape_controls))
    _print_table(
        "The same decisions, percent a decision at the horizon",
        tables.baseline_rows(analysis, escape_controls),
        _BASELINES,
    )
    _print_table(
        "Versions, percent a trade (paired: a decision)", tables.version_rows(analysis, escape_controls), _VERSIONS
    )


def _print_table(title: str, rows: list[tables.Row], columns: tuple[str, ...] | None = None) -> None:
    if not rows:
        return
    table = Table(title=title, padding=(0, 1), pad_edge=False, box=SIMPLE_HEAD)
    names = columns or tuple(rows[0])
    for position, name in enumerate(names):
        table.add_column(name, justify="left" if position == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(row[name]) for name in names))
    Console(highlight=False).print(table)

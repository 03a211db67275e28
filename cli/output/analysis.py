"""An analysis on the terminal: what can be concluded, in words and tables."""

import typer

from cli.output.rows import print_rows
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
    print_rows("Agents", tables.attribution_rows(analysis, escape_controls), _ATTRIBUTION)
    print_rows("Calibration", tables.calibration_rows(analysis, escape_controls))
    print_rows(
        "The same decisions, percent a decision at the horizon",
        tables.baseline_rows(analysis, escape_controls),
        _BASELINES,
    )
    print_rows(
        "Versions, percent a trade (paired: a decision)", tables.version_rows(analysis, escape_controls), _VERSIONS
    )

"""What was learned on the terminal: in words and tables."""

import typer

from cli.output.rows import print_rows
from scorekeeper.learning import tables
from scorekeeper.learning.document import Learned
from scorekeeper.learning.sentences import write_sentences
from scorekeeper.safe_text import escape_controls

# The columns that fit a terminal; the artifacts show all of them.
_MAPS = ("agent", "independent", "Brier as stated", "Brier of the map", "verdict")
_MODELS = ("asks", "trades", "predicted", "informs", "kept earn %", "worth it")


def print_learned(learned: Learned) -> None:
    """The sentences, then weights, maps and meta-models."""
    typer.echo(f"What was learned of version {escape_controls(learned.version)} by {learned.as_of:%Y-%m-%d %H:%M} UTC:")
    for sentence in write_sentences(learned, escape_controls):
        typer.echo(f"- {sentence}")
    print_rows("Weights", tables.weight_rows(learned, escape_controls))
    print_rows("Recalibration", tables.map_rows(learned, escape_controls), _MAPS)
    print_rows("Meta-model", tables.model_rows(learned), _MODELS)

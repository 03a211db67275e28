"""`scorekeeper recover`: after a restore from a backup, what came in since."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError
from scorekeeper.safe_text import escape_controls


@installation_options()
def recover(
    datasets: Annotated[
        list[Path] | None, typer.Argument(help="Other published datasets that contain what was lost.")
    ] = None,
) -> None:
    """After a restore from a backup: take in again what came in since.

    From archive/ and quarantine/, and, what no file has brought, from the published dataset; exactly once, with the
    time of the first arrival. May be repeated. End scorekeeper up and workers before.
    """
    from scorekeeper.operations.recover import recover as library

    with open_installation() as (db, settings):
        done = library(db, settings, datetime.now(UTC), datasets or ())
    for words in done.set_aside:
        typer.echo(words)
    typer.echo(
        f"{done.files} files with {done.decisions} decisions, {done.from_dataset} decisions from the dataset alone, "
        f"{done.exits} exits that no candle decides"
    )
    if done.rejected:
        typer.echo(f"  {done.rejected} decisions of these files are refused: see scorekeeper quarantine list")
    if done.guessed:
        typer.echo(f"  no published line tells when {done.guessed} of them arrived: the times of their files are used")
    for words in done.refused[:20]:
        typer.echo(escape_controls(f"  not taken in: {words}"), err=True)
    if done.refused:
        raise ScorekeeperError(f"{len(done.refused)} could not be taken in")

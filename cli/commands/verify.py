"""`scorekeeper verify`: everything stored and published, recomputed and compared."""

import logging

import typer

from cli.installation import open_installation
from cli.options import installation_options
from cli.progress import show_progress
from scorekeeper.errors import ScorekeeperError


@installation_options(each=True)
def verify() -> None:
    """Recompute everything, and name every difference.

    Decisions from the archived files; trades, horizon returns, rollups, metrics, log and dataset from decisions and
    candles, by other code than track's; the books against each other. All is read as it stands at one moment: what is
    written meanwhile is no difference. What waits for the next track is counted, and is no difference either.

    A terminal shows how far it is. Its time grows with the decisions; its memory does not, but for the last analysis,
    which it makes again.
    """
    from scorekeeper.verify.run import compare

    with open_installation() as (db, settings), show_progress() as show:
        found = compare(db, settings, lambda words: show(logging.INFO, words))
    for line in (*found.differences, *found.waits):
        typer.echo(line)
    if found.pruned is not None:
        since, decisions = found.pruned
        typer.echo(
            f"{decisions} decisions from before {since:%F %R} UTC: their candles have been pruned, not recomputed"
        )
    if found.kept_from is not None:
        typer.echo(
            f"decisions from before {found.kept_from:%F} UTC were deleted by their age: the rollups of these days, and "
            "what was learned of them, are not recomputed"
        )
    if found.differences:
        raise ScorekeeperError(f"{len(found.differences)} differences")
    typer.echo("everything stored and published equals its recompute")

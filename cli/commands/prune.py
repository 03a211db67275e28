"""`scorekeeper prune`: delete old decisions, candles and archived files."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.installation import open_installation, run_flow
from cli.options import installation_options


@installation_options(each=True)
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Give up old decisions, candles and archived files.

    Decisions that ended longer ago than KEEP_DECISIONS_DAYS, with their signals, trades and events: their days stay in
    the figures, their lines in log and dataset. None goes while a dataset in Parquet is published. Candles older than
    KEEP_CANDLES_DAYS: whole months, never what an open trade or an undecided decision needs. Files older than
    KEEP_ARCHIVE_DAYS. Unset, all is kept. Scores stay as they are; verify cannot recompute what lies before.

    A flow run where a Prefect server is there to be told, else the same steps without Prefect (FLOW_RUNS).
    """
    with open_installation(for_flow=True) as (_, settings):
        from flows.prune import prune as flow

        done = run_flow(flow(dry_run=dry_run))
    _tell_decisions(done, settings.keep_decisions_days, dry_run=dry_run)
    verb = "would go" if dry_run else "gone"
    for kind, setting, days, found in (
        ("candles", "KEEP_CANDLES_DAYS", settings.keep_candles_days, done["months"]),
        ("archived files", "KEEP_ARCHIVE_DAYS", settings.keep_archive_days, done["days"]),
    ):
        if days is None:
            typer.echo(f"{kind}: all are kept ({setting} is not set)")
        elif not found:
            typer.echo(f"{kind}: none that is older than {days} days can go")
        for one in found:
            typer.echo(f"{kind}: {verb}: {one}")


def _tell_decisions(done: Mapping[str, Any], days: int | None, *, dry_run: bool) -> None:
    if days is None:
        typer.echo("decisions: all are kept (KEEP_DECISIONS_DAYS is not set)")
    elif not done["decisions"]:
        typer.echo(f"decisions: none that ended more than {days} days ago can go")
    else:
        verb = "would go, or most of them" if dry_run else "gone"
        typer.echo(f"decisions: {verb}: {done['decisions']} that ended before {done['before'][:10]}")
    if done["held_back"]:
        typer.echo(f"decisions: {done['held_back']}")

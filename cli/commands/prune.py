"""`scorekeeper prune`: what is old, and goes."""

import typer

from cli.installation import run_flow
from flows.prune import prune as flow
from scorekeeper.settings import Settings


def prune_old(settings: Settings, *, dry_run: bool) -> None:
    """Run the flow and print what it gave up."""
    done = run_flow(flow(dry_run=dry_run))
    verb = "would go" if dry_run else "gone"
    for kind, days, found in (
        ("candles", settings.keep_candles_days, done["months"]),
        ("archived files", settings.keep_archive_days, done["days"]),
    ):
        if days is None:
            typer.echo(f"{kind}: all are kept (KEEP_{'CANDLES' if kind == 'candles' else 'ARCHIVE'}_DAYS is not set)")
        elif not found:
            typer.echo(f"{kind}: none that is older than {days} days can go")
        for one in found:
            typer.echo(f"{kind}: {verb}: {one}")

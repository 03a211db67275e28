"""`scorekeeper prune`: delete old candles and archived files."""

from typing import Annotated

import typer

from cli.installation import open_installation, run_flow
from cli.options import installation_options


@installation_options(each=True)
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
) -> None:
    """Give up old candles and archived files.

    Those older than KEEP_CANDLES_DAYS (whole months; never what an open trade or an undecided decision needs) and
    KEEP_ARCHIVE_DAYS; unset, all is kept. Scores stay as they are; verify cannot recompute what lies before.
    """
    with open_installation() as (_, settings):
        from flows.prune import prune as flow

        done = run_flow(flow(dry_run=dry_run))
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

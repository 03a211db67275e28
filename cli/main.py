"""The `scorekeeper` command: its commands put together, and how each one ends."""

import os
import sys

import typer

from cli import stopping
from cli.commands import (
    analyze,
    automations,
    backtest,
    close,
    demo,
    doctor,
    import_dataset,
    ingest,
    metrics,
    migrate,
    move_database,
    prune,
    publish,
    quarantine,
    recover,
    report,
    roles,
    status,
    track,
    ui,
    up,
    verify,
    void,
    watch,
)
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
@installation_options()
def scorekeeper() -> None:
    """Keep the score of a multi-agent trading system. Try: scorekeeper demo."""


# In the order in which --help lists them. A command's module imports little: the rest is imported when it runs.
for command in (
    demo.demo, up.up, ui.ui, watch.watch, ingest.ingest, track.track, metrics.metrics, analyze.analyze, report.report,
    backtest.backtest, publish.publish, recover.recover, close.close, void.void,
):  # fmt: skip
    app.command()(command)
app.command("import")(import_dataset.import_dataset)
for command in (status.status, doctor.doctor, automations.automations, verify.verify):
    app.command()(command)
app.command("move-database")(move_database.move_database)
for command in (roles.roles, prune.prune, migrate.migrate):
    app.command()(command)
app.add_typer(quarantine.app, name="quarantine")


def main() -> None:
    """Exit code 0 if the work was done, 1 with one clear line if not, 2 for usage, 128 + n when signal n stopped it."""
    stopping.guard()
    os.umask(0o077)  # files are the user's own, also those that Prefect and supervisord write
    stopping.begin_work()
    try:
        app()  # reports a wrong usage itself, and exits with 2
    except BaseException as exc:
        if (number := stopping.asked()) is not None:
            stopping.finish(number)  # a library may have turned StopError into another exception
        if not isinstance(exc, Exception):
            raise
        if os.environ.get("SCOREKEEPER_DEBUG"):
            raise
        error = _explain_lost(exc)
        words = " ".join(str(error).split()) or type(error).__name__
        kind = "" if isinstance(error, ScorekeeperError) else f"{type(error).__name__}: "
        typer.echo(f"error: {kind}{words[:500]}", err=True)
        sys.exit(1)
    finally:
        stopping.end_work()


def _explain_lost(exc: Exception) -> Exception:
    """The error to show: for a database connection that was lost its explanation, else `exc` itself."""
    if "sqlalchemy.exc" not in sys.modules:
        return exc
    from sqlalchemy.exc import DBAPIError

    from scorekeeper.store.failures import explain_lost, is_lost

    orig = exc.orig if isinstance(exc, DBAPIError) else None
    return explain_lost(orig) if orig is not None and is_lost(orig) else exc

"""The command: one subcommand a benchmark; without one, all that are of speed."""

import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import commands_running, commands_steps, commands_truth, suite
from benchmarks import compare as comparing
from benchmarks import counts as counting
from benchmarks.options import Output
from benchmarks.result import RESULTS, open_console

EPILOG = (
    "Each builds what it needs in an embedded Postgres of its own and removes it, prints a table with ratios to a "
    "yardstick that is timed in the same run, and writes a JSON file into --output; where more than one size was run "
    "(--size 1000 --size 10000) there is a chart over the sizes beside it. Figures are only as good as the machine is "
    "idle: run one at a time. docs/performance.md says what limits each, and what it came to."
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, epilog=EPILOG)


@app.callback(invoke_without_command=True, epilog=EPILOG)
def measure(
    context: typer.Context,
    output: Output = RESULTS,
    quick: Annotated[
        bool, typer.Option("--quick", help="At small sizes, in under an hour; compared with the release before.")
    ] = False,
) -> None:
    """Measure how fast the work is, and how true its figures are. Without a name: every benchmark of speed.

    Exits with 1 if a figure is worse than the release before's by over 20 %.
    """
    if context.invoked_subcommand is None:
        console = open_console()
        began = time.time()
        suite.run(quick=quick, output=output, console=console)
        _compare(output, since=began)


def _compare(output: Path, since: float = 0.0) -> None:
    if not comparing.show_changes(open_console(), output, since):
        raise typer.Exit(1)


@app.command()
def compare(
    keep: Annotated[
        bool, typer.Option("--keep", help="Make them the figures of the release: writes benchmarks/release.json.")
    ] = False,
    output: Output = RESULTS,
) -> None:
    """Compare what lies in --output with the release before: ratios, memory and counts. Runs nothing."""
    if keep:
        typer.echo(f"{comparing.RELEASE}: {comparing.keep(output):,} figures")
    else:
        _compare(output)


@app.command()
def counts(output: Output = RESULTS) -> None:
    """Count what the steps ask of Postgres: statements, rows, blocks, log bytes. Compared with the release before.

    No count hangs on how busy the machine is. Takes half a minute.
    """
    began = time.time()
    counting.run(output)
    _compare(output, since=began)


for command in (
    commands_steps.record, commands_steps.ingest, commands_steps.close, commands_steps.burst, commands_steps.score,
    commands_steps.parts, commands_steps.publish, commands_steps.analyze, commands_steps.verify,
    commands_steps.backtest, commands_steps.dashboard,
    commands_running.startup, commands_running.arrival, commands_running.sustained, commands_running.idle,
    commands_running.growth, commands_running.scale,
    commands_truth.coverage, commands_truth.learning,
):  # fmt: skip
    app.command()(command)

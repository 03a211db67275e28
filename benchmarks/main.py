"""The command: one subcommand a benchmark."""

import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import analyze as analyzing
from benchmarks import arrival as arriving
from benchmarks import backtest as replaying
from benchmarks import burst as bursting
from benchmarks import close as closing
from benchmarks import compare as comparing
from benchmarks import counts as counting
from benchmarks import coverage as covering
from benchmarks import dashboard as showing
from benchmarks import decisions as drawing
from benchmarks import growth as growing
from benchmarks import idle as idling
from benchmarks import ingest as ingesting
from benchmarks import parts as breaking
from benchmarks import publish as publishing
from benchmarks import record as recording
from benchmarks import scale as scaling
from benchmarks import score as scoring
from benchmarks import startup as starting
from benchmarks import suite as running
from benchmarks import sustained as sustaining
from benchmarks import verify as verifying
from benchmarks.learning import run as learned
from benchmarks.result import RESULTS, open_console

EPILOG = (
    "Each builds what it needs in an embedded Postgres of its own and removes it, prints a table with ratios to a "
    "yardstick that is timed in the same run, and writes a JSON file into --output; where more than one size was run "
    "(--size 1000 --size 10000) there is a chart over the sizes beside it. Figures are only as good as the machine is "
    "idle: run one at a time. docs/performance.md says what limits each, and what it came to."
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, epilog=EPILOG)

Output = Annotated[Path, typer.Option(help="Folder for the JSON files and charts.")]
Repeats = Annotated[int, typer.Option(min=1, help="Repetitions; the median counts.")]


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
        running.run(quick=quick, output=output, console=console)
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


@app.command()
def analyze(
    size: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Decisions. May be repeated. [100000 and 1000000]")
    ] = None,
    repeats: Repeats = analyzing.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Analyse a history, beside the same figures in plain numpy on arrays in memory; and the memory that it takes.

    A million decisions take some minutes to write.
    """
    analyzing.run(size or list(analyzing.SIZES), repeats, output)


@app.command()
def arrival(
    warm: Annotated[
        bool | None, typer.Option("--warm/--cold", help="WARM_RUNS on, or off. [both, one after the other]")
    ] = None,
    arrivals: Annotated[int, typer.Option(min=1, help="Arrivals, and empty runs beside them.")] = arriving.ARRIVALS,
    size: Annotated[
        list[int] | None, typer.Option(min=1, help="Files dropped at once. May be repeated. [10000]")
    ] = None,
    minutes: Annotated[int, typer.Option(min=1, help="Minutes of which the cost of an idle hour is told.")] = (
        arriving.MINUTES
    ),
    output: Output = RESULTS,
) -> None:
    """Let files arrive under a running `scorekeeper up`, beside an empty flow that is deployed to its pool.

    From a file to its row, thousands at once, the CPU time of a track with nothing to do, and what an idle hour costs.
    Takes a quarter of an hour for each of warm and cold.
    """
    arriving.run([False, True] if warm is None else [warm], arrivals, size or list(arriving.SIZES), minutes, output)


@app.command()
def burst(
    size: Annotated[
        list[int] | None,
        typer.Option(min=1_000, help="Decisions, of which 29 of 40 opened a trade. May be repeated. [200000]"),
    ] = None,
    output: Output = RESULTS,
) -> None:
    """Close and publish very many trades in one track, beside COPY of their rows and writing their lines.

    Settle, score and publish, in a process of their own, with the most memory that it held.
    """
    bursting.run(size or [bursting.DECISIONS], output)


@app.command()
def backtest(
    size: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Decisions; 100,000 are a year. May be repeated. [100000]")
    ] = None,
    repeats: Repeats = replaying.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Backtest decisions over minutes of three symbols, a command, beside freqtrade's backtesting of the same trades.

    freqtrade is that of tests/oracles, and reaches no network.
    """
    replaying.run(size or [replaying.DECISIONS], repeats, output)


@app.command()
def close(
    size: Annotated[
        list[int] | None,
        typer.Option(
            min=closing.FEWEST_TRADES, help="Open trades; four of each symbol are due. May be repeated. [1000000]"
        ),
    ] = None,
    repeats: Repeats = closing.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Close what is due and mark what is open, beside one UPDATE of every open trade.

    500 symbols, one newly sealed candle each, 2,000 trades due.
    """
    closing.run(size or [closing.TRADES], repeats, output)


@app.command()
def coverage(
    size: Annotated[
        list[int] | None, typer.Option(min=20, help="Independent trades. May be repeated. [20, 50, 100 and 400]")
    ] = None,
    simulations: Annotated[int, typer.Option(min=100, help="Simulations of each case.")] = covering.SIMULATIONS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = covering.SEED,
    output: Output = RESULTS,
) -> None:
    """Hold the intervals, the ranking and the verdicts against simulations whose truth is known.

    Simulated agents of known skill and calibration over simulated markets. Needs no database; takes some ten minutes.
    """
    covering.run(size or list(covering.INDEPENDENT), simulations, seed, output)


@app.command()
def growth(
    minutes: Annotated[int, typer.Option(min=5, help="Minutes that are run as they are.")] = growing.MINUTES,
    days: Annotated[
        list[int] | None, typer.Option(min=1, help="Days of which the size is told. May be repeated. [1, 14 and 30]")
    ] = None,
    output: Output = RESULTS,
) -> None:
    """Let `scorekeeper up` idle, and say how large Prefect's database becomes in days.

    The minutes' rows are laid end to end for as long as the settings keep them. Takes half an hour.
    """
    growing.run(minutes, days or list(growing.DAYS), output)


@app.command()
def idle(
    minutes: Annotated[int, typer.Option(min=1, help="Minutes of which the cost of an hour is told.")] = idling.MINUTES,
    output: Output = RESULTS,
) -> None:
    """Let `scorekeeper up` idle, beside Prefect by itself with empty flows on the same schedules.

    CPU seconds an hour and memory, by part. Waits for minutes without an hourly run, up to a quarter of an hour.
    """
    idling.run(minutes, output)


@app.command()
def ingest(
    size: Annotated[
        list[int] | None, typer.Option(min=1, help="Decisions in files of lines. May be repeated. [20000 and 200000]")
    ] = None,
    files: Annotated[int, typer.Option(min=0, help="Files of one decision each; 0: none.")] = ingesting.FILES,
    symbols: Annotated[int, typer.Option(min=1, help="Symbols that the decisions are of.")] = 500,
    agents: Annotated[int, typer.Option(min=0, max=200, help="Agents that say something of each decision.")] = 5,
    hot: Annotated[float, typer.Option(min=0, max=1, help="Share of the decisions that have the first symbol.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same decisions.")] = 1,
    output: Output = RESULTS,
) -> None:
    """Ingest decision files, beside psycopg's COPY of the very same rows into the same tables.

    Then the same files again, and the same decisions in other bytes; and single files, beside reading and moving them.
    """
    shape = drawing.Shape(symbols, agents, hot, seed)
    ingesting.run(size or list(ingesting.SIZES), files, shape, output)


@app.command()
def dashboard(
    size: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Closed trades. May be repeated. [200000 and 1000000]")
    ] = None,
    repeats: Repeats = showing.REPEATS,
    streams: Annotated[int, typer.Option(min=1, help="Tabs that wait for changes.")] = showing.STREAMS,
    output: Output = RESULTS,
) -> None:
    """Make each page of the dashboard without a cache, beside asking for its change token; hold streams, and commit.

    A million trades take some minutes to write.
    """
    showing.run(size or list(showing.SIZES), repeats, streams, output)


@app.command()
def learning(
    quick: Annotated[bool, typer.Option("--quick", help="60 simulations of up to 5,000 decisions: minutes.")] = False,
    simulations: Annotated[int | None, typer.Option(min=20, help="Simulations of each universe. [500]")] = None,
    size: Annotated[int | None, typer.Option(min=1_000, help="The most decisions of a universe. [20000]")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = learned.SEED,
    output: Output = RESULTS,
) -> None:
    """Check what is learned in universes whose truth is known.

    Gains, false adoption and power of weights; recalibration; the meta-model. Planted agents over simulated markets, of
    which the product's own functions learn. Needs no database; takes some hours.
    """
    learned.run(
        simulations or (learned.QUICK_SIMULATIONS if quick else learned.SIMULATIONS),
        size or (learned.QUICK_LARGEST if quick else max(learned.SIZES)),
        seed,
        output,
    )


@app.command()
def parts(
    size: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Closed trades. May be repeated. [100000 and 1000000]")
    ] = None,
    a_day: Annotated[int, typer.Option(min=1, help="Trades that closed each day.")] = scoring.A_DAY,
    repeats: Repeats = breaking.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Break the score of a long history down, and take a period of it, beside pandas' read_sql and groupby.

    A million trades take some minutes to write and to add up.
    """
    breaking.run(size or list(breaking.SIZES), a_day, repeats, output)


@app.command()
def publish(
    size: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Records that are there before. May be repeated. [0, 100000 and 1000000]"),
    ] = None,
    repeats: Repeats = publishing.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Publish 2,000 new records behind those that are there, beside the same where nothing was before.

    Log and dataset, each publication a process of its own. Ten million (--size 10000000) take an hour to write, and
    25 GB.
    """
    publishing.run(size or list(publishing.SIZES), repeats, output)


@app.command()
def record(
    size: Annotated[
        list[int] | None, typer.Option(min=recording.SLICES, help="Calls. May be repeated. [10000]")
    ] = None,
    output: Output = RESULTS,
) -> None:
    """Record decisions one by one through the tracker, beside an INSERT of one row of as many bytes, and a COMMIT.

    And beside appending their two lines to two files, each fsynced. Then as many at once, beside one by one.
    """
    recording.run(size or [recording.CALLS], output)


@app.command()
def scale(
    size: Annotated[int, typer.Option(min=1, help="Decisions in files of lines.")] = scaling.SIZE,
    workers: Annotated[
        list[int] | None, typer.Option(min=1, help="Workers at once. May be repeated, from 1 on. [1, 2 and 4]")
    ] = None,
    output: Output = RESULTS,
) -> None:
    """Ingest by several workers at once, beside one: all of one system, and each of a system of its own."""
    scaling.run(size, workers or list(scaling.WORKERS), drawing.Shape(), output)


@app.command()
def score(
    size: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Closed trades before. May be repeated. [10000 and 1000000]")
    ] = None,
    a_day: Annotated[int, typer.Option(min=1, help="Trades that closed each day of the history.")] = scoring.A_DAY,
    repeats: Repeats = scoring.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Score 1,000 new closes and answer, beside what pandas and three packages of others take over every trade.

    Ten million (--size 10000000) take a quarter of an hour to write, and 15 GB. The others' packages are those of
    tests/oracles.
    """
    scoring.run(size or list(scoring.HISTORIES), a_day, repeats, output)


@app.command()
def startup(
    size: Annotated[
        list[int] | None, typer.Option(min=1, help="Closed trades that metrics answers of. May be repeated. [10000]")
    ] = None,
    repeats: Repeats = starting.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Start --help, imports, metrics, ingest and track as processes, beside an import of SQLAlchemy and psycopg."""
    starting.run(size or list(starting.SIZES), repeats, output)


@app.command()
def sustained(
    arrivals: Annotated[int, typer.Option(min=2, help="Files that arrive at one a second.")] = sustaining.ARRIVALS,
    rate: Annotated[int, typer.Option(min=10, help="Files a second afterwards.")] = sustaining.RATE,
    minutes: Annotated[float, typer.Option(min=0.1, help="Minutes of them.")] = sustaining.MINUTES,
    output: Output = RESULTS,
) -> None:
    """Let files keep arriving under a running `scorekeeper up`: one a second, and then many a second for minutes.

    From a file to its row, beside an empty flow run in a warm process; how far rows are behind files, and memory.
    """
    sustaining.run(arrivals, rate, minutes, output)


@app.command()
def verify(
    size: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Decisions. May be repeated. [20000 and 200000]")
    ] = None,
    repeats: Repeats = verifying.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Verify an installation that has lived through decisions, beside reading the same rows and lines.

    Time, and the most memory that the process held. A million (--size 1000000) take half an hour to live through.
    """
    verifying.run(size or list(verifying.SIZES), repeats, output)

"""The command: one subcommand a benchmark."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import arrival as arriving
from benchmarks import close as closing
from benchmarks import coverage as covering
from benchmarks import dashboard as showing
from benchmarks import decisions as drawing
from benchmarks import growth as growing
from benchmarks import ingest as ingesting
from benchmarks import publish as publishing
from benchmarks import record as recording
from benchmarks import scale as scaling
from benchmarks import score as scoring
from benchmarks import startup as starting
from benchmarks.learning import run as learned
from benchmarks.result import RESULTS

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
def measure(context: typer.Context, output: Output = RESULTS) -> None:
    """Measure how fast the work is, and how true its figures are. Without a name: every benchmark."""
    if context.invoked_subcommand is None:
        arriving.run([False, True], arriving.ARRIVALS, list(arriving.SIZES), arriving.MINUTES, output)
        closing.run([closing.TRADES], closing.REPEATS, output)
        scoring.run(list(scoring.HISTORIES), scoring.A_DAY, scoring.REPEATS, output)
        ingesting.run(list(ingesting.SIZES), ingesting.FILES, drawing.Shape(), output)
        starting.run(list(starting.SIZES), starting.REPEATS, output)
        publishing.run(list(publishing.SIZES), publishing.REPEATS, output)
        showing.run(list(showing.SIZES), showing.REPEATS, showing.STREAMS, output)
        recording.run([recording.CALLS], output)
        scaling.run(scaling.SIZE, list(scaling.WORKERS), drawing.Shape(), output)
        covering.run(list(covering.INDEPENDENT), covering.SIMULATIONS, covering.SEED, output)
        learned.run(learned.SIMULATIONS, max(learned.SIZES), learned.SEED, output)


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
    """Record decisions one by one through the tracker, beside appending their two lines to two files, each fsynced.

    The second yardstick is the floor: an INSERT of one row of as many bytes, and a COMMIT.
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

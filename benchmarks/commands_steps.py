"""The commands of benchmarks that time one kind of work, on a database of its own."""

from typing import Annotated

import typer

from benchmarks import analyze as analyzing
from benchmarks import backtest as replaying
from benchmarks import burst as bursting
from benchmarks import close as closing
from benchmarks import dashboard as showing
from benchmarks import decisions as drawing
from benchmarks import ingest as ingesting
from benchmarks import parts as breaking
from benchmarks import publish as publishing
from benchmarks import record as recording
from benchmarks import score as scoring
from benchmarks import verify as verifying
from benchmarks.options import Output, Repeats
from benchmarks.result import RESULTS


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

"""The commands of benchmarks that time processes: commands, workers, a running `scorekeeper up`."""

from typing import Annotated

import typer

from benchmarks import arrival as arriving
from benchmarks import decisions as drawing
from benchmarks import growth as growing
from benchmarks import idle as idling
from benchmarks import scale as scaling
from benchmarks import startup as starting
from benchmarks import sustained as sustaining
from benchmarks.options import Output, Repeats
from benchmarks.result import RESULTS


def startup(
    size: Annotated[
        list[int] | None, typer.Option(min=1, help="Closed trades that metrics answers of. May be repeated. [10000]")
    ] = None,
    repeats: Repeats = starting.REPEATS,
    output: Output = RESULTS,
) -> None:
    """Start --help, imports, metrics, ingest and track as processes, beside an import of SQLAlchemy and psycopg."""
    starting.run(size or list(starting.SIZES), repeats, output)


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


def idle(
    minutes: Annotated[int, typer.Option(min=1, help="Minutes of which the cost of an hour is told.")] = idling.MINUTES,
    output: Output = RESULTS,
) -> None:
    """Let `scorekeeper up` idle, beside Prefect by itself with empty flows on the same schedules.

    CPU seconds an hour and memory, by part. Waits for minutes without an hourly run, up to a quarter of an hour.
    """
    idling.run(minutes, output)


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


def scale(
    size: Annotated[int, typer.Option(min=1, help="Decisions in files of lines.")] = scaling.SIZE,
    workers: Annotated[
        list[int] | None, typer.Option(min=1, help="Workers at once. May be repeated, from 1 on. [1, 2 and 4]")
    ] = None,
    output: Output = RESULTS,
) -> None:
    """Ingest by several workers at once, beside one: all of one system, and each of a system of its own."""
    scaling.run(size, workers or list(scaling.WORKERS), drawing.Shape(), output)

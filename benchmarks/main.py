"""The command: one subcommand a benchmark."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import close as closing
from benchmarks import coverage as covering
from benchmarks import score as scoring

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def measure(context: typer.Context) -> None:
    """Measure how fast the work is, and how true its figures are. Without a name: every benchmark."""
    if context.invoked_subcommand is None:
        closing.run(closing.TRADES, closing.REPEATS)
        scoring.run(list(scoring.HISTORIES), scoring.REPEATS)
        covering.run(covering.SIMULATIONS, covering.SEED, covering.OUTPUT)


@app.command()
def close(
    trades: Annotated[
        int, typer.Option(min=closing.FEWEST_TRADES, help="Open trades; four of each symbol are due.")
    ] = closing.TRADES,
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions of each statement; the median counts.")] = (
        closing.REPEATS
    ),
) -> None:
    """Close what is due and mark what is open, beside one UPDATE of every open trade.

    Builds a database of its own (500 symbols, one newly sealed candle each, 2,000 trades due) in an embedded Postgres
    of its own, and removes both.
    """
    closing.run(trades, repeats)


@app.command()
def coverage(
    simulations: Annotated[int, typer.Option(min=100, help="Simulations of each case.")] = covering.SIMULATIONS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = covering.SEED,
    output: Annotated[Path, typer.Option(help="Where the figures go, as JSON.")] = covering.OUTPUT,
) -> None:
    """Hold the intervals, the ranking and the verdicts against simulations whose truth is known.

    Simulated agents of known skill and calibration over simulated markets. Needs no database; takes some ten minutes.
    """
    covering.run(simulations, seed, output)


@app.command()
def score(
    trades: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Closed trades before; may be repeated. [10000 and 1000000]")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions; the median counts.")] = scoring.REPEATS,
) -> None:
    """Score 1,000 new closes and answer, beside what pandas and three packages of others take over every trade.

    Each history in a database of its own in an embedded Postgres of its own, removed afterwards. Ten million
    (--trades 10000000) take a quarter of an hour to write, and 15 GB. The others' packages are those of tests/oracles.
    """
    scoring.run(trades or list(scoring.HISTORIES), repeats)

"""The command: one subcommand a benchmark."""

from typing import Annotated

import typer

from benchmarks import close as closing
from benchmarks import score as scoring

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def measure(context: typer.Context) -> None:
    """Measure how fast the work is, beside a yardstick in the same run. Without a name: every benchmark."""
    if context.invoked_subcommand is None:
        closing.run(closing.TRADES, closing.REPEATS)
        scoring.run(list(scoring.HISTORIES), scoring.REPEATS)


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
def score(
    trades: Annotated[
        list[int] | None, typer.Option(min=1_000, help="Closed trades before; may be repeated. [10000 and 1000000]")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions; the median counts.")] = scoring.REPEATS,
) -> None:
    """Score 1,000 new closes and answer, beside pandas and empyrical over every trade.

    Each history in a database of its own in an embedded Postgres of its own, removed afterwards. Ten million
    (--trades 10000000) take half an hour to write. Needs the group benchmark.
    """
    scoring.run(trades or list(scoring.HISTORIES), repeats)

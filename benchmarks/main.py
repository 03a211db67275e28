"""The command: one subcommand a benchmark."""

from typing import Annotated

import typer

from benchmarks import close as closing

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def measure(context: typer.Context) -> None:
    """Measure how fast the work is, beside a yardstick in the same run. Without a name: every benchmark."""
    if context.invoked_subcommand is None:
        closing.run(closing.TRADES, closing.REPEATS)


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

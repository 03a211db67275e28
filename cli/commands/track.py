"""`scorekeeper track`: open trades through the market."""

from typing import Annotated, Any

import typer

from cli.installation import by_system, open_installations, run_flow
from cli.options import installation_options, parse_moment
from scorekeeper.errors import ScorekeeperError
from scorekeeper.safe_text import escape_controls


@installation_options()
def track(
    as_of: Annotated[str | None, typer.Option(help="The minute to track, ISO 8601, UTC; default: now.")] = None,
) -> None:
    """Follow open trades: prices, closes, score, publication.

    A flow run where a Prefect server is there to be told, else the same steps without Prefect (FLOW_RUNS).

    Example:  scorekeeper track --market replay:candles --as-of 2025-05-08T00:00Z
    """
    moment = parse_moment(as_of)
    with open_installations():
        from flows.track import track as flow

        done = by_system(run_flow(flow(moment)))
    failed = [line for name, one in done for line in print_tracked(name, one)]
    if len(failed) > 1:  # the error message is one line, cut at 500 characters: the names would not fit
        for line in failed:
            typer.echo(escape_controls(f"  no candles for {line}"), err=True)
        raise ScorekeeperError(f"no candles for {len(failed)} symbols, which are named above")
    if failed:
        raise ScorekeeperError(f"no candles for {failed[0]}")


def print_tracked(system: str, done: dict[str, Any]) -> list[str]:
    """Say what a track did for a system; the symbols without candles, a line each."""
    head = f"{system}: " if system else ""
    typer.echo(
        f"{head}{done['as_of']:%Y-%m-%d %H:%M} UTC: {done['closed']} closed, {done['horizons']} horizon returns, "
        f"{done['open']} open; {done['dataset_lines']} records published"
    )
    if done["idle_exits"]:
        typer.echo(f"  {done['idle_exits']} exit decisions found no open trade: it had closed before, or never existed")
    for symbol in done["unknown_symbols"]:
        typer.echo(escape_controls(f"  the market does not list {symbol}: its trades stay open"), err=True)
    for line in done["prices_end"]:
        typer.echo(escape_controls(f"  {line}: what is due later stays open until there are more"), err=True)
    for line in done["prices_gone"]:
        typer.echo(f"  {line}: void them, or leave them open", err=True)
    return [f"{head}{line}" for line in done["symbols_failed"]]

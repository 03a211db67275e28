"""`scorekeeper import`: the predecessor's dataset, and trades that bring their own exits."""

from pathlib import Path

import typer

from cli.installation import open_installation, run_flow
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError
from scorekeeper.safe_text import escape_controls


@installation_options()
def import_dataset(file: Path) -> None:
    """Read trades with the exits that their system gave them.

    The file is a performance_dataset.jsonl; or freqtrade's backtest (.json, .zip), its database of a dry run (.sqlite)
    or the trades of its API; or aGENtrader's trade log or closed trades. A time without a zone is in DECISION_TIMEZONE.
    Later records of a trade_id complete earlier ones; imported exits are kept as they came. May be repeated.

    A flow run where a Prefect server is there to be told, else the same steps without Prefect (FLOW_RUNS).
    """
    with open_installation(for_flow=True):
        from flows.import_dataset import import_dataset as flow

        done = run_flow(flow(str(file.absolute())))
    typer.echo(
        f"{done['records']} records: {done['decisions']} decisions, {done['duplicates']} known already, "
        f"{done['completed']} closed, {len(done['rejected'])} rejected"
    )
    for one in done["rejected"][:20]:
        where = f"{one['file']}, line {one['line']}, {one['field'] or 'record'}"
        typer.echo(escape_controls(f"  rejected: {where}: {one['reason']}"))
    if done["rejected"] and not done["decisions"] + done["duplicates"]:
        raise ScorekeeperError(f"{file}: no record could be read")
    typer.echo("The next track that has prices for them scores what is new.")

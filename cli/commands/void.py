"""`scorekeeper void`: take a decision out of every figure."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import installation_options
from scorekeeper.errors import ScorekeeperError


@installation_options()
def void(
    trade_id: str,
    why: Annotated[str, typer.Option(help="The reason, which is kept.")],
) -> None:
    """Take a decision out of every figure; it is kept.

    Example:  scorekeeper void BTCUSDT-2025-05-01T12:00:00Z-1a2b3c4d --why "a test of the feed"
    """
    from scorekeeper.metrics.voiding import void_decision

    if not why.strip():
        raise typer.BadParameter("a reason is needed, and kept", param_hint="--why")
    now = datetime.now(UTC)
    with open_installation() as (db, _):
        outcome = db.transact(lambda connection: void_decision(connection, trade_id, why, now))
    if outcome == "unknown":
        raise ScorekeeperError(f"{trade_id}: unknown")
    typer.echo(f"{trade_id}: {outcome}")

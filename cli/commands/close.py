"""`scorekeeper close`: close one trade by hand."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.installation import open_installation, run_flow
from cli.options import installation_options, parse_moment
from scorekeeper.errors import ScorekeeperError


@installation_options()
def close(
    trade_id: str,
    as_of: Annotated[str | None, typer.Option(help="When, ISO 8601, UTC; default: this minute.")] = None,
) -> None:
    """Ask for a trade to be closed; the next track does it.

    It closes at that minute's price, whenever track runs. An earlier stop or target still wins. Closing a closed trade
    changes nothing.

    A flow run where a Prefect server is there to be told, else the same steps without Prefect (FLOW_RUNS).
    """
    moment = parse_moment(as_of)
    if moment is not None and moment > datetime.now(UTC):
        raise typer.BadParameter("lies in the future", param_hint="--as-of")
    with open_installation(for_flow=True):
        from flows.close_trade import close_trade as flow

        outcome = run_flow(flow(trade_id, moment))
    if outcome not in ("requested", "already requested", "closed"):
        raise ScorekeeperError(f"{trade_id}: {outcome}")
    typer.echo(f"{trade_id}: {outcome if outcome != 'closed' else 'is closed already; nothing was changed'}")

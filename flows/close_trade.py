"""By hand: ask for one trade to be closed at as_of."""

from datetime import datetime

from tasks.by_hand import request_close
from tasks.database import connect
from tasks.engine import flow
from tasks.run_names import rename_run
from tasks.systems import one_system


@flow(
    name="close-trade",
    description="Asks for one trade to be closed at as_of; track does it.",
    flow_run_name="close {trade_id}",
)
async def close_trade(trade_id: str, as_of: datetime | None = None, system: str | None = None) -> str:
    """What became of the request: requested, already requested, closed, not open yet, no trade or unknown."""
    with connect(one_system(system)) as db:
        outcome = await request_close(db, trade_id, as_of)
    await rename_run(f"close {trade_id}: {outcome}")
    return outcome

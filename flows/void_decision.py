"""By hand: take a decision out of every figure."""

from tasks import by_hand
from tasks.database import connect
from tasks.engine import flow
from tasks.publish import publish_files
from tasks.run_names import rename_run
from tasks.systems import one_system


@flow(
    name="void-decision",
    description="Takes a decision out of every figure; it is kept, with the reason.",
    flow_run_name="void {trade_id}",
)
async def void_decision(trade_id: str, why: str, system: str | None = None) -> str:
    """What became of it: voided, already voided or unknown."""
    settings = one_system(system)
    with connect(settings) as db:
        outcome = await by_hand.void_decision(db, trade_id, why)
        await rename_run(f"void {trade_id}: {outcome}")
        await publish_files(db, settings)
    return outcome

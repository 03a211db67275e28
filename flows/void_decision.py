"""By hand: takes a decision out of every figure."""

from prefect import flow

from scorekeeper.settings import load_settings
from tasks import naming, steps


@flow(
    name="void-decision",
    description="Takes a decision out of every figure; it is kept, with the reason.",
    flow_run_name="void {trade_id}",
)
async def void_decision(trade_id: str, why: str) -> str:
    """What became of it: voided, already voided or unknown."""
    settings = load_settings()
    with steps.connect(settings) as db:
        answer = await steps.void_decision(db, trade_id, why)
        await naming.rename_run(f"void {trade_id}: {answer}")
        await steps.publish_files(db, settings)
    return answer

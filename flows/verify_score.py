"""Daily: compare everything stored and published with its recomputation."""

from prefect import flow, get_run_logger

from scorekeeper.settings import load_settings
from tasks.alert_events import emit_verify_failed
from tasks.artifacts import publish_differences
from tasks.database import connect_patiently
from tasks.run_names import counted, rename_run
from tasks.verify import fail_at_differences, verify_all


@flow(
    name="verify",
    description="Recomputes everything that is stored or published, and names every difference.",
    flow_run_name="verify",
)
async def verify() -> int:
    """The number of differences: 0, or the run fails."""
    settings = load_settings()
    with await connect_patiently(settings) as db:
        found = await verify_all(db, settings)
        differences = found.differences
        await rename_run(f"verify: {counted(len(differences), 'difference')}")
        await publish_differences(differences, settings.dashboard_url)
        await emit_verify_failed(db, len(differences))
    for words in found.waits:
        get_run_logger().info("%s", words)
    fail_at_differences(differences)
    return len(differences)

"""Daily: compare everything stored and published with its recomputation."""

from typing import Any

from scorekeeper.settings import Settings
from tasks.alert_events import emit_verify_failed
from tasks.artifacts import publish_differences
from tasks.at_work import run_logger, step
from tasks.database import connect_patiently
from tasks.engine import flow
from tasks.run_names import counted, rename_run
from tasks.systems import each_system
from tasks.verify import fail_at_differences, verify_all


@flow(
    name="verify",
    description="Recomputes everything that is stored or published, and names every difference.",
    flow_run_name="verify",
)
async def verify(system: str | None = None) -> int:
    """The number of differences: 0, or the run fails; `system`: one of SYSTEMS_DIR (default: all)."""
    done = await each_system(system, "verify", verify_system)
    return int(done.get("differences", 0))


async def verify_system(settings: Settings) -> dict[str, Any]:
    """Verify one system."""
    with await connect_patiently(settings) as db:
        found = await step(verify_all)(db, settings)
        differences = found.differences
        await rename_run(f"verify: {counted(len(differences), 'difference')}")
        await publish_differences(differences, settings.dashboard_url, settings.system)
        await emit_verify_failed(db, len(differences))
    for words in found.waits:
        run_logger().info("%s", words)
    fail_at_differences(differences)
    return {"differences": len(differences)}

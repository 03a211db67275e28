"""Once a day: everything stored and published against its recompute."""

from prefect import flow, get_run_logger

from scorekeeper.settings import load_settings
from tasks import alerts, artifacts, naming, steps


@flow(
    name="verify",
    description="Recomputes everything that is stored or published, and names every difference.",
    flow_run_name="verify",
)
async def verify() -> int:
    """Differences found: 0, else the run is red."""
    settings = load_settings()
    with await steps.connect_patiently(settings) as db:
        found = await steps.verify_all(db, settings)
        differences = found.differences
        await naming.rename_run(f"verify: {naming.counted(len(differences), 'difference')}")
        await artifacts.publish_differences(differences, settings.dashboard_url)
        await alerts.tell_of_differences(db, len(differences))
    for words in found.waits:
        get_run_logger().info("%s", words)
    steps.stop_at_differences(differences)
    return len(differences)

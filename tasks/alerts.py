"""Events for automations: what somebody may want to be told of, each once when it begins.

Payloads hold numbers, times and hashes, never a stranger's text: whoever is notified gets them as they are.
"""

from typing import Any

from prefect import get_run_logger

from scorekeeper.errors import ScorekeeperError
from scorekeeper.ingest import Summary
from scorekeeper.quarantine import ID_LENGTH
from tasks import events

FILE_QUARANTINED = "scorekeeper.file-quarantined"
MOST_NAMED = 20


async def tell_of_quarantine(summary: Summary) -> None:
    """One event for all files of a run of which something was refused."""
    if summary.quarantined:
        ids = [sha256[:ID_LENGTH] for sha256 in summary.quarantined[:MOST_NAMED]]
        await _tell(
            FILE_QUARANTINED, "scorekeeper.quarantine",
            {"files": len(summary.quarantined), "rejected": summary.rejected, "ids": ids},
        )  # fmt: skip


async def _tell(name: str, resource: str, payload: dict[str, Any]) -> bool:
    """Emit an event; whether the server took it. One that is lost stops no work."""
    try:
        await events.post(name, resource, payload)
    except ScorekeeperError as away:
        get_run_logger().warning("%s could not be told: %s", name, away)
        return False
    return True

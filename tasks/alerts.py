"""Events for automations: what somebody may want to be told of, each once when it begins.

Payloads hold numbers, times and hashes; a symbol, which a stranger wrote, is made inert: whoever is notified gets them
as they are.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from prefect import get_run_logger

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.quarantine import ID_LENGTH, count_refused
from scorekeeper.operations import alerts
from scorekeeper.safe_text import escape_markdown
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks import events

FILE_QUARANTINED = "scorekeeper.file-quarantined"
PRICE_STALE = "scorekeeper.price-stale"
DRAWDOWN_BREACHED = "scorekeeper.drawdown-breached"
TRACK_LATE = "scorekeeper.track-late"
VERIFY_FAILED = "scorekeeper.verify-failed"
RESOURCE = "scorekeeper.installation"
MOST_NAMED = 20


async def tell_of_quarantine(db: Database) -> None:
    """One event for all contents of which something was refused since the last one, by runs that were killed too."""

    def look() -> dict[str, int]:
        with db.begin() as connection:
            return count_refused(connection)

    refused = await run_in_thread(look)
    if new := await _note(db, FILE_QUARANTINED, list(refused)):
        rejected = sum(refused.get(content, 0) for content in new)
        payload = {
            "files": len(new),
            "rejected": rejected,
            "ids": [content[:ID_LENGTH] for content in new[:MOST_NAMED]],
        }
        await _tell_once(db, FILE_QUARANTINED, new, payload)


async def tell_of_score(db: Database, settings: Settings, as_of: datetime) -> None:
    """After a track: prices that are stale, and a drawdown that has reached DRAWDOWN_ALERT_PCT."""

    def look() -> tuple[dict[str, datetime], float | None]:
        with db.begin() as connection:
            limit = settings.drawdown_alert_pct
            return alerts.find_stale(connection, as_of), limit and alerts.measure_drawdown(connection)

    stale, fallen = await run_in_thread(look)
    new = await _note(db, PRICE_STALE, list(stale))
    if new:
        oldest = min(stale[symbol] for symbol in new if symbol in stale)
        named = [escape_markdown(symbol) for symbol in new[:MOST_NAMED]]
        await _tell_once(db, PRICE_STALE, new, {"symbols": len(new), "named": named, "since": oldest.isoformat()})
    limit = settings.drawdown_alert_pct
    breached = limit is not None and fallen is not None and fallen >= limit
    if new := await _note(db, DRAWDOWN_BREACHED, [alerts.WHOLE] if breached else []):
        await _tell_once(db, DRAWDOWN_BREACHED, new, {"drawdown_pct": fallen, "limit_pct": limit})


async def tell_of_track(db: Database) -> None:
    """That track is late; by another flow than it, which may be all that still runs."""

    def look() -> bool:
        with db.begin() as connection:
            return alerts.is_track_late(connection, datetime.now(UTC))

    late = await run_in_thread(look)
    if new := await _note(db, TRACK_LATE, [alerts.WHOLE] if late else []):
        await _tell_once(db, TRACK_LATE, new, {})


async def tell_of_differences(db: Database, differences: int) -> None:
    """That what is stored or published differs from its recompute."""
    if new := await _note(db, VERIFY_FAILED, [alerts.WHOLE] if differences else []):
        await _tell_once(db, VERIFY_FAILED, new, {"differences": differences})


async def _note(db: Database, name: str, subjects: Sequence[str]) -> list[str]:
    at = datetime.now(UTC)
    return await run_in_thread(db.transact, lambda connection: alerts.update_alerts(connection, name, subjects, at))


async def _tell_once(db: Database, name: str, subjects: Sequence[str], payload: dict[str, Any]) -> None:
    """Tell, and note it then: killed in between, it is told twice, which is better than never."""
    if await _tell(name, payload):
        at = datetime.now(UTC)
        await run_in_thread(db.transact, lambda connection: alerts.mark_reported(connection, name, subjects, at))


async def _tell(name: str, payload: dict[str, Any]) -> bool:
    """Emit an event; whether the server took it. One that is lost stops no work."""
    try:
        await events.post(name, RESOURCE, payload)
    except ScorekeeperError as away:
        get_run_logger().warning("%s could not be told: %s", name, away)
        return False
    return True

"""Alerts as events on Prefect's server: one event when a condition begins. Automations notify people of them.

A payload holds numbers, times and hashes. A symbol in it is escaped, since it comes from a decision and reaches people.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.quarantine import ID_LENGTH, count_refused
from scorekeeper.operations import alerts
from scorekeeper.operations.alerts import DRAWDOWN_BREACHED as DRAWDOWN_BREACHED
from scorekeeper.operations.alerts import FILE_QUARANTINED as FILE_QUARANTINED
from scorekeeper.operations.alerts import LEARN_FAILED as LEARN_FAILED
from scorekeeper.operations.alerts import PRICE_STALE as PRICE_STALE
from scorekeeper.operations.alerts import TRACK_LATE as TRACK_LATE
from scorekeeper.operations.alerts import VERIFY_FAILED as VERIFY_FAILED
from scorekeeper.safe_text import escape_markdown
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks.at_work import run_logger
from tasks.engine import post_event

RESOURCE = "scorekeeper.installation"
MOST_NAMED = 20


def resource_of(system: str) -> str:
    """What an event is about: the installation, or one of its systems."""
    return f"{RESOURCE}.{system}" if system else RESOURCE


async def emit_refusals(db: Database) -> None:
    """One event for all files with refusals since the last event, including those of runs that were killed."""

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
        await _emit_once(db, FILE_QUARANTINED, new, payload)


async def emit_score_alerts(db: Database, settings: Settings, as_of: datetime) -> None:
    """After a track: events for stale prices, and for a drawdown that has reached DRAWDOWN_ALERT_PCT."""

    def look() -> tuple[dict[str, datetime], float | None]:
        with db.begin() as connection:
            limit = settings.drawdown_alert_pct
            return alerts.find_stale(connection, as_of), limit and alerts.measure_drawdown(connection)

    stale, drawdown = await run_in_thread(look)
    new = await _note(db, PRICE_STALE, list(stale))
    if new:
        oldest = min(stale[symbol] for symbol in new if symbol in stale)
        named = [escape_markdown(symbol) for symbol in new[:MOST_NAMED]]
        await _emit_once(db, PRICE_STALE, new, {"symbols": len(new), "named": named, "since": oldest.isoformat()})
    limit = settings.drawdown_alert_pct
    breached = limit is not None and drawdown is not None and drawdown >= limit
    if new := await _note(db, DRAWDOWN_BREACHED, [alerts.WHOLE] if breached else []):
        await _emit_once(db, DRAWDOWN_BREACHED, new, {"drawdown_pct": drawdown, "limit_pct": limit})


async def emit_track_late(db: Database) -> None:
    """An event for a track that is late. The flow `ingest` checks it: it may be the only flow that still runs."""

    def look() -> bool:
        with db.begin() as connection:
            return alerts.is_track_late(connection, datetime.now(UTC))

    late = await run_in_thread(look)
    if new := await _note(db, TRACK_LATE, [alerts.WHOLE] if late else []):
        await _emit_once(db, TRACK_LATE, new, {})


async def emit_learn_failed(db: Database, error: Exception | None) -> None:
    """An event if `learn` has failed, with the kind of the error; None: it has succeeded, and the condition ends."""
    if new := await _note(db, LEARN_FAILED, [] if error is None else [alerts.WHOLE]):
        await _emit_once(db, LEARN_FAILED, new, {"error": type(error).__name__})


async def emit_verify_failed(db: Database, differences: int) -> None:
    """An event if what is stored or published differs from its recomputation."""
    if new := await _note(db, VERIFY_FAILED, [alerts.WHOLE] if differences else []):
        await _emit_once(db, VERIFY_FAILED, new, {"differences": differences})


async def _note(db: Database, name: str, subjects: Sequence[str]) -> list[str]:
    """Store for which subjects the condition holds; those without an event so far."""
    at = datetime.now(UTC)
    return await run_in_thread(db.transact, lambda connection: alerts.update_alerts(connection, name, subjects, at))


async def _emit_once(db: Database, name: str, subjects: Sequence[str], payload: dict[str, Any]) -> None:
    """Emit, then store that it was emitted: a run killed in between emits twice, which is better than never."""
    if await _emit(db.system, name, payload):
        at = datetime.now(UTC)
        await run_in_thread(db.transact, lambda connection: alerts.mark_reported(connection, name, subjects, at))


async def _emit(system: str, name: str, payload: dict[str, Any]) -> bool:
    """Emit an event; whether the server took it. The run goes on without, and a later one with a server emits it."""
    try:
        await post_event(name, resource_of(system), {"system": system, **payload} if system else payload)
    except ScorekeeperError as exc:
        run_logger().warning("%s could not be emitted: %s", name, exc)
        return False
    return True

"""One table of all systems in Prefect's UI: where each stands, or why its last track failed."""

from typing import Any

from scorekeeper.settings import Settings
from tasks.artifacts import MOST_ROWS, shown, write_changed
from tasks.engine import HAS_SERVER, TableArtifact
from tasks.systems import Done

COLUMNS = ("open", "closed", "horizons", "dataset_lines")
TROUBLES = ("symbols_failed", "unknown_symbols", "prices_gone")


async def publish_systems(settings: Settings, done: Done) -> None:
    """Write the table `systems` of a track over several systems, if there is a server."""
    if not HAS_SERVER:
        return
    words = f"What the last track did for each system, at most {MOST_ROWS}"
    if settings.dashboard_url:
        words += f". [All systems on the dashboard]({settings.dashboard_url.rstrip('/')}/)"
    await write_changed([TableArtifact(table=system_rows(done)[:MOST_ROWS], key="systems", description=words)])


def system_rows(done: Done) -> list[dict[str, str]]:
    """One row per system, in order of their names; those that failed first."""
    failed = [_row(name, why, {}) for name, why in sorted(done.failed.items())]
    return failed + [_row(name, _troubles(result), result) for name, result in sorted(done.results.items())]


def _troubles(result: dict[str, Any]) -> str:
    return "; ".join([line for kind in TROUBLES for line in result[kind]][:3])


def _row(name: str, trouble: str, result: dict[str, Any]) -> dict[str, str]:
    figures = {column: shown(result.get(column)) for column in COLUMNS}
    return {"system": shown(name), "trouble": shown(trouble), **figures}

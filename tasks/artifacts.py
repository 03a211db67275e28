"""The score as artifacts in Prefect's UI: a summary, tables, and links to the published files."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from scorekeeper.inbox import quarantine
from scorekeeper.metrics.scorecard import read_scorecard
from scorekeeper.publish.outputs import link_to
from scorekeeper.safe_text import escape_markdown
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.threads import run_in_thread
from tasks.at_work import is_one_of_several
from tasks.engine import HAS_SERVER, Artifact, LinkArtifact, MarkdownArtifact, TableArtifact
from tasks.links import describe

MOST_ROWS = 200
ABOUT = {
    "performance-summary": "The score so far", "system-metrics": "Gross and after fees",
    "agent-metrics": "What each agent said, scored", "open-trades": f"Open trades, at most {MOST_ROWS}",
    "performance-log": "One line an outcome", "performance-dataset": "What became of each decision",
}  # fmt: skip
# The artifacts that the summary links to; Prefect's UI shows each with its history.
LINKED = ("system-metrics", "agent-metrics", "open-trades", "performance-log", "performance-dataset")


async def publish_artifacts(db: Database, settings: Settings) -> int:
    """Write the artifacts of a track; the number of open trades.

    For one of several systems none is written: publish_systems writes one table of all. Nor is one without a server.
    """
    is_shown = HAS_SERVER and not is_one_of_several()
    metrics, open_trades = await run_in_thread(_read, db, MOST_ROWS if is_shown else 0)
    if not is_shown:
        return int(metrics["active_trades"])
    links = (("performance-log", settings.log_path), ("performance-dataset", settings.dataset_path))
    summary, url = summary_markdown(metrics, settings.system), settings.dashboard_url
    about = {key: describe(key, words, url) for key, words in ABOUT.items()}
    await write_changed(
        [
            MarkdownArtifact(markdown=summary, key="performance-summary", description=about["performance-summary"]),
            TableArtifact(table=system_rows(metrics), key="system-metrics", description=about["system-metrics"]),
            TableArtifact(table=agent_rows(metrics), key="agent-metrics", description=about["agent-metrics"]),
            TableArtifact(table=open_trades, key="open-trades", description=about["open-trades"]),
            *(
                LinkArtifact(link=link_to(path), link_text=path.name, key=key, description=about[key])
                for key, path in links
            ),
            *([LinkArtifact(link=url, link_text="Dashboard", key="dashboard", description="Live")] if url else []),
        ],
        settings.system,
    )
    return int(metrics["active_trades"])


async def publish_quarantine(db: Database, settings: Settings) -> None:
    """Write the table of files in quarantine, if there is a server."""
    if not HAS_SERVER:
        return
    words = f"Files with rejections, the latest {MOST_ROWS}: `scorekeeper quarantine --help`"
    about = describe("quarantine", words, settings.dashboard_url)
    rows = await run_in_thread(_read_quarantine, db, settings)
    await write_changed([TableArtifact(table=rows, key="quarantine", description=about)], settings.system)


def key_of(key: str, system: str) -> str:
    """The key of an artifact; a named system has its own. A key of Prefect has no underscore.

    >>> key_of("open-trades", "alpha_2"), key_of("open-trades", "")
    ('alpha-2-open-trades', 'open-trades')
    """
    return f"{system.replace('_', '-')}-{key}" if system else key


async def write_changed(wanted: Sequence[Artifact], system: str = "") -> None:
    """Write each artifact that has changed: at most one new one an hour, in between the latest is overwritten.

    A new artifact every minute, with its events, would fill Prefect's database. `system`: whose artifacts they are.
    Only where there is a server.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        ArtifactCollectionFilter,
        ArtifactCollectionFilterKey,
        ArtifactFilter,
        ArtifactFilterId,
    )

    for one in wanted:
        one.key = key_of(str(one.key), system)
    keys = ArtifactCollectionFilterKey(any_=[str(one.key) for one in wanted])
    async with get_client() as client:
        found = await client.read_latest_artifacts(artifact_filter=ArtifactCollectionFilter(key=keys))
        latest = {one.key: one for one in found}
        changed = [one for one in wanted if one.key not in latest or await one.aformat() != latest[one.key].data]
        known = {latest[one.key].latest_id: one for one in changed if one.key in latest}
        ids = ArtifactFilter(id=ArtifactFilterId(any_=list(known)))
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for written in await client.read_artifacts(artifact_filter=ids) if known else []:
            if written.created is not None and written.created >= hour:
                changed.remove(one := known[written.id])
                data = {"data": await one.aformat(), "description": one.description}
                # The client's own function would also emit an event.
                await client.request("PATCH", "/artifacts/{id}", path_params={"id": written.id}, json=data)
        for one in changed:
            await one.acreate(client)


async def publish_differences(differences: list[str], dashboard: str | None = None, system: str = "") -> None:
    """Write the table of differences that a verify found, if there is a server."""
    if not HAS_SERVER:
        return
    words = f"Differences from the recomputation: {len(differences)}, of which the first {MOST_ROWS}"
    table = [{"difference": shown(line)} for line in differences[:MOST_ROWS]]
    about = describe("differences", words, dashboard)
    await write_changed([TableArtifact(table=table, key="differences", description=about)], system)


def _read_quarantine(db: Database, settings: Settings) -> list[dict[str, str]]:
    with db.begin() as connection:
        found = quarantine.list_quarantined(connection, settings, most=MOST_ROWS)
    return [
        {
            "id": one.id, "file": shown(one.name), "rejected": shown(one.rejected), "line": shown(one.line),
            "field": shown(one.field), "reason": shown(one.reason), "at": shown(one.rejected_at),
            "is there": "yes" if one.files else "no",
        }
        for one in found
    ]  # fmt: skip


def _read(db: Database, most: int) -> tuple[dict[str, Any], list[dict[str, str]]]:
    with db.begin() as connection:
        metrics = read_scorecard(connection)
        if not most:
            return metrics, []
        rows = connection.execute(statement("operations/select_open_trades"), {"most": most}).mappings()
        return metrics, [{name: shown(value) for name, value in row.items()} for row in rows]


def shown(value: object) -> str:
    """A value as a table cell: escaped text. A table artifact cannot hold dates, decimals and infinities."""
    if value is None:
        return "n/a"
    if isinstance(value, float):
        return f"{value:.4f}"
    return escape_markdown(str(value))


def system_rows(metrics: dict[str, Any]) -> list[dict[str, str]]:
    """One row per figure of the system: gross and after fees."""
    about = ("since", "until", "include_suspect", "exclude_late")  # the artifact covers all trades
    names = [name for name in metrics if name not in (*about, "net", "agent_performance")]
    return [
        {"figure": name, "gross": shown(metrics[name]), "after fees": shown(metrics["net"].get(name, ""))}
        for name in names
    ]


def agent_rows(metrics: dict[str, Any]) -> list[dict[str, str]]:
    """One row per agent."""
    agents = sorted(metrics["agent_performance"].items())[:MOST_ROWS]
    return [{"agent": shown(agent)} | {name: shown(value) for name, value in one.items()} for agent, one in agents]


def summary_markdown(metrics: dict[str, Any], system: str = "") -> str:
    """The score in a few lines; every average beside its sample size."""
    n = metrics["completed_trades"]
    interval = metrics["win_rate_ci95"]
    between = "" if interval is None else f" (95 % interval {interval[0]:.1f} to {interval[1]:.1f} %)"
    return "\n".join(
        [
            f"# Performance at {shown(metrics['as_of'])}",
            "",
            f"- **{n}** completed trades, **{metrics['active_trades']}** open, "
            f"{metrics['suspect_trades']} left out for a suspect price, {metrics['late_decisions']} late decisions",
            f"- win rate **{_short(metrics['win_rate'])} %**{between}, n = {n}",
            f"- expectancy **{_short(metrics['expectancy_pct'])} %** a trade, "
            f"after fees **{_short(metrics['net']['expectancy_pct'])} %**, n = {n}",
            f"- total P&L **{_short(metrics['total_pnl_pct'])} %**, "
            f"after fees **{_short(metrics['net']['total_pnl_pct'])} %**",
            f"- largest drawdown **{_short(metrics['max_drawdown_pct'])}** points",
            "",
            " · ".join(f"[{key.replace('-', ' ')}](/artifacts/key/{key_of(key, system)})" for key in LINKED),
        ]
    )


def _short(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"

"""Every minute: fetch candles, close what is due, score, mark what is open, publish."""

from datetime import datetime
from functools import partial
from typing import Any

from scorekeeper.market.shared import SharedMarkets
from scorekeeper.settings import Settings
from tasks.alert_events import emit_score_alerts
from tasks.artifacts import publish_artifacts
from tasks.as_of import fix_as_of
from tasks.at_work import run_logger, step
from tasks.database import connect
from tasks.engine import flow
from tasks.publish import publish_files
from tasks.run_names import no_prices_for, rename_run
from tasks.systems import each_system
from tasks.systems_table import publish_systems
from tasks.track import fetch_candles, settle_trades


@flow(
    name="track",
    description="Follows every open trade through the market up to as_of, and publishes the score.",
    flow_run_name="track",
)
async def track(as_of: datetime | None = None, system: str | None = None) -> dict[str, Any]:
    """Track at `as_of` (default: now), rounded down to the minute; `system`: one of SYSTEMS_DIR (default: all)."""
    minute = await fix_as_of(as_of)
    async with SharedMarkets() as markets:
        work = partial(track_system, minute, markets)
        return await each_system(system, f"track {minute:%H:%M}", work, publish_systems)


async def track_system(minute: datetime, markets: SharedMarkets, settings: Settings) -> dict[str, Any]:
    """Track one system."""
    with connect(settings) as db:
        prices = await step(fetch_candles)(db, settings, minute, markets)
        settled = await step(settle_trades)(db, settings, minute, prices.asked)
        await rename_run(f"track {minute:%H:%M} closed {settled.closed}{no_prices_for(prices.failed)}")
        published = await step(publish_files)(db, settings)
        active = await publish_artifacts(db, settings)
        await emit_score_alerts(db, settings, minute)
    run_logger().info("%s UTC: closed %d, %d open", f"{minute:%Y-%m-%d %H:%M}", settled.closed, active)
    return {
        "as_of": minute, "closed": settled.closed, "horizons": settled.horizons, "open": active,
        "idle_exits": settled.idle_exits,
        "unknown_symbols": prices.unknown, "prices_gone": prices.gone, "symbols_failed": prices.failed,
        "prices_end": prices.ends,
        "log_lines": published.log_lines, "dataset_lines": published.dataset_lines,
    }  # fmt: skip

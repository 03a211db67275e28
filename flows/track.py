"""Once a minute: candles, close what is due, score, mark what is open, publish."""

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger

from scorekeeper.settings import load_settings
from tasks import alerts, artifacts, naming, steps


@flow(
    name="track",
    description="Follows every open trade through the market up to as_of, and publishes the score.",
    flow_run_name="track",
)
async def track(as_of: datetime | None = None) -> dict[str, Any]:
    """Track at `as_of` (default: now), rounded down to the minute."""
    settings = load_settings()
    minute = await steps.fix_as_of(as_of)
    with steps.connect(settings) as db:
        prices = await steps.fetch_candles(db, settings, minute)
        settled = await steps.settle_trades(db, settings, minute)
        await naming.rename_run(f"track {minute:%H:%M} closed {settled.closed}{naming.trouble(prices.failed)}")
        published = await steps.publish_files(db, settings)
        active = await artifacts.publish_artifacts(db, settings)
        await alerts.tell_of_score(db, settings, minute)
    get_run_logger().info("%s UTC: closed %d, %d open", f"{minute:%Y-%m-%d %H:%M}", settled.closed, active)
    return {
        "as_of": minute, "closed": settled.closed, "horizons": settled.horizons, "open": active,
        "idle_exits": settled.idle_exits,
        "unknown_symbols": prices.unknown, "prices_gone": prices.gone, "symbols_failed": prices.failed,
        "prices_end": prices.ends,
        "log_lines": published.log_lines, "dataset_lines": published.dataset_lines,
    }  # fmt: skip

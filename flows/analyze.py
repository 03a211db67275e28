"""Hourly: analyse all rows, and say what can be concluded from them."""

from datetime import datetime
from functools import partial
from typing import Any

from scorekeeper.analysis.sentences import write_sentences
from scorekeeper.safe_text import escape_links
from scorekeeper.settings import Settings
from tasks.analyze import analyze_rows, publish_analysis
from tasks.at_work import run_logger, step
from tasks.database import connect
from tasks.engine import flow
from tasks.run_names import counted, rename_run
from tasks.systems import each_system


@flow(
    name="analyze",
    description="Attribution, robust intervals, baselines and versions, from every row, and what follows.",
    flow_run_name="analyze",
)
async def analyze(as_of: datetime | None = None, system: str | None = None) -> dict[str, Any]:
    """Analyse what is known at `as_of` (default: the minute that track has worked up to).

    `system`: one of SYSTEMS_DIR (default: all).
    """
    return await each_system(system, "analyze", partial(analyze_system, as_of))


async def analyze_system(as_of: datetime | None, settings: Settings) -> dict[str, Any]:
    """Analyse one system."""
    with connect(settings) as db:
        done = await step(analyze_rows)(db, as_of)
        await rename_run(f"analyze {done.as_of} {counted(done.decisions, 'decision')}")
        await step(publish_analysis)(db, settings, done)
    sentences = write_sentences(done, escape_links)
    run_logger().info("%s", "\n".join(sentences))
    return {"as_of": done.as_of, "decisions": done.decisions, "trades": done.trades, "sentences": sentences}

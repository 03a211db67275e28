"""Once an hour: what needs every row, and what can be concluded from it."""

from datetime import datetime
from typing import Any

from prefect import flow, get_run_logger

from scorekeeper.analysis.sentences import write_sentences
from scorekeeper.safe_text import escape_links
from scorekeeper.settings import load_settings
from tasks import analysis, naming, steps


@flow(
    name="analyze",
    description="Attribution, robust intervals, baselines and versions, from every row, and what follows.",
    flow_run_name="analyze",
)
async def analyze(as_of: datetime | None = None) -> dict[str, Any]:
    """Analyse what is known at `as_of` (default: the minute that track has worked up to)."""
    settings = load_settings()
    with steps.connect(settings) as db:
        done = await analysis.analyze_rows(db, as_of)
        await naming.rename_run(f"analyze {done.as_of} {naming.counted(done.decisions, 'decision')}")
        await analysis.publish_analysis(db, settings, done)
    sentences = write_sentences(done, escape_links)
    get_run_logger().info("%s", "\n".join(sentences))
    return {"as_of": done.as_of, "decisions": done.decisions, "trades": done.trades, "sentences": sentences}

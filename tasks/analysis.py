"""The hourly analysis as Prefect tasks, and what the UI shows of it."""

from datetime import datetime

from prefect import get_run_logger, task
from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from scorekeeper import analyze as library
from scorekeeper.domain import analysis_tables as tables
from scorekeeper.domain.analysis import Analysis
from scorekeeper.domain.text import escape_markdown
from scorekeeper.report import write_report
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks.links import describe
from tasks.steps import REPEATABLE, whole_minute

TABLES = {
    "agent-attribution": (tables.attribution_rows, "What each agent contributed, and how right it was"),
    "calibration": (tables.calibration_rows, "How often an agent is right at each confidence that it states"),
    "baselines": (tables.baseline_rows, "The system beside simple rules and each agent alone, on the same decisions"),
    "versions": (tables.version_rows, "Versions over their own periods, and paired"),
}


@task(name="analyze", **REPEATABLE)
async def analyze_rows(db: Database, as_of: datetime | None) -> Analysis:
    """Analyse what is known at `as_of` (default: what track has worked up to), and store it."""

    def work() -> Analysis:
        with db.begin() as connection:
            asked = None if as_of is None else whole_minute(as_of)
            minute = library.choose_as_of(connection, asked, whole_minute(None))
        return db.transact(lambda connection: library.analyze(connection, minute))

    return await run_in_thread(work)


@task(name="publish analysis", cache_policy=NO_CACHE)
async def publish_analysis(db: Database, settings: Settings, analysis: Analysis) -> None:
    """Write the artifacts of an analysis, and the report that it links to; of an earlier moment than the last, none."""
    if not await run_in_thread(_is_last, db, analysis):
        get_run_logger().info("A later moment was analysed before: this one is stored, its artifacts are not shown")
        return
    about = describe("analysis", "What can be concluded", settings.dashboard_url)
    await acreate_markdown_artifact(analysis_markdown(analysis), key="analysis", description=about)
    for key, (rows, words) in TABLES.items():
        about = describe(key, words, settings.dashboard_url)
        await acreate_table_artifact(rows(analysis, escape_markdown), key=key, description=about)
    report = await run_in_thread(write_report, db, settings.reports_dir)
    await acreate_link_artifact(report.as_uri(), key="report", link_text=report.name)


def _is_last(db: Database, analysis: Analysis) -> bool:
    with db.begin() as connection:
        last = library.last_analysis(connection)
    return last is None or last.as_of <= analysis.as_of


def analysis_markdown(analysis: Analysis) -> str:
    """The sentences, with links to the tables."""
    return "\n".join(
        [
            f"# What can be concluded at {analysis.as_of}",
            "",
            f"Of {analysis.decisions:,} decisions whose horizon is known and {analysis.trades:,} closed trades, "
            "without suspect and voided ones. Intervals hold for trades that overlap; a verdict is given only where "
            "one excludes what it is held against, and chance among so many comparisons is accounted for.",
            "",
            *(f"- {sentence}" for sentence in analysis.sentences),
            "",
            " · ".join(f"[{key.replace('-', ' ')}](/artifacts/key/{key})" for key in (*TABLES, "report")),
        ]
    )

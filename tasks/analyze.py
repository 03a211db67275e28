"""The tasks of the flow `analyze`, and what Prefect's UI shows of an analysis."""

from datetime import datetime

from scorekeeper.analysis import run as library
from scorekeeper.analysis import tables
from scorekeeper.analysis.document import Analysis
from scorekeeper.metrics.part_blocks import MOST_STRETCHES, roll_up_parts
from scorekeeper.publish.outputs import link_to
from scorekeeper.report import write_report
from scorekeeper.safe_text import escape_markdown
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks.artifacts import key_of, write_changed
from tasks.as_of import whole_minute
from tasks.at_work import now_and_then, run_logger
from tasks.engine import HAS_SERVER, LinkArtifact, MarkdownArtifact, TableArtifact, task
from tasks.links import describe
from tasks.retries import REPEATABLE

FIRST_WORD_SECONDS = 5.0  # an hour's work is done by then; what follows an upgrade takes a minute
TABLES = {
    "agent-attribution": (tables.attribution_rows, "What each agent contributed, and how right it was"),
    "calibration": (tables.calibration_rows, "How often an agent is right at each confidence that it states"),
    "baselines": (tables.baseline_rows, "The system beside simple rules and each agent alone, on the same decisions"),
    "versions": (tables.version_rows, "Versions over their own periods, and paired"),
}


@task(name="analyze", **REPEATABLE)
async def analyze_rows(db: Database, as_of: datetime | None) -> Analysis:
    """Analyse what is known at `as_of` (default: the minute that track has worked up to), and store it.

    Then add up the parts of what is over, for breakdowns. One task for both: see settle_trades. Each stretch of days
    is committed by itself, so that an attempt that follows goes on with the next.
    """
    tell = now_and_then(run_logger().info, first=FIRST_WORD_SECONDS)

    def work() -> Analysis:
        with db.begin() as connection:
            asked = None if as_of is None else whole_minute(as_of)
            minute = library.choose_as_of(connection, asked, whole_minute(None))
        done = db.transact(lambda connection: library.analyze(connection, minute))
        roll_up_parts(db, most=MOST_STRETCHES, tell=tell)
        return done

    return await run_in_thread(work)


@task(name="publish analysis")
async def publish_analysis(db: Database, settings: Settings, analysis: Analysis) -> None:
    """Write the report of the newest analysis, and the artifacts if there is a server; an older one gets neither."""
    if not await run_in_thread(_is_last, db, analysis):
        run_logger().info("A later moment has been analysed already: this analysis is stored, without artifacts")
        return
    report = await run_in_thread(
        write_report, db, settings.reports_dir, fee_bps=settings.fee_bps, account_equity=settings.account_equity
    )
    if not HAS_SERVER:
        return
    url = settings.dashboard_url
    about = {key: describe(key, words, url) for key, (_, words) in TABLES.items()}
    said = describe("analysis", "What can be concluded", url)
    await write_changed(
        [
            MarkdownArtifact(markdown=analysis_markdown(analysis, db.system), key="analysis", description=said),
            *(
                TableArtifact(table=rows(analysis, escape_markdown), key=key, description=about[key])
                for key, (rows, _) in TABLES.items()
            ),
            LinkArtifact(link=link_to(report), link_text=report.name, key="report"),
        ],
        db.system,
    )


def _is_last(db: Database, analysis: Analysis) -> bool:
    with db.begin() as connection:
        last = library.last_analysis(connection)
    return last is None or last.as_of <= analysis.as_of


def analysis_markdown(analysis: Analysis, system: str = "") -> str:
    """The sentences, with links to the tables."""
    return "\n".join(
        [
            f"# What can be concluded at {analysis.as_of}",
            "",
            f"Of {analysis.decisions:,} decisions whose horizon is known and {analysis.trades:,} closed trades, "
            "without suspect and voided ones. Intervals hold for trades that overlap. A verdict needs an interval that "
            "excludes the value it is compared with, after a correction for the number of comparisons.",
            "",
            *(f"- {sentence}" for sentence in analysis.sentences),
            "",
            " · ".join(
                f"[{key.replace('-', ' ')}](/artifacts/key/{key_of(key, system)})" for key in (*TABLES, "report")
            ),
        ]
    )

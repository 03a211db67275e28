"""What the flow `learn` publishes: `agent_weights.json`, and what Prefect's UI shows of what was learned."""

from collections.abc import Callable

from scorekeeper.learning import tables
from scorekeeper.learning.document import Learned, iso
from scorekeeper.learning.learned import read_learned
from scorekeeper.learning.sentences import write_sentences
from scorekeeper.publish.outputs import link_to
from scorekeeper.publish.weights_file import write_weights_file
from scorekeeper.safe_text import escape_markdown
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.threads import run_in_thread
from tasks.artifacts import key_of, write_changed
from tasks.at_work import run_logger
from tasks.engine import HAS_SERVER, LinkArtifact, MarkdownArtifact, TableArtifact, task
from tasks.links import describe

# By the key of the artifact: its rows, and what they are.
TABLES: dict[str, tuple[Callable[[Learned], list[tables.Row]], str]] = {
    "agent-weights": (lambda learned: tables.weight_rows(learned, escape_markdown), "What each agent's call is worth"),
    "weight-evidence": (tables.evidence_rows, "Whether the learned weights are better than equal ones, block by block"),
    "calibration-maps": (
        lambda learned: tables.map_rows(learned, escape_markdown), "How sure an agent may be of what it states",
    ),
    "meta-model": (tables.model_rows, "Whether it can be predicted that a decision pays"),
}  # fmt: skip


@task(name="publish what was learned")
async def publish_learned(db: Database, settings: Settings) -> Learned | None:
    """Write the file and the artifacts of the version with the newest decision; None if nothing was learned.

    An artifact that has not changed is left alone: each hour has a run, and few of them learn something.
    """
    path = await run_in_thread(write_weights_file, db, settings)
    learned = await run_in_thread(_read, db, settings)
    if learned is None or path is None:
        run_logger().info("Nothing was learned yet: no decision that counts has come in")
        return None
    if not HAS_SERVER:
        return learned
    about = {key: describe(key, words, settings.dashboard_url) for key, (_, words) in TABLES.items()}
    words = describe("learning", "What was learned", settings.dashboard_url)
    await write_changed(
        [
            MarkdownArtifact(markdown=learning_markdown(learned, db.system), key="learning", description=words),
            *(TableArtifact(table=rows(learned), key=key, description=about[key]) for key, (rows, _) in TABLES.items()),
            LinkArtifact(link=link_to(path), link_text=path.name, key="agent-weights-file"),
        ],
        db.system,
    )
    return learned


def _read(db: Database, settings: Settings) -> Learned | None:
    with db.begin() as connection:
        return read_learned(connection, fee_bps=settings.fee_bps)


def learning_markdown(learned: Learned, system: str = "") -> str:
    """The sentences, with links to the tables."""
    return "\n".join(
        [
            f"# What was learned by {iso(learned.as_of)}",
            "",
            f"Of version {escape_markdown(learned.version)}, from {learned.outcomes:,} decisions whose move by the "
            "horizon is known and is not 0, without suspect, late and voided ones. Nothing here steers: a trading "
            "system reads it, or does not.",
            "",
            *(f"- {sentence}" for sentence in write_sentences(learned, escape_markdown)),
            "",
            " · ".join(
                f"[{key.replace('-', ' ')}](/artifacts/key/{key_of(key, system)})"
                for key in (*TABLES, "agent-weights-file")
            ),
        ]
    )

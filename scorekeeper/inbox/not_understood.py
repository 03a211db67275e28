"""What was not understood of the decisions that were taken, as the database knows it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from scorekeeper.decisions.reading_rules import Reading
from scorekeeper.decisions.word_warnings import FEWEST_STATED
from scorekeeper.store.sql import statement

LATEST_DECISIONS = 2_000
MOST_WORDS = 100


@dataclass(frozen=True)
class NotUnderstood:
    """`words`: those in no list with their counts, by agent (SYSTEM: the decisions' own), the MOST_WORDS most frequent.

    `small`: whose latest confidences never exceed 1; `noted`: decisions of which something could not be read.
    """

    words: dict[str, dict[str, int]]
    small: list[str]
    noted: int


def read_unread(connection: Connection, reading: Reading | None = None) -> NotUnderstood:
    """What was not understood so far. Its cost goes with what that is, not with how many decisions there are."""
    words: dict[str, dict[str, int]] = {}
    for agent, word, times in connection.execute(statement("inbox/select_unread_words"), {"most": MOST_WORDS}):
        words.setdefault(agent, {})[word] = times
    noted = connection.execute(statement("inbox/count_notes")).scalar_one()
    return NotUnderstood(words, small_confidences(connection, reading), noted)


def small_confidences(connection: Connection, reading: Reading | None = None) -> list[str]:
    """Whose confidences never exceed 1, among the latest decisions, where they are read as percent.

    `reading`: of the settings; None: whatever they say. SYSTEM: the decisions' own.
    """
    given = {"decisions": LATEST_DECISIONS, "fewest": FEWEST_STATED}
    found = connection.execute(statement("inbox/select_small_confidences"), given).scalars()
    return [one for one in found if reading is None or reading.scale(one or None) == "percent"]

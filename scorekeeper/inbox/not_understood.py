"""Which words, confidences and fields of the stored decisions were not understood."""

from dataclasses import dataclass

from sqlalchemy import Connection

from scorekeeper.decisions.reading_rules import Reading
from scorekeeper.decisions.word_warnings import FEWEST_STATED
from scorekeeper.store.sql import statement

LATEST_DECISIONS = 2_000
MOST_WORDS = 100


@dataclass(frozen=True)
class NotUnderstood:
    """`words`: the MOST_WORDS most frequent words in no list with counts, by agent (SYSTEM: the decisions themselves).

    `small`: agents whose latest confidences never exceed 1. `noted`: how many decisions have fields that could not be
    read.
    """

    words: dict[str, dict[str, int]]
    small: list[str]
    noted: int


def read_unread(connection: Connection, reading: Reading | None = None) -> NotUnderstood:
    """What was not understood so far. The cost grows with that, not with the number of decisions."""
    words: dict[str, dict[str, int]] = {}
    for agent, word, times in connection.execute(statement("inbox/select_unread_words"), {"most": MOST_WORDS}):
        words.setdefault(agent, {})[word] = times
    noted = connection.execute(statement("inbox/count_notes")).scalar_one()
    return NotUnderstood(words, small_confidences(connection, reading), noted)


def small_confidences(connection: Connection, reading: Reading | None = None) -> list[str]:
    """The agents (SYSTEM: the decisions themselves) whose latest confidences never exceed 1, but are read as percent.

    `reading`: the rules of the settings; None: on whatever scale they are read.
    """
    given = {"decisions": LATEST_DECISIONS, "fewest": FEWEST_STATED}
    found = connection.execute(statement("inbox/select_small_confidences"), given).scalars()
    return [one for one in found if reading is None or reading.scale(one or None) == "percent"]

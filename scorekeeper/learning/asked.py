"""What a trading system asks of the learning: the weights, what the votes say of a decision to be made, and feedback.

NumPy and SciPy are imported when something is asked: a trading system that only records decisions does without.
"""

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scorekeeper.decisions.agents import read_agents
from scorekeeper.decisions.fields import Note
from scorekeeper.decisions.strict_json import to_json
from scorekeeper.market.symbol_list import find_symbol
from scorekeeper.safe_text import escape_controls
from scorekeeper.store.database import Database

if TYPE_CHECKING:
    from scorekeeper.learning.document import Learned
    from scorekeeper.settings import Settings

logger = logging.getLogger("PerformanceTracker")


def ask_weights(
    db: Database, settings: "Settings", now: datetime, version: str | None = None, at: datetime | None = None
) -> dict[str, Any] | None:
    """What `agent_weights.json` holds, and `stale`; None: nothing was learned. `at`: what was known then."""
    from scorekeeper.learning.words import tell_weights

    learned = _read(db, settings, version, at)
    return None if learned is None else tell_weights(learned, now)


def ask_vote(
    db: Database, settings: "Settings", now: datetime, agent_analyses: object, *, version: str | None = None
) -> dict[str, Any]:
    """What the votes say of `agent_analyses`, which are read as those of a decision are.

    What cannot be read of them is left out, with a warning in the tracker's log. Raises DecisionError for what is no
    JSON.
    """
    from scorekeeper.learning.vote import Call, tell_vote

    document = to_json({"agent_analyses": agent_analyses})
    assert isinstance(document, dict)
    notes: list[Note] = []
    calls = [Call(one.agent, one.direction, one.confidence) for one in read_agents(document, settings.reading, notes)]
    for note in notes:
        logger.warning("%s: %s", escape_controls(note.field), note.reason)
    return tell_vote(_read(db, settings, version, None), calls, now, 2 * settings.fee_bps / 100)


def ask_feedback(db: Database, agent: str, symbol: str | None, at: datetime | None) -> str:
    """How an agent's calls turned out, of its last version. Raises ValueError for what cannot be a symbol."""
    from scorekeeper.learning.read_feedback import read_feedback

    return db.transact(
        lambda c: read_feedback(c, agent, symbol=symbol and find_symbol(c, symbol), as_of=at).text, repeatable=True
    )


def _read(db: Database, settings: "Settings", version: str | None, at: datetime | None) -> "Learned | None":
    from scorekeeper.learning.learned import read_learned

    return db.transact(
        lambda connection: read_learned(connection, fee_bps=settings.fee_bps, version=version, at=at), repeatable=True
    )

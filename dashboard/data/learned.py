"""What was learned of the filters' version, at their moment, and what its charts are drawn of."""

from datetime import datetime

from sqlalchemy import Connection

from dashboard.data.agents import Tenth, read_tenths
from dashboard.data.filters import Filters
from scorekeeper.learning import learned as library
from scorekeeper.learning.document import Learned
from scorekeeper.learning.drawn import MOST_MOMENTS, most_calling


def read_learned(connection: Connection, filters: Filters, fee_bps: float) -> Learned | None:
    """Of the version that is asked for, or of that with the newest decision; None if nothing was learned."""
    return library.read_learned(connection, fee_bps=fee_bps, version=filters.version, at=filters.as_of)


def read_weights(connection: Connection, learned: Learned) -> dict[str, list[tuple[datetime, float]]]:
    """The weights over time of the agents with the most calls, by name."""
    return library.read_history(connection, learned, most_calling(learned), MOST_MOMENTS)


def read_observed(connection: Connection, learned: Learned, filters: Filters) -> dict[str, list[Tenth]]:
    """What came of each agent's calls by tenths of the confidence that they stated, of the learned version."""
    found: dict[str, list[Tenth]] = {}
    for one in read_tenths(connection, Filters(version=learned.version, as_of=filters.as_of)):
        found.setdefault(one.agent, []).append(one)
    return found


def list_versions(connection: Connection) -> list[str]:
    """The versions of which something was learned."""
    return library.read_versions(connection)

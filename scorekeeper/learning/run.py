"""Learning: what became known since the last run is learned, hour by hour, for each version.

The rows are a function of decisions and horizon returns alone: any schedule of runs, and any kill, gives the same ones.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from scorekeeper.errors import ContendedError
from scorekeeper.learning.learn_maps import learn_maps
from scorekeeper.learning.learn_meta import learn_meta_model
from scorekeeper.learning.learn_weights import ChangedError, learn_weights
from scorekeeper.locks import Lock, lock
from scorekeeper.store.database import ATTEMPTS, Database
from scorekeeper.store.sql import statement

# Each step learns for a version up to an hour, in a transaction of its own, and says whether it has more to do. A step
# reads what the steps before it have stored.
Step = Callable[[Connection, str, datetime], bool]
STEPS: tuple[Step, ...] = (learn_weights, learn_maps, learn_meta_model)


@dataclass(frozen=True)
class Learned:
    """What a run of learn did: the hour up to which everything is learned (None: nothing is tracked), and for whom.

    `made_again`: versions whose rows were made again in part, since something before had changed.
    """

    until: datetime | None
    versions: list[str]
    made_again: list[str]


def learn(db: Database, as_of: datetime) -> Learned:
    """Learn what was known at the last whole hour at or before `as_of`, and at or before the last track.

    Raises ContendedError if settlements change what was learned each time that it is learned.
    """
    made_again: set[str] = set()
    for _ in range(ATTEMPTS):
        until, again = db.transact(lambda connection: prepare(connection, as_of))
        made_again |= set(again)
        if until is None:
            return Learned(None, [], [])
        with db.begin() as connection:
            progress = connection.execute(statement("learning/select_progress"), {"version": None}).all()
        versions = [row.version for row in progress]
        with suppress(ChangedError):
            for version in versions:
                _learn_version(db, version, until)
            return Learned(until, versions, sorted(made_again))
    raise ContendedError("what is learned was changed by settlements at each attempt: try again")


def _learn_version(db: Database, version: str, until: datetime) -> None:
    for step in STEPS:
        while db.transact(partial(_take, step=step, version=version, until=until)):
            pass


def _take(connection: Connection, step: Step, version: str, until: datetime) -> bool:
    return step(connection, version, until)


def prepare(connection: Connection, as_of: datetime) -> tuple[datetime | None, list[str]]:
    """Discard what has to be made again, and note up to which hour this run learns; the hour, and versions discarded.

    It waits for a settlement that is under way, and every later one notes what it changes before that hour. So the
    steps may read decisions while settlements go on.
    """
    lock(connection, Lock.LEARN, Lock.SETTLE)
    market = connection.execute(statement("market/select_market")).one_or_none()
    if market is None or market.last_as_of is None:
        return None, []
    until = min(as_of, market.last_as_of).replace(minute=0, second=0, microsecond=0)
    again = connection.execute(statement("learning/select_stale")).all()
    for row in again:
        after = "-infinity" if row.is_whole else row.kept_until.isoformat()
        connection.execute(statement("learning/discard_learned"), {"version": row.version, "kept_until": after})
        if row.kept_until is None:
            connection.execute(statement("learning/end_learning"), {"version": row.version})
        else:
            after = {"version": row.version, "kept_until": row.kept_until, "is_whole": row.is_whole}
            connection.execute(statement("learning/reset_progress"), after)
    connection.execute(statement("learning/begin_learning"), {"until": until})
    connection.execute(statement("learning/intend"), {"until": until})
    connection.execute(statement("learning/forget_stale"), {"until": until})
    connection.execute(statement("learning/pass_idle"), {"until": until})
    return until, [row.version for row in again]

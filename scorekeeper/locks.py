"""The advisory locks of the database: one for each kind of work that only one transaction at a time may do.

A transaction that needs several takes them in the order of `Lock`. Two transactions that keep to one order cannot
deadlock. A new lock gets a place in that order, and a key that no release has used.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from scorekeeper.errors import AwayError

SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.2  # seconds between two attempts to take a lock behind a pooler
# The server ends no transaction that only holds a lock. Settings that it does not have are left out.
_STAY_OPEN = (
    "SELECT set_config(name, '0', true) FROM pg_settings "
    "WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
)


class Lock(IntEnum):
    """The locks in the order in which they are taken. The value is the key in Postgres, the same in every release."""

    MIGRATE = 0x5C0_0000  # the schema changes
    INGEST = 0x5C0_0003  # files are read, moved, put back or recovered: held across transactions, see hold
    INGEST_WRITE = 0x5C0_0009  # the holder of INGEST writes: keeps the next holder from writing until that has ended
    LEARN = 0x5C0_0008  # what is learned is written, or discarded
    SETTLE = 0x5C0_0001  # trades are closed, or a close is requested
    CANDLE = 0x5C0_0002  # candles and sealed ranges are written
    ANALYZE = 0x5C0_0006  # an analysis is stored
    SCORE = 0x5C0_0004  # rollups are made
    SCORECARD = 0x5C0_0007  # scorecards are composed, or marked as outdated
    PUBLISH = 0x5C0_0005  # lines get their numbers, and are appended


_ORDER = list(Lock)


def lock(connection: Connection, *locks: Lock) -> None:
    """Wait for the locks, in their order, and hold them until the transaction ends."""
    for one in sorted(locks, key=_ORDER.index):
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": int(one)})


def await_turn(connection: Connection, one: Lock) -> None:
    """Take a lock that others hold for long, until the transaction ends. First in the transaction.

    Those who wait get it in turn. Behind a pooler a transaction that waits would keep a session of the server from
    those that the holder of the lock needs. There it asks again and again, and has no transaction open in between, so
    none that a `with` block has begun.
    """
    if not getattr(connection.connection.driver_connection, "is_pooled", False):
        lock(connection, one)
        return
    pause = SHORTEST_PAUSE
    while not connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": int(one)}).scalar_one():
        connection.rollback()
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


@contextmanager
def hold(engine: Engine, one: Lock, *, guarding: Connection | None = None) -> Iterator[None]:
    """Hold a lock across transactions, by a transaction that stays open on a connection of its own.

    Behind a pooler in transaction mode a lock of a session would be lost. `guarding`: the connection that does the
    work. Once the lock is lost, a transaction that it begins is refused with AwayError, and another holder waits for
    the one that began before. What is open on it at the end is rolled back.
    """
    with engine.connect() as holder:
        await_turn(holder, one)
        holder.execute(text(_STAY_OPEN))

        def guard(connection: Connection) -> None:
            lock(connection, Lock.INGEST_WRITE)
            try:
                holder.execute(text("SELECT 1"))
            except SQLAlchemyError:
                raise AwayError(
                    f"the connection that holds the lock {one.name} was lost", "run it again; what is stored stays"
                ) from None

        if guarding is not None:
            event.listen(guarding, "begin", guard)
        try:
            yield
        finally:
            if guarding is not None:
                guarding.rollback()
                event.remove(guarding, "begin", guard)

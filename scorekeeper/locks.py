"""The advisory locks of the database: one for each kind of work that only one transaction at a time may do.

A transaction that needs several takes them in the order of `Lock`. Two transactions that keep to one order cannot
deadlock. A new lock gets a place in that order, and a key that no release has used.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import Connection, text


class Lock(IntEnum):
    """The locks in the order in which they are taken. The value is the key in Postgres, the same in every release."""

    MIGRATE = 0x5C0_0000  # the schema changes
    INGEST = 0x5C0_0003  # files are read, moved, put back or recovered: held by a session, across transactions
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


@contextmanager
def hold(connection: Connection, one: Lock) -> Iterator[None]:
    """Hold a lock on the connection's session, across its transactions. What is open at the end is rolled back."""
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": int(one)})
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": int(one)})
        connection.commit()

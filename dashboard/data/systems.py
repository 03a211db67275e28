"""Where each trading system of an installation stands, read over one connection."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from dashboard.data.token import begin_read
from scorekeeper.errors import AwayError, DatabaseError
from scorekeeper.store.sql import raw
from scorekeeper.store.systems import in_system

NOT_THERE = "its schema is not there yet, or this user may not read it"


@dataclass(frozen=True)
class Standing:
    """Where one system stands: its last track, its score (the answer of metrics, None before the first), its alerts.

    `trouble`: why nothing can be said of it, else empty.
    """

    name: str
    last_as_of: datetime | None = None
    answer: dict[str, Any] | None = None
    alerts: int = 0
    trouble: str = ""

    def figure(self, name: str, *, net: bool = False) -> float | None:
        """A figure of its score, after fees if `net`; None if it is undefined, or there is no score yet."""
        answer = self.answer or {}
        value = (answer.get("net") or {}).get(name) if net else answer.get(name)
        return None if value is None else float(value)


def read_systems(connection: Connection, names: Iterable[str]) -> list[Standing]:
    """Each system's standing, in one transaction that only reads. The connection is of no system itself."""
    begin_read(connection)
    return [_read(connection, name) for name in names]


def _read(connection: Connection, name: str) -> Standing:
    try:
        with connection.begin_nested() as nested:
            row = connection.execute(text(in_system(raw("dashboard/select_system"), name))).one_or_none()
            nested.rollback()  # gives back its locks: a server has no room for those of all systems
    except AwayError:
        raise
    except DatabaseError:  # it names a migration or a right, which this system lacks
        row = None
    if row is None:
        return Standing(name, trouble=NOT_THERE)
    return Standing(name, row.last_as_of, row.answer, row.alerts)

"""Recalibration maps, compared with a recompute."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, zip_longest
from math import isclose
from typing import Any

from sqlalchemy import Connection

from scorekeeper.store.sql import statement
from scorekeeper.verify.remap import MapRow, Remapped

MOST_NAMED = 20  # differences
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_maps(connection: Connection, version: str, until: int, again: Remapped) -> Iterator[str]:
    """One line per difference, of the maps up to `until` (microseconds since 1970); further ones are not named."""
    return islice(_compare(connection, version, until, again), MOST_NAMED)


def _compare(connection: Connection, version: str, until: int, again: Remapped) -> Iterator[str]:
    mapped = connection.execute(statement("verify/select_mapped"), {"version": version}).scalar()
    end = min(until, -1 if mapped is None else mapped)
    rows = connection.execute(statement("verify/select_maps"), {"version": version, "until": end}).all()
    for row, wanted in zip_longest(rows, again.until(end)):
        if row is None or wanted is None or (row.as_of, row.agent) != (wanted.as_of, wanted.agent):
            stored, found = (None if one is None else f"{one.agent} at {_day(one.as_of)}" for one in (row, wanted))
            yield f"maps of {version}: stored is {stored}, recomputed {found}"
            return
        for name in MapRow._fields:
            if not _near(getattr(row, name), getattr(wanted, name)):
                of = f"map of {wanted.agent} of {version} at {_day(wanted.as_of)}"
                yield f"{of}: {name} is {getattr(row, name)}, recomputed {getattr(wanted, name)}"


def _day(micros: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=micros):%Y-%m-%d}"


def _near(stored: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and isinstance(stored, float):
        return isclose(stored, wanted, rel_tol=1e-8, abs_tol=1e-9)
    return bool(stored == wanted)

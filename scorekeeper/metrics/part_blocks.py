"""The stretches of days whose parts are added up, for breakdowns: which they are, and how they are made.

A stretch has BLOCK trades (of agents: signals of the agent that has most), or the rest of a gap between two. Eight that
lie beside each other make one of the next level, so that a breakdown reads few of them in any history. Only days that
are over belong to one. When a day changes, the score step deletes the stretches that contain it: it is counted from the
rows until they are made again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from scorekeeper.locks import Lock, lock
from scorekeeper.metrics.day_sums import DaySums, agent_sums
from scorekeeper.metrics.part_sums import (
    PARTS,
    PartSignals,
    PartTrades,
    merge_signals,
    merge_trades,
    of_days,
)
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement

BLOCK = 2_500
FAN = 8
MOST_STRETCHES = 50  # that an hourly run counts from the rows: after an upgrade a long history takes some runs
_DAY = timedelta(days=1)
_COUNTED_DAYS = {"system": "metrics/select_system_days", "agent": "metrics/select_agent_days"}
_MADE_ROLLUP = {"system": "metrics/select_made_days", "agent": "metrics/select_made_agent_days"}
_Sums = dict[tuple[str, str | None], list[Any]]  # the parts, by breakdown and version (None: all)


class Days(NamedTuple):
    """UTC days, both ends included."""

    first: date
    last: date


def roll_up_parts(
    db: Database, *, block: int = BLOCK, most: int | None = None, tell: Callable[[str], None] = lambda _: None
) -> int:
    """Add up the parts of what has no stretch yet; how many stretches were made.

    `most`: of each kind that are counted from rows, the earliest; the next call goes on. Each is a transaction of its
    own. May be repeated, and killed at any time. Nothing is made before the first track. `tell` is called with how far
    it is, before each stretch.
    """
    market = db.transact(_begin)
    if market is None or market.last_as_of is None:
        return 0
    made = 0
    for kind, of in (("system", "trades"), ("agent", "signals")):
        for level, days in _plan(db, kind, market.last_as_of, block, most):
            tell(f"adding up {of} of {days.first} to {days.last} for breakdowns: {made} stretches of days done")
            made += _make(db, kind, level, days)
    return made


def _begin(connection: Connection) -> Any:
    # The score step deletes stretches too, in another order.
    lock(connection, Lock.SCORE)
    connection.execute(statement("metrics/delete_old_part_blocks"))
    return connection.execute(statement("market/select_market")).one_or_none()


def forget_parts(connection: Connection, changed: Mapping[str, Sequence[date]]) -> None:
    """Delete the stretches that contain a changed day, in the transaction that scores it; `changed`: days by kind."""
    if any(changed.values()):
        days = {"days": changed.get("system", []), "agent_days": changed.get("agent", [])}
        first = min(min(some) for some in changed.values() if some)
        connection.execute(statement("metrics/delete_changed_part_blocks"), days | {"from_day": first})


def _plan(
    db: Database, kind: str, as_of: datetime, block: int, most: int | None
) -> Iterator[tuple[int, Days]]:
    """The stretches to be made, those of a level before those that consist of them."""
    with db.begin() as connection:
        given = {"to_day": as_of.astimezone(UTC).date()}
        counts = connection.execute(statement(_COUNTED_DAYS[kind]), given).tuples().all()
    level, children = 1, _read_blocks(db, kind).get(1, [])
    for days in plan_blocks([(day, int(number)) for day, number in counts], children, block)[:most]:
        yield 1, days
    while children := _read_blocks(db, kind).get(level, []):
        level += 1
        for days in plan_parents(children, _read_blocks(db, kind).get(level, [])):
            yield level, days


def _read_blocks(db: Database, kind: str) -> dict[int, list[Days]]:
    found: defaultdict[int, list[Days]] = defaultdict(list)
    with db.begin() as connection:
        for level, first, last in connection.execute(statement("metrics/select_part_blocks"), {"kind": kind}):
            found[level].append(Days(first, last))
    return found


def plan_blocks(counts: Sequence[tuple[date, int]], blocks: Sequence[Days], block: int = BLOCK) -> list[Days]:
    """The stretches that are missing: `counts`, the days with rows and how many, in order; `blocks`: those there are.

    >>> days = [date(2025, 5, day) for day in range(1, 9)]
    >>> plan_blocks([(day, 3_000) for day in days], [Days(days[3], days[4])], 5_000)
    [Days(first=datetime.date(2025, 5, 1), last=datetime.date(2025, 5, 2)), \
Days(first=datetime.date(2025, 5, 3), last=datetime.date(2025, 5, 3)), \
Days(first=datetime.date(2025, 5, 6), last=datetime.date(2025, 5, 7))]
    """
    if not counts:
        return []
    found: list[Days] = []
    start, left = counts[0][0], list(reversed(counts))
    for end in [*blocks, None]:
        gathered = 0
        while left and (end is None or left[-1][0] < end.first):
            day, number = left.pop()
            gathered += number
            if gathered >= block:
                found.append(Days(start, day))
                start, gathered = day + _DAY, 0
        if end is not None:
            if start < end.first:
                found.append(Days(start, end.first - _DAY))
            start = end.last + _DAY
            while left and left[-1][0] <= end.last:
                left.pop()
    return found


def plan_parents(children: Sequence[Days], parents: Sequence[Days]) -> list[Days]:
    """The stretches of the next level that are missing: each of FAN children, or of fewer before one that is there.

    >>> one = [Days(date(2025, 5, day), date(2025, 5, day)) for day in range(1, 12)]
    >>> plan_parents(one, [])
    [Days(first=datetime.date(2025, 5, 1), last=datetime.date(2025, 5, 8))]
    """
    found: list[Days] = []
    run: list[Days] = []
    known = list(reversed(parents))

    def close(*, is_open: bool) -> None:
        while len(run) >= FAN:
            found.append(Days(run[0].first, run[FAN - 1].last))
            del run[:FAN]
        if not is_open:
            if len(run) > 1:
                found.append(Days(run[0].first, run[-1].last))
            run.clear()

    for child in children:
        while known and known[-1].last < child.first:
            known.pop()
        if known and known[-1].first <= child.first:
            close(is_open=False)
            continue
        if run and run[-1].last + _DAY != child.first:
            close(is_open=True)
            run.clear()
        run.append(child)
    close(is_open=True)
    return found


def _make(db: Database, kind: str, level: int, days: Days) -> int:
    """Make a stretch, unless a day or a stretch that it consists of has changed meanwhile; how many were made.

    Rows are counted without the lock of the score, which a day with many trades would hold for long. They are read as
    of one moment at which no day is stale, so the rollup of that moment is made of them. A change that is committed
    later leaves its day stale, or, if the day was scored since, other rows of its rollup.
    """
    given = {"kind": kind, "level": level, "first_day": days.first, "last_day": days.last}
    rollup, counted = None, None
    if level == 1:
        with db.snapshot() as connection:
            if connection.execute(statement("metrics/select_part_block_blocked"), given).scalar_one():
                return 0
            rollup = connection.execute(statement(_MADE_ROLLUP[kind]), given).scalar_one()
            counted = _count_rows(connection, given)

    def work(connection: Connection) -> int:
        # No day is scored meanwhile: a change that is committed later finds the stretch, and deletes it.
        lock(connection, Lock.SCORE)
        if connection.execute(statement("metrics/select_part_block_blocked"), given).scalar_one():
            return 0
        if level == 1 and connection.execute(statement(_MADE_ROLLUP[kind]), given).scalar_one() != rollup:
            return 0
        connection.execute(statement("metrics/insert_part_block"), given)
        for (breakdown, version), parts in _merge_parts(connection, given) if counted is None else counted.items():
            row = {"breakdown": breakdown, "version": version, "parts": msgspec.json.encode(parts).decode()}
            connection.execute(statement("metrics/insert_part_sums"), given | row)
        return 1

    return db.transact(work)


def _count_rows(connection: Connection, given: dict[str, Any]) -> _Sums:
    bounds = {
        "since": datetime.combine(given["first_day"], time(), UTC),
        "until": datetime.combine(given["last_day"] + _DAY, time(), UTC),
    }
    return (_count_trades if given["kind"] == "system" else _count_signals)(connection, bounds)


def _merge_parts(
    connection: Connection, given: dict[str, Any]
) -> Iterator[tuple[tuple[str, str | None], list[Any]]]:
    merge: Callable[[Iterable[Any]], list[Any]] = merge_trades if given["kind"] == "system" else merge_signals
    decode = PARTS[given["kind"]].decode
    rows = connection.execute(statement("metrics/select_parts_to_merge"), given | {"level": given["level"] - 1})
    for scope, some in groupby(rows.all(), key=attrgetter("breakdown", "version")):
        yield scope, merge(decode(row.parts) for row in some)


def _count_trades(connection: Connection, bounds: dict[str, Any]) -> _Sums:
    found: _Sums = defaultdict(list)
    rows = connection.execute(statement("metrics/count_system_parts"), bounds)
    for (breakdown, version, part), some in groupby(rows, key=lambda row: tuple(row[:3])):
        days: dict[bool, list[DaySums]] = {False: [], True: []}
        for _, _, _, after_fees, *sums in some:
            days[after_fees].append(DaySums(*sums))
        found[breakdown, version].append(PartTrades(part, of_days(days[False]), of_days(days[True])))
    return found


def _count_signals(connection: Connection, bounds: dict[str, Any]) -> _Sums:
    found: _Sums = defaultdict(list)
    rows = connection.execute(statement("metrics/count_agent_parts"), bounds).mappings().all()
    for (breakdown, version, part), some in groupby(rows, key=itemgetter("breakdown", "version", "part")):
        found[breakdown, version].append(PartSignals(part, [agent_sums(row) for row in some]))
    # The sums of an agent do not depend on the order: all versions are the sum of each.
    for breakdown in sorted({breakdown for breakdown, _ in found}):
        found[breakdown, None] = merge_signals(
            parts for (of, version), parts in list(found.items()) if of == breakdown and version is not None
        )
    return found

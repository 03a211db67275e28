"""The days and the agents of a selection: whole days from what is added up, the rest of it from the rows.

A period's days come from the rollups, a breakdown's from the stretches of part_blocks.py. Both hold what a selection
without suspect decisions and with late ones counts, by days in UTC. Days that have changed are counted from the rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.metrics.day_sums import AgentSums, DaySums, add_agents, agent_sums
from scorekeeper.metrics.part_sums import PARTS, Stretch, of_days
from scorekeeper.store.sql import statement

_DAY = timedelta(days=1)
# With more holes than this, one statement over the whole period is quicker than one for each.
MOST_HOLES = 20

# By group of a breakdown (None: the whole): stretches of days in order, on each basis (True: after fees).
Trades = dict[tuple[str | None, bool], list[Stretch]]
Agents = dict[str | None, list[AgentSums]]
Covered = list[tuple[date, date]]  # days that are added up, both ends included, in order


def read_selected_trades(connection: Connection, rows: Mapping[str, Any]) -> Trades:
    """The trades of each group of a selection: `rows` has the parameters of count_days."""
    found: Trades = defaultdict(list)
    holes: Sequence[tuple[datetime | None, datetime | None]] = [(rows["since"], rows["until"])]
    if (bounds := whole_days(rows)) is not None:
        covered, added_up = (_read_days if rows["by"] is None else read_parts)(connection, rows, bounds)
        if len(found_holes := list(list_holes(rows["since"], rows["until"], covered))) <= MOST_HOLES:
            found, holes = added_up, found_holes
    for since, until in holes:
        counted: defaultdict[tuple[str | None, bool], list[DaySums]] = defaultdict(list)
        given = {**rows, "since": since, "until": until}
        for group, after_fees, *sums in connection.execute(statement("metrics/count_days"), given):
            counted[group, after_fees].append(DaySums(*sums))
        for key, days in counted.items():
            found[key].append(of_days(days))
    for stretches in found.values():
        stretches.sort(key=lambda one: one.sums.first_exit_at)
    return found


def read_selected_agents(connection: Connection, rows: Mapping[str, Any], tracked: datetime | None) -> Agents:
    """The sums of each agent in each group; `tracked`: the last as_of of track."""
    found: defaultdict[str | None, list[list[AgentSums]]] = defaultdict(list)
    holes: Sequence[tuple[datetime | None, datetime | None]] = [(rows["since"], rows["until"])]
    bounds = whole_days(rows)
    # A trade may close long after its decision expired: of an earlier moment the days say too much.
    if bounds is not None and tracked is not None and rows["at"] >= tracked:
        read = _read_agent_days if rows["by"] is None else read_agent_parts
        covered, added_up = read(connection, rows, bounds)
        if len(found_holes := list(list_holes(rows["since"], rows["until"], covered))) <= MOST_HOLES:
            found, holes = added_up, found_holes
    for since, until in holes:
        given = {**rows, "since": since, "until": until}
        counted: defaultdict[str | None, list[AgentSums]] = defaultdict(list)
        for row in connection.execute(statement("metrics/count_agents"), given).mappings():
            counted[row["group_value"]].append(agent_sums(row))
        for group, agents in counted.items():
            found[group].append(agents)
    return {group: add_agents(*some) for group, some in found.items()}


def whole_days(rows: Mapping[str, Any]) -> tuple[date | None, date] | None:
    """The days [from, to) of a selection that what is added up may hold; None where it holds other decisions.

    The day of `at` is not over.
    """
    if rows["include_suspect"] or rows["exclude_late"] or rows["at"] is None:
        return None
    if rows["by"] is not None and rows["symbol"] is not None:
        return None
    if rows["by"] in (Breakdown.WEEKDAY, Breakdown.HOUR) and rows["zone"] != "UTC":
        return None
    return bound_days(rows["since"], rows["until"], rows["at"])


def bound_days(since: datetime | None, until: datetime | None, at: datetime) -> tuple[date | None, date] | None:
    """The whole UTC days [from, to) of a period (None: no limit) that were over at `at`; None where there are none."""
    first = None if since is None else _day(since) if since == _midnight(_day(since)) else _day(since) + _DAY
    last = _day(at) if until is None else min(_day(at), _day(until))
    return None if first is not None and first >= last else (first, last)


def list_holes(
    since: datetime | None, until: datetime | None, covered: Covered
) -> Iterator[tuple[datetime | None, datetime | None]]:
    """What of [since, until) (None: no limit) lies outside of `covered`.

    >>> for hole in list_holes(datetime(2025, 5, 1, 6, tzinfo=UTC), None, [(date(2025, 5, 2), date(2025, 5, 4))]):
    ...     print(*hole)
    2025-05-01 06:00:00+00:00 2025-05-02 00:00:00+00:00
    2025-05-05 00:00:00+00:00 None
    """
    start = since
    for first, last in covered:
        if first > date.min if start is None else start < _midnight(first):
            yield start, _midnight(first)
        start = _midnight(last + _DAY)
    if start is None or until is None or start < until:
        yield start, until


def read_parts(
    connection: Connection, rows: Mapping[str, Any], bounds: tuple[date | None, date]
) -> tuple[Covered, Trades]:
    """The days of a breakdown (`rows`: by, version) in [from, to) that are added up, and their trades."""
    covered, found = [], defaultdict(list)
    for first, last, parts in _select_parts(connection, "system", rows, bounds):
        covered.append((first, last))
        for one in parts:
            found[one.part, False].append(one.gross)
            found[one.part, True].append(one.net)
    return covered, found


def read_agent_parts(
    connection: Connection, rows: Mapping[str, Any], bounds: tuple[date | None, date]
) -> tuple[Covered, defaultdict[str | None, list[list[AgentSums]]]]:
    """The same, of what the agents had said."""
    covered, found = [], defaultdict(list)
    for first, last, parts in _select_parts(connection, "agent", rows, bounds):
        covered.append((first, last))
        for one in parts:
            found[one.part].append(one.agents)
    return covered, found


def _select_parts(
    connection: Connection, kind: str, rows: Mapping[str, Any], bounds: tuple[date | None, date]
) -> Iterator[tuple[date, date, list[Any]]]:
    given = {
        "kind": kind, "from_day": bounds[0], "to_day": bounds[1], "by": str(rows["by"]), "version": rows["version"],
    }  # fmt: skip
    for first, last, parts in connection.execute(statement("metrics/select_part_sums"), given).all():
        yield first, last, [] if parts is None else PARTS[kind].decode(parts)


def _read_days(
    connection: Connection, rows: Mapping[str, Any], bounds: tuple[date | None, date]
) -> tuple[Covered, Trades]:
    covered = _unchanged(connection, "system", bounds)
    found: Trades = defaultdict(list)
    for after_fees in (False, True):
        given = {**rows, "after_fees": after_fees, "from_day": bounds[0]}
        days = (DaySums(*row) for row in connection.execute(statement("metrics/select_daily_scores"), given))
        for some in _split(days, covered):
            found[None, after_fees].append(of_days(some))
    return covered, found


def _split(days: Iterable[DaySums], covered: Covered) -> Iterator[list[DaySums]]:
    """The days of each covered stretch that has any."""
    kept = list(days)
    for first, last in covered:
        if some := [day for day in kept if first <= day.day <= last]:
            yield some


def _read_agent_days(
    connection: Connection, rows: Mapping[str, Any], bounds: tuple[date | None, date]
) -> tuple[Covered, defaultdict[str | None, list[list[AgentSums]]]]:
    covered = _unchanged(connection, "agent", bounds)
    found: defaultdict[str | None, list[list[AgentSums]]] = defaultdict(list)
    for first, last in covered:
        given = {**rows, "from_day": first, "to_day": last + _DAY}
        agents = connection.execute(statement("metrics/select_agent_daily_scores"), given).mappings()
        found[None].append([agent_sums(row) for row in agents])
    return covered, found


def _unchanged(connection: Connection, kind: str, bounds: tuple[date | None, date]) -> Covered:
    """The days of [from, to) whose rollups are as their rows."""
    first, end = bounds[0] or date.min, bounds[1]
    given = {"kind": kind, "from_day": first, "to_day": end}
    found: Covered = []
    for day in connection.execute(statement("metrics/select_changed_days"), given).scalars():
        if first < day:
            found.append((first, day - _DAY))
        first = day + _DAY
    return [*found, (first, end - _DAY)] if first < end else found


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

"""The answer of `metrics --json` for any filters, from the views that a reader may read.

Whole days come from the rollups; what these do not hold (the rest of a day, another selection) from the rows.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from dashboard.data.added_up import SETTLED, bound_parts, is_plain, list_periods, read_added_up
from dashboard.data.figures import agent_verdicts, system_verdicts
from dashboard.data.filters import Filters
from dashboard.data.once import once
from scorekeeper.metrics.breakdown import Breakdown, label_group
from scorekeeper.metrics.day_sums import AgentSums, DaySums, add_agents, agent_sums
from scorekeeper.metrics.formulas import iso
from scorekeeper.metrics.market_days import days_of
from scorekeeper.metrics.names import ANALYSED_AGENT_NAMES, ANALYSED_NAMES, ANALYSED_NET_NAMES
from scorekeeper.metrics.part_sums import compose_stretches, of_days
from scorekeeper.metrics.query import compose_whole
from scorekeeper.metrics.selection import Trades, read_agent_parts
from scorekeeper.metrics.series_days import SeriesDays
from scorekeeper.store.sql import statement

ROLLED_UP = (None, Breakdown.SYMBOL, Breakdown.VERSION)  # the breakdowns that the rollups know
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
BESIDE = ("verdicts", "brier_calls", "part")

Days = dict[tuple[str | None, bool], list[DaySums]]
Agents = dict[str | None, list[AgentSums]]


class Stretch(NamedTuple):
    """A half-open period that is read in one way: from the rollups (of whole UTC days), or from the rows."""

    since: datetime | None
    until: datetime | None
    rolled_up: bool


def parameters(filters: Filters) -> dict[str, Any]:
    """What the statements of a scope take."""
    names = ("version", "symbol", "since", "until", "suspect", "late", "as_of")
    return {name: getattr(filters, name) for name in names}


def read_last_as_of(connection: Connection) -> datetime | None:
    """The minute of the last track; None before the first."""

    def ask() -> datetime | None:
        found: datetime | None = connection.execute(statement("dashboard/select_last_as_of")).scalar()
        return found

    return once(connection, "last as_of", ask)


def moments(filters: Filters, last_as_of: datetime | None) -> dict[str, datetime | None]:
    """The moment that the filters look at, and before which a decision has opened to count then.

    A track counts what opens in its own minute. A backtest up to a minute, which as_of equals, does not.
    """
    if filters.as_of is not None:
        return {"at": filters.as_of, "opened_before": filters.as_of}
    before = _LAST if last_as_of is None else last_as_of + timedelta(microseconds=1)
    return {"at": last_as_of, "opened_before": before}


def read_answer(connection: Connection, filters: Filters, by: str | None = None) -> dict[str, Any]:
    """What `scorekeeper metrics --json` says of the filters' scope, key by key; with `by` its `groups` too.

    With `as_of` it is what a backtest up to that minute says: `as_of` is that minute, and the counts of late and
    suspect decisions are those that are known now. Beside what metrics says there is BESIDE: `verdicts` (in words, by
    figure; of the system, and of each agent), each agent's `brier_calls`, and each group's `part`, as it is stored.
    """
    last_as_of = read_last_as_of(connection)
    given = parameters(filters) | moments(filters, last_as_of)
    counts = connection.execute(statement("dashboard/select_counts"), given).mappings().one()
    at = filters.as_of
    counted = {"as_of": iso(given["at"]), **counts}
    answer = None
    if is_analysed(filters) and at is None:
        answer = connection.execute(statement("dashboard/select_scorecard"), given).scalar()
    if answer is not None:
        answer = answer | counted
        sure = {one.agent: one.brier_calls for one in read_agents(connection, filters, None).get(None, [])}
        for agent, figures in answer["agent_performance"].items():
            figures["brier_calls"] = sure.get(agent, 0)
    else:
        trades, agents = read_stretches(connection, filters, None), read_agents(connection, filters, None)
        whole = _compose(trades, agents, None, read_series_days(connection))
        answer = {
            "version": filters.version,
            "symbol": filters.symbol,
            "since": iso(filters.since),
            "until": iso(filters.until),
            "include_suspect": filters.suspect != "no",
            "exclude_late": filters.late == "no",
            "as_of": None,
            "days": whole["days"],
            **counted,
            **{name: value for name, value in whole.items() if name != "days"},
        }
    _add_analysis(connection, answer, filters, last_as_of)
    if by is None:
        return answer
    return answer | {"by": by, "groups": _read_groups(connection, filters, Breakdown(by))}


def is_analysed(filters: Filters) -> bool:
    """Whether the filters name a scope that analyze looks at: everything, or one version, whole."""
    return is_plain(filters) and filters.symbol is None and filters.since is None and filters.until is None


def read_stored_analysis(connection: Connection, filters: Filters, last_as_of: datetime | None) -> Any:
    """The row of the last analysis (as_of, document) of the filters' scope at their moment, or None."""
    if not is_analysed(filters):
        return None
    # An analysis from before the first track may lie after it: a replay market's clock stands in the past.
    at = min((moment for moment in (filters.as_of, last_as_of) if moment is not None), default=None)
    given = {"version": filters.version, "at": at}
    return once(
        connection, ("analysis", filters.version, at),
        lambda: connection.execute(statement("dashboard/select_analysis"), given).one_or_none(),
    )  # fmt: skip


def _add_analysis(
    connection: Connection, answer: dict[str, Any], filters: Filters, last_as_of: datetime | None
) -> None:
    found = read_stored_analysis(connection, filters, last_as_of)
    stored = found.document["figures"] if found else {"system": {}, "net": {}, "agents": {}}
    answer["verdicts"] = system_verdicts(found.document) if found else {}
    of_agents = agent_verdicts(found.document) if found else {}
    answer |= {name: stored["system"].get(name) for name in ANALYSED_NAMES}
    answer["net"] |= {name: stored["net"].get(name) for name in ANALYSED_NET_NAMES}
    for agent, one in answer["agent_performance"].items():
        one |= {name: stored["agents"].get(agent, {}).get(name) for name in ANALYSED_AGENT_NAMES}
        one["verdicts"] = of_agents.get(agent, {})


def _read_groups(connection: Connection, filters: Filters, by: Breakdown) -> list[dict[str, Any]]:
    """The figures of each part, in the parts' order, without any last."""
    trades = read_stretches(connection, filters, by)
    # What ended a trade is known from what the price did, and that is what agents are scored on.
    agents = {} if by is Breakdown.EXIT_REASON else read_agents(connection, filters, by)
    parts = sorted({part for part, _ in trades} | agents.keys(), key=lambda part: (part is None, part or ""))
    series = read_series_days(connection)
    groups = [
        {by.value: label_group(by, part), "part": part} | _compose(trades, agents, part, series) for part in parts
    ]
    if by is Breakdown.EXIT_REASON:
        groups = [group | {"agent_performance": None} for group in groups]
    return groups


def read_series_days(connection: Connection) -> SeriesDays:
    """The days of the daily series: those of the market's calendar."""
    name = once(connection, "calendar", lambda: connection.execute(statement("dashboard/select_calendar")).scalar())
    return days_of(name)


def _compose(trades: Trades, agents: Agents, part: str | None, series: SeriesDays) -> dict[str, Any]:
    number, gross = compose_stretches(trades.get((part, False), []), series)
    _, net = compose_stretches(trades.get((part, True), []), series)
    said = agents.get(part, [])
    whole = compose_whole(number, gross, net, said)
    for one in said:
        whole["agent_performance"][one.agent]["brier_calls"] = one.brier_calls
    return whole


def read_stretches(connection: Connection, filters: Filters, by: Breakdown | None) -> Trades:
    """The closed trades of each part and basis, as stretches of days in order."""
    holes, found = read_added_up(connection, filters, by)
    for part in holes:
        for key, days in read_day_pieces(connection, part, by).items():
            found[key].append(of_days(days))
    for stretches in found.values():
        stretches.sort(key=lambda one: one.sums.first_exit_at)
    return found


def read_day_pieces(connection: Connection, filters: Filters, by: Breakdown | None) -> Days:
    """The UTC days with closed trades of each part and basis, in order."""
    key = ("days", by, *parameters(filters).values())
    return once(connection, key, lambda: _ask_day_pieces(connection, filters, by))


def _ask_day_pieces(connection: Connection, filters: Filters, by: Breakdown | None) -> Days:
    days: Days = defaultdict(list)
    until = filters.as_of and _midnight(filters.as_of)
    for stretch in cut(filters.since, filters.until, until, rolled_up=is_plain(filters) and by in ROLLED_UP):
        found = _execute(connection, filters, by, stretch, "dashboard/select_daily_pieces", "dashboard/count_days")
        for part, after_fees, *pieces in found:
            days[part, after_fees].append(DaySums(*pieces))
    for some in days.values():
        some.sort(key=lambda one: one.day)
    return days


def read_agents(connection: Connection, filters: Filters, by: Breakdown | None, agent: str | None = None) -> Agents:
    """The sums of each agent (`agent`: of this one alone) in each part, by the part's name and the agent's."""
    agents: Agents = defaultdict(list)
    holes = [filters]
    if (bounds := bound_parts(filters, by, filters.as_of and filters.as_of - SETTLED)) is not None:
        covered, added_up = read_agent_parts(connection, {"by": by, "version": filters.version}, bounds)
        holes = list_periods(filters, covered)
        for part, lists in added_up.items():
            agents[part] += [one for said in lists for one in said if agent in (None, one.agent)]
    for hole in holes:
        for row in read_agent_rows(connection, hole, by, agent):
            agents[row["part"]].append(agent_sums(row))
    agents = {part: some for part, some in agents.items() if some}
    return {part: add_agents(agents[part]) for part in sorted(agents, key=lambda part: (part is None, part or ""))}


def read_agent_rows(
    connection: Connection, filters: Filters, by: Breakdown | None, agent: str | None = None
) -> list[Any]:
    """What read_agents adds up: rows of select_agent_pieces and count_agents."""
    until = filters.as_of and _midnight(filters.as_of - SETTLED)

    def ask() -> list[Any]:
        return [
            row
            for stretch in cut(filters.since, filters.until, until, rolled_up=is_plain(filters) and by in ROLLED_UP)
            for row in _execute(
                connection, filters, by, stretch, "dashboard/select_agent_pieces", "dashboard/count_agents", agent
            ).mappings()
        ]

    return once(connection, ("agents", by, agent, *parameters(filters).values()), ask)


def _execute(
    connection: Connection, filters: Filters, by: Breakdown | None, stretch: Stretch, pieces: str, rows: str,
    agent: str | None = None,
) -> Any:  # fmt: skip
    given: dict[str, Any] = {**parameters(filters), "by": by and by.value, "agent": agent}
    if stretch.rolled_up:
        bounds = {"from_day": stretch.since and _day(stretch.since), "to_day": stretch.until and _day(stretch.until)}
        return connection.execute(statement(pieces), {**given, **bounds})
    return connection.execute(statement(rows), {**given, "since": stretch.since, "until": stretch.until})


def cut(
    since: datetime | None, until: datetime | None, settled: datetime | None, *, rolled_up: bool
) -> Iterator[Stretch]:
    """A period in the stretches that it is read by: whole UTC days from the rollups, up to `settled` (None: all).

    >>> at = lambda day, hour: datetime(2025, 5, day, hour, tzinfo=UTC)
    >>> [(s.since.day, s.until.day, s.rolled_up) for s in cut(at(1, 6), at(4, 0), None, rolled_up=True)]
    [(1, 2, False), (2, 4, True)]
    """
    first = since if since is None or since == _midnight(since) else _midnight(since) + timedelta(days=1)
    last = min((moment for moment in (until and _midnight(until), settled) if moment is not None), default=None)
    if not rolled_up or (first is not None and last is not None and first >= last):
        yield Stretch(since, until, False)
        return
    if first != since:
        yield Stretch(since, first, False)
    yield Stretch(first, last, True)
    if last is not None and (until is None or last < until):
        yield Stretch(last, until, False)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(_day(moment), time(), UTC)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()

"""The score of a selection: `system_metrics`, from the scorecard, the rollups or the rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from scorekeeper.metrics.breakdown import Breakdown, label_group
from scorekeeper.metrics.day_sums import AgentSums, DaySums, agent_sums
from scorekeeper.metrics.formulas import compose_agent, compose_system, iso
from scorekeeper.metrics.market_days import read_series_days
from scorekeeper.metrics.money import read_money
from scorekeeper.metrics.names import ANALYSED_AGENT_NAMES, ANALYSED_NAMES, ANALYSED_NET_NAMES, COUNTED_NAMES
from scorekeeper.metrics.series_days import SeriesDays, count_days
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement

# By group of a breakdown (None: the whole): the days on each basis (True: after fees), and the agents' counts.
_Days = dict[tuple[str | None, bool], list[DaySums]]
_Agents = dict[str | None, list[Mapping[Any, Any]]]


def system_metrics(
    connection: Connection,
    *,
    version: str | None = None,
    symbol: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    include_suspect: bool = False,
    exclude_late: bool = False,
    by: Breakdown | None = None,
    at: datetime | None = None,
    compose: bool = False,
    whole: Mapping[str, Any] | None = None,
    zone: str = "UTC",
    money: bool = True,
    account_equity: float | None = None,
) -> dict[str, Any]:
    """The answer of docs/metrics.md for a selection (None: all), ready for JSON: undefined is None, times end in Z.

    `since` and `until` are half-open: a trade's exit and a decision's expiry lie in [since, until). `at` (None: the
    last as_of of track): what opened later does not count yet. With `by` the answer has `groups`: one per value of the
    breakdown, with the same figures, and under the breakdown's name the value (None: decisions without one).

    `zone`: the time zone of the breakdowns by weekday and hour. `money`: whether the answer holds what money.py adds,
    which is counted from the rows; `account_equity`: see there.

    A version's figures, and those of all versions, come from the scorecard. For a symbol, or with `compose`, they are
    composed from the rollups. Any other selection is counted from the rows, which takes longer. `whole` has the
    figures where the caller has composed them.

    Once old decisions are deleted, what is counted from the rows begins where all are there: then `since` says so. What
    money.py adds does too.
    """
    kept_from = read_kept_from(connection)
    limited = not (since is None and until is None) or include_suspect or exclude_late or by is not None
    if kept_from is not None and limited:
        since = kept_from if since is None else max(since, kept_from)
    rows: dict[str, Any] = {
        "version": version, "symbol": symbol, "since": since, "until": until, "include_suspect": include_suspect,
        "exclude_late": exclude_late, "at": at,
    }  # fmt: skip
    count = connection.execute(statement("metrics/count_trades"), rows).mappings().one()
    rows |= {"at": at or count["as_of"], "by": None, "zone": zone}
    rolled_up = since is None and until is None and not (include_suspect or exclude_late)
    of_version = rolled_up and symbol is None
    kept: dict[str, Any] | None = None
    if of_version and not compose and whole is None:
        kept = connection.execute(statement("metrics/select_scorecard"), {"version": version}).scalar()
    if kept is not None:
        answer = kept | _counted(count)
    else:
        if whole is None:
            series = read_series_days(connection)
            whole = (
                _compose(*read_days(connection, rows), read_agents(connection, rows), series)
                if rolled_up
                else _figures(_count_days(connection, rows), _count_agents(connection, rows), None, series)
            )
        answer = {
            "version": version,
            "symbol": symbol,
            "since": iso(since),
            "until": iso(until),
            "include_suspect": include_suspect,
            "exclude_late": exclude_late,
            "as_of": None,
            "days": whole["days"],
            **_counted(count),
            **{name: value for name, value in whole.items() if name != "days"},
        }
    # An analysis from before the first track may lie after it: a replay market's clock stands in the past.
    known = min((moment for moment in (at, count["as_of"]) if moment is not None), default=None)
    _add_analysis(connection, answer, rows | {"at": known}, analysed=of_version)
    if money:
        answer |= read_money(connection, rows | {"since": since or kept_from}, account_equity)
    return answer if by is None else answer | {"by": by.value, "groups": _groups(connection, rows, by)}


def _counted(count: Mapping[Any, Any]) -> dict[str, Any]:
    """The counts that change without a close."""
    return {"as_of": iso(count["as_of"])} | {name: count[name] for name in COUNTED_NAMES}


def _add_analysis(connection: Connection, answer: dict[str, Any], rows: dict[str, Any], *, analysed: bool) -> None:
    """Add the figures of the last analysis of the scope; None for a scope that is not analysed."""
    found = connection.execute(statement("metrics/select_analysis_figures"), rows).scalar() if analysed else None
    stored = found or {"system": {}, "net": {}, "agents": {}}
    answer |= {name: stored["system"].get(name) for name in ANALYSED_NAMES}
    answer["net"] |= {name: stored["net"].get(name) for name in ANALYSED_NET_NAMES}
    for agent, one in answer["agent_performance"].items():
        one |= {name: stored["agents"].get(agent, {}).get(name) for name in ANALYSED_AGENT_NAMES}


def _groups(connection: Connection, rows: dict[str, Any], by: Breakdown) -> list[dict[str, Any]]:
    """The figures of each group, in order of its value, the group without a value last."""
    rows, series = rows | {"by": by.value}, read_series_days(connection)
    days = _count_days(connection, rows)
    # The price decides what ends a trade, and agents are scored on the price.
    agents = {} if by is Breakdown.EXIT_REASON else _count_agents(connection, rows)
    values = sorted({value for value, _ in days} | agents.keys(), key=lambda value: (value is None, value or ""))
    groups = [{by.value: label_group(by, value)} | _figures(days, agents, value, series) for value in values]
    if by is Breakdown.EXIT_REASON:
        groups = [group | {"agent_performance": None} for group in groups]
    return groups


def _figures(days: _Days, agents: _Agents, group: str | None, series: SeriesDays) -> dict[str, Any]:
    gross, net = (days.get((group, after_fees), []) for after_fees in (False, True))
    return _compose(gross, net, map(agent_sums, agents.get(group, [])), series)


def _compose(
    gross: Sequence[DaySums], net: Sequence[DaySums], agents: Iterable[AgentSums], series: SeriesDays
) -> dict[str, Any]:
    days = count_days(gross[0].day, gross[-1].day, series) if gross else 0
    return compose_whole(days, compose_system(gross, series), compose_system(net, series), agents)


def compose_whole(
    days: int, gross: Mapping[str, Any], net: Mapping[str, Any], agents: Iterable[AgentSums]
) -> dict[str, Any]:
    """All figures of a scope over `days` days of the daily series: gross, after fees, and its agents'."""
    return {
        "days": days,
        **gross,
        "net": dict(net),
        "agent_performance": {one.agent: compose_agent(msgspec.structs.asdict(one)) for one in agents},
    }


def read_days(
    connection: Connection, rows: Mapping[str, Any], from_day: date | None = None
) -> tuple[list[DaySums], list[DaySums]]:
    """The days of a scope from the rollup, in order, from `from_day` on: gross, and after fees."""
    gross, net = (
        [
            DaySums(*row)
            for row in connection.execute(
                statement("metrics/select_daily_scores"), {**rows, "after_fees": after_fees, "from_day": from_day}
            ).all()
        ]
        for after_fees in (False, True)
    )
    return gross, net


def read_agents(
    connection: Connection, rows: Mapping[str, Any], from_day: date | None = None, to_day: date | None = None
) -> list[AgentSums]:
    """Each agent's sums in a scope over days of the rollup, in [from_day, to_day)."""
    found = connection.execute(
        statement("metrics/select_agent_daily_scores"), {**rows, "from_day": from_day, "to_day": to_day}
    )
    return [agent_sums(row) for row in found.mappings()]


def _count_days(connection: Connection, rows: dict[str, Any]) -> _Days:
    """The days of each group, counted from the trades."""
    days: defaultdict[tuple[str | None, bool], list[DaySums]] = defaultdict(list)
    for group, after_fees, *sums in connection.execute(statement("metrics/count_days"), rows):
        days[group, after_fees].append(DaySums(*sums))
    return days


def _count_agents(connection: Connection, rows: dict[str, Any]) -> _Agents:
    """Each agent's counts in each group, counted from its signals."""
    agents: defaultdict[str | None, list[Mapping[Any, Any]]] = defaultdict(list)
    for row in connection.execute(statement("metrics/count_agents"), rows).mappings():
        agents[row["group_value"]].append(row)
    return agents

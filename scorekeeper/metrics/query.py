"""The score of a selection: `system_metrics`, from the scorecard, the rollups or the rows."""

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
from scorekeeper.metrics.part_sums import compose_stretches
from scorekeeper.metrics.selection import Agents, Trades, read_selected_agents, read_selected_trades
from scorekeeper.metrics.series_days import SeriesDays, count_days
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement


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
    composed from the rollups. A period and a breakdown are composed from what is added up of their whole days, and
    counted from the rows of the other days (selection.py). With suspect decisions, without late ones, by parts of a
    symbol, and by hour or weekday of another zone than UTC, all is counted from the rows, which takes longer. `whole`
    has the figures where the caller has composed them.

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
    # By itself: a moment that the planner knows finds the living trades by their indexes, in any history.
    market = connection.execute(statement("market/select_market")).one_or_none()
    tracked = None if market is None else market.last_as_of
    rows |= {"at": at or tracked, "by": None, "zone": zone}
    count = {**connection.execute(statement("metrics/count_trades"), rows).mappings().one(), "as_of": tracked}
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
                else _figures(*_select(connection, rows, count["as_of"]), None, series)
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
    return answer if by is None else answer | {"by": by.value, "groups": _groups(connection, rows, by, count["as_of"])}


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


def _groups(
    connection: Connection, rows: dict[str, Any], by: Breakdown, tracked: datetime | None
) -> list[dict[str, Any]]:
    """The figures of each group, in order of its value, the group without a value last."""
    series = read_series_days(connection)
    trades, agents = _select(connection, rows | {"by": by.value}, tracked)
    values = sorted({value for value, _ in trades} | agents.keys(), key=lambda value: (value is None, value or ""))
    groups = [{by.value: label_group(by, value)} | _figures(trades, agents, value, series) for value in values]
    if by is Breakdown.EXIT_REASON:
        groups = [group | {"agent_performance": None} for group in groups]
    return groups


def _select(connection: Connection, rows: dict[str, Any], tracked: datetime | None) -> tuple[Trades, Agents]:
    """The trades and the agents' sums of each group of a selection."""
    trades = read_selected_trades(connection, rows)
    # The price decides what ends a trade, and agents are scored on the price.
    of_exits = rows["by"] == Breakdown.EXIT_REASON
    return trades, {} if of_exits else read_selected_agents(connection, rows, tracked)


def _figures(trades: Trades, agents: Agents, group: str | None, series: SeriesDays) -> dict[str, Any]:
    days, gross = compose_stretches(trades.get((group, False), []), series)
    _, net = compose_stretches(trades.get((group, True), []), series)
    return compose_whole(days, gross, net, agents.get(group, []))


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

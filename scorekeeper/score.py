"""The rollups, and the answer that is composed from them."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, text

from scorekeeper.domain.metrics import DayPieces, compose_agent, compose_system, iso, metrics_line
from scorekeeper.domain.recount import ClosedTrade, Said, count_agent_day, count_day
from scorekeeper.store.sql import statement

SCORE_LOCK = 0x5C0_0004


def score_stale_days(connection: Connection, as_of: datetime) -> int:
    """Make the rollups again of the days whose trades changed, and write a line of metrics for what closed; days.

    What closed after `as_of` counts nowhere yet.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCORE_LOCK})
    stale: defaultdict[str, list[date]] = defaultdict(list)
    for kind, day in connection.execute(statement("take_stale_days")):
        stale[kind].append(day)
    if stale["system"]:
        connection.execute(statement("delete_daily_scores"), {"days": stale["system"]})
        connection.execute(statement("score_days"), {"days": stale["system"], "as_of": as_of})
    if stale["agent"]:
        connection.execute(statement("delete_agent_daily_scores"), {"days": stale["agent"]})
        connection.execute(statement("score_agent_days"), {"days": stale["agent"], "as_of": as_of})
    connection.execute(statement("keep_stale_days"), {"as_of": as_of})
    for version in connection.execute(statement("select_versions_to_report"), {"as_of": as_of}).scalars().all():
        insert_metrics_line(connection, as_of, version)
    return len(stale["system"]) + len(stale["agent"])


def insert_metrics_line(connection: Connection, as_of: datetime, version: str | None) -> None:
    """Note a line with the metrics of `version` (None: all) for the log."""
    line = metrics_line(system_metrics(connection, version=version, at=as_of), as_of)
    connection.execute(statement("insert_metrics_event"), {"log_line": line})


def system_metrics(
    connection: Connection,
    *,
    version: str | None = None,
    symbol: str | None = None,
    include_suspect: bool = False,
    at: datetime | None = None,
) -> dict[str, Any]:
    """The answer of docs/metrics.md for a scope (None: all), ready for JSON: undefined is None, times end in Z.

    What opened after `at` (None: the last as_of of track) does not count yet. With `include_suspect` trades and signals
    whose price is suspect count too; then it is counted from the rows, which takes longer.
    """
    scope = {"version": version, "symbol": symbol}
    counts = connection.execute(statement("count_trades"), scope | {"include_suspect": include_suspect, "at": at})
    count = counts.mappings().one()
    rows = scope | {"include_suspect": True, "at": at or count["as_of"]}
    read_days, read_agents = (_count_days, _count_agents) if include_suspect else (_read_days, _read_agents)
    gross, net = (read_days(connection, rows, after_fees=fees) for fees in (False, True))
    return {
        "version": version,
        "symbol": symbol,
        "as_of": iso(count["as_of"]),
        "days": (gross[-1].day - gross[0].day).days + 1 if gross else 0,
        "suspect_trades": count["suspect_trades"],
        "late_decisions": count["late_decisions"],
        "active_trades": count["active_trades"],
        **compose_system(gross),
        "net": compose_system(net),
        "agent_performance": {row["agent"]: compose_agent(row) for row in read_agents(connection, rows)},
    }


def _read_days(connection: Connection, scope: dict[str, Any], *, after_fees: bool) -> list[DayPieces]:
    """The scope's days from the rollup."""
    rows = connection.execute(statement("select_daily_scores"), scope | {"after_fees": after_fees})
    return [DayPieces(**row) for row in rows.mappings()]


def _count_days(connection: Connection, scope: dict[str, Any], *, after_fees: bool) -> list[DayPieces]:
    """The scope's days from its trades."""
    days: defaultdict[date, list[ClosedTrade]] = defaultdict(list)
    for t in connection.execute(statement("select_scored_trades"), scope):
        pnl = t.net_pnl_pct if after_fees else t.pnl_pct
        trade = ClosedTrade(t.trade_id, t.opened_at, t.exit_time, pnl, t.mfe_pct, t.mae_pct)
        days[t.exit_time.astimezone(UTC).date()].append(trade)
    return [DayPieces(day, **count_day(trades)) for day, trades in sorted(days.items())]


def _read_agents(connection: Connection, scope: dict[str, Any]) -> list[Mapping[Any, Any]]:
    """Each agent's counts from the rollup."""
    return list(connection.execute(statement("select_agent_daily_scores"), scope).mappings())


def _count_agents(connection: Connection, scope: dict[str, Any]) -> list[Mapping[Any, Any]]:
    """Each agent's counts from what it said."""
    said: defaultdict[str, list[Said]] = defaultdict(list)
    for s in connection.execute(statement("select_scored_signals"), scope):
        said[s.agent].append(Said(s.direction, s.confidence, s.horizon_return_pct, s.backed, s.pnl_pct))
    return [{"agent": agent, **count_agent_day(one)} for agent, one in sorted(said.items())]

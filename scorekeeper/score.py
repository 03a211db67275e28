"""The rollups, and the answer that is composed from them."""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from scorekeeper.domain.metrics import DayPieces, compose_agent, compose_system, iso, metrics_line
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
    connection: Connection, *, version: str | None = None, symbol: str | None = None, at: datetime | None = None
) -> dict[str, Any]:
    """The answer of docs/metrics.md for a scope (None: all), ready for JSON: undefined is None, times end in Z.

    What opened after `at` (None: the last as_of of track) does not count yet.
    """
    scope = {"version": version, "symbol": symbol}
    counts = connection.execute(statement("count_trades"), scope | {"at": at}).mappings().one()
    gross, net = (
        [
            DayPieces(**row)
            for row in connection.execute(statement("select_daily_scores"), {**scope, "after_fees": fees}).mappings()
        ]
        for fees in (False, True)
    )
    agents = connection.execute(statement("select_agent_daily_scores"), scope).mappings()
    days = (gross[-1].day - gross[0].day).days + 1 if gross else 0
    return {
        "version": version,
        "symbol": symbol,
        "as_of": iso(counts["as_of"]),
        "days": days,
        "suspect_trades": counts["suspect_trades"],
        "late_decisions": counts["late_decisions"],
        "active_trades": counts["active_trades"],
        **compose_system(gross),
        "net": compose_system(net),
        "agent_performance": {row["agent"]: compose_agent(row) for row in agents},
    }

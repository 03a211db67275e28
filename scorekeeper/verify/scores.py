"""The score once more from the trades and signals as stored: rollups, metrics, and what is to be published."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date
from json import dumps, loads
from typing import Any

from sqlalchemy import Connection

from scorekeeper.metrics import query
from scorekeeper.metrics.scorecard import find_wrong_sums
from scorekeeper.store.sql import statement
from scorekeeper.verify import recount
from scorekeeper.verify.recount import ClosedTrade, Said

Scope = tuple[str | None, str | None]
# What changes in an answer as soon as decisions are ingested or voided.
_FOLLOW_INGEST = ("as_of", "suspect_trades", "late_decisions", "active_trades")


def check_score(connection: Connection) -> Iterator[str]:
    """Every difference between rollups, metrics and events and a recount, a line each."""
    stale = {(row.kind, row.day) for row in connection.execute(statement("verify/select_stale_days"))}
    trades = _read_trades(connection)
    said = _read_said(connection)
    yield from _check_days(connection, trades, {day for kind, day in stale if kind == "system"})
    yield from _check_agent_days(connection, said, {day for kind, day in stale if kind == "agent"})
    if not stale:
        yield from _check_metrics(connection, trades, said)
        yield from _check_scorecards(connection)
    for trade_id, missing in connection.execute(statement("verify/select_missing_events")):
        yield f"decision {trade_id}: no line is published of its {missing}"


def _scopes(version: str, symbol: str) -> tuple[Scope, ...]:
    return (None, None), (version, None), (None, symbol), (version, symbol)


def _read_trades(connection: Connection) -> dict[tuple[Scope, bool], list[ClosedTrade]]:
    """Closed trades that count, by scope and basis (True: after fees)."""
    found: defaultdict[tuple[Scope, bool], list[ClosedTrade]] = defaultdict(list)
    for t in connection.execute(statement("verify/select_scored_trades")):
        for after_fees, pnl in ((False, t.pnl_pct), (True, t.net_pnl_pct)):
            trade = ClosedTrade(t.trade_id, t.opened_at, t.exit_time, pnl, t.mfe_pct, t.mae_pct)
            for scope in _scopes(t.version, t.symbol):
                found[scope, after_fees].append(trade)
    return found


def _read_said(connection: Connection) -> dict[tuple[Scope, str], list[tuple[date, Said]]]:
    """What was said of decisions that count, each with its day, by scope and agent."""
    found: defaultdict[tuple[Scope, str], list[tuple[date, Said]]] = defaultdict(list)
    for s in connection.execute(statement("verify/select_scored_signals")):
        said = Said(s.direction, s.confidence, s.horizon_return_pct, s.backed, s.pnl_pct)
        for scope in _scopes(s.version, s.symbol):
            found[scope, s.agent].append((s.expires_at.astimezone(UTC).date(), said))
    return found


def _check_days(
    connection: Connection, trades: dict[tuple[Scope, bool], list[ClosedTrade]], stale: set[date]
) -> Iterator[str]:
    wanted: defaultdict[tuple[Any, ...], list[ClosedTrade]] = defaultdict(list)
    for ((version, symbol), after_fees), closed in trades.items():
        for trade in closed:
            wanted[trade.exit_time.astimezone(UTC).date(), version, symbol, after_fees].append(trade)
    stored = {
        (row["day"], row["version"], row["symbol"], row["after_fees"]): row
        for row in connection.execute(statement("verify/select_all_daily_scores")).mappings()
    }
    for key in sorted(wanted.keys() | stored.keys(), key=str):
        if key[0] not in stale:
            expected = recount.count_day(wanted[key]) if key in wanted else {"trades": 0}
            yield from _compare("daily_score", key, stored.get(key, {"trades": 0}), expected)


def _check_agent_days(
    connection: Connection, said: dict[tuple[Scope, str], list[tuple[date, Said]]], stale: set[date]
) -> Iterator[str]:
    wanted: defaultdict[tuple[Any, ...], list[Said]] = defaultdict(list)
    for ((version, symbol), agent), sayings in said.items():
        for day, one in sayings:
            wanted[day, version, symbol, agent].append(one)
    stored = {
        (row["day"], row["version"], row["symbol"], row["agent"]): row
        for row in connection.execute(statement("verify/select_all_agent_daily_scores")).mappings()
    }
    for key in sorted(wanted.keys() | stored.keys(), key=str):
        if key[0] not in stale:
            expected = recount.count_agent_day(wanted[key])
            yield from _compare("agent_daily_score", key, stored.get(key, {}), expected)


def _check_metrics(
    connection: Connection,
    trades: dict[tuple[Scope, bool], list[ClosedTrade]],
    said: dict[tuple[Scope, str], list[tuple[date, Said]]],
) -> Iterator[str]:
    for version, symbol in sorted({scope for scope, _ in trades} | {scope for scope, _ in said}, key=str):
        scope = (version, symbol)
        answer = query.system_metrics(connection, version=version, symbol=symbol, compose=True)
        yield from _compare("metrics", scope, answer, recount.count_system(trades.get((scope, False), [])))
        yield from _compare("net metrics", scope, answer["net"], recount.count_system(trades.get((scope, True), [])))
        for agent in sorted(agent for one, agent in said if one == scope):
            expected = recount.count_agent([one for _, one in said[scope, agent]])
            yield from _compare(f"agent {agent}", scope, answer["agent_performance"].get(agent, {}), expected)


def _check_scorecards(connection: Connection) -> Iterator[str]:
    yield from (
        f"scorecard {version}: what is kept of earlier days is not what they come to"
        for version in find_wrong_sums(connection)
    )
    for version, as_of, kept in connection.execute(statement("verify/select_scorecards")):
        answer = query.system_metrics(connection, version=version, at=as_of, compose=True)
        wanted = {name: value for name, value in answer.items() if name not in _FOLLOW_INGEST}
        yield from (
            f"scorecard {version}: {name} is {kept.get(name)}, composed anew {value}"
            for name, value in loads(dumps(wanted)).items()
            if kept.get(name) != value
        )


def _compare(what: str, key: object, found: Any, wanted: dict[str, Any]) -> Iterator[str]:
    for name in recount.differ(found, wanted):
        yield f"{what} {key}: {name} is {found.get(name)}, recounted {wanted[name]}"

"""Rollups, metrics, scorecards and the list of lines to publish, compared with a recount of trades and signals."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime
from json import dumps, loads
from typing import Any

from sqlalchemy import Connection

from scorekeeper.metrics import query
from scorekeeper.metrics.scorecard import find_wrong_sums
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement
from scorekeeper.verify.market_year import market_year
from scorekeeper.verify.recount import ClosedTrade, count_day, count_system, differ
from scorekeeper.verify.recount_agents import JudgedSignal, count_agent, count_agent_day
from scorekeeper.verify.recount_money import TermedTrade, count_terms

Scope = tuple[str | None, str | None]
# Figures that change as soon as decisions are ingested or voided, before the next scorecard.
_FOLLOW_INGEST = ("as_of", "suspect_trades", "late_decisions", "active_trades")


def check_score(connection: Connection) -> Iterator[str]:
    """One line per difference between rollups, metrics, scorecards or events and their recount."""
    stale = {(row.kind, row.day) for row in connection.execute(statement("verify/select_stale_days"))}
    kept_from = read_kept_from(connection)
    trades = _read_trades(connection, kept_from)
    signals = _read_signals(connection, kept_from)
    # Of earlier days not all decisions are there: their rollups are what was made of all of them.
    first = date.min if kept_from is None else kept_from.astimezone(UTC).date()
    yield from _check_days(connection, trades, {day for kind, day in stale if kind == "system"}, first)
    yield from _check_agent_days(connection, signals, {day for kind, day in stale if kind == "agent"}, first)
    if not stale:
        yield from _check_metrics(connection, trades, signals, kept_from)
        yield from _check_scorecards(connection)
    for trade_id, missing in connection.execute(statement("verify/select_missing_events")):
        yield f"decision {trade_id}: no line is published of its {missing}"


def _scopes(version: str, symbol: str) -> tuple[Scope, ...]:
    return (None, None), (version, None), (None, symbol), (version, symbol)


def _read_trades(
    connection: Connection, kept_from: datetime | None
) -> dict[tuple[Scope, bool], list[ClosedTrade]]:
    """The closed trades that count, by scope and basis (True: P&L after fees)."""
    found: defaultdict[tuple[Scope, bool], list[ClosedTrade]] = defaultdict(list)
    for t in connection.execute(statement("verify/select_scored_trades")):
        if kept_from is not None and t.exit_time < kept_from:
            continue
        for after_fees, pnl in ((False, t.pnl_pct), (True, t.net_pnl_pct)):
            trade = ClosedTrade(t.trade_id, t.opened_at, t.exit_time, pnl, t.mfe_pct, t.mae_pct)
            for scope in _scopes(t.version, t.symbol):
                found[scope, after_fees].append(trade)
    return found


def _read_terms(connection: Connection, kept_from: datetime | None) -> dict[Scope, list[TermedTrade]]:
    """The closed trades that count and have terms beside the fee, by scope."""
    found: defaultdict[Scope, list[TermedTrade]] = defaultdict(list)
    for row in connection.execute(statement("verify/select_termed_trades")).mappings():
        if kept_from is not None and row["exit_time"] < kept_from:
            continue
        trade = TermedTrade(**{field.name: row[field.name] for field in fields(TermedTrade)})
        for scope in _scopes(row["version"], row["symbol"]):
            found[scope].append(trade)
    return found


def _read_signals(
    connection: Connection, kept_from: datetime | None
) -> dict[tuple[Scope, str], list[tuple[date, JudgedSignal]]]:
    """The signals on decisions that count, each with the UTC day of its expiry, by scope and agent."""
    found: defaultdict[tuple[Scope, str], list[tuple[date, JudgedSignal]]] = defaultdict(list)
    for s in connection.execute(statement("verify/select_scored_signals")):
        if kept_from is not None and s.expires_at < kept_from:
            continue
        signal = JudgedSignal(s.direction, s.confidence, s.horizon_return_pct, s.backed, s.pnl_pct)
        for scope in _scopes(s.version, s.symbol):
            found[scope, s.agent].append((s.expires_at.astimezone(UTC).date(), signal))
    return found


def _check_days(
    connection: Connection, trades: dict[tuple[Scope, bool], list[ClosedTrade]], stale: set[date], first: date
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
        if key[0] >= first and key[0] not in stale:
            expected = count_day(wanted[key]) if key in wanted else {"trades": 0}
            yield from _compare("daily_score", key, stored.get(key, {"trades": 0}), expected)


def _check_agent_days(
    connection: Connection,
    signals: dict[tuple[Scope, str], list[tuple[date, JudgedSignal]]],
    stale: set[date],
    first: date,
) -> Iterator[str]:
    wanted: defaultdict[tuple[Any, ...], list[JudgedSignal]] = defaultdict(list)
    for ((version, symbol), agent), given in signals.items():
        for day, one in given:
            wanted[day, version, symbol, agent].append(one)
    stored = {
        (row["day"], row["version"], row["symbol"], row["agent"]): row
        for row in connection.execute(statement("verify/select_all_agent_daily_scores")).mappings()
    }
    for key in sorted(wanted.keys() | stored.keys(), key=str):
        if key[0] >= first and key[0] not in stale:
            expected = count_agent_day(wanted[key])
            yield from _compare("agent_daily_score", key, stored.get(key, {}), expected)


def _check_metrics(
    connection: Connection,
    trades: dict[tuple[Scope, bool], list[ClosedTrade]],
    signals: dict[tuple[Scope, str], list[tuple[date, JudgedSignal]]],
    kept_from: datetime | None,
) -> Iterator[str]:
    termed = _read_terms(connection, kept_from)
    calendar = connection.execute(statement("market/select_calendar")).scalar()
    exits = [trade.exit_time.date() for closed in trades.values() for trade in closed]
    market = market_year(calendar, min(exits), max(exits)) if exits else None
    for version, symbol in sorted({scope for scope, _ in trades} | {scope for scope, _ in signals}, key=str):
        scope = (version, symbol)
        found = query.system_metrics(connection, version=version, symbol=symbol, since=kept_from, compose=True)
        yield from _compare("metrics", scope, found, count_system(trades.get((scope, False), []), market))
        yield from _compare("net metrics", scope, found["net"], count_system(trades.get((scope, True), []), market))
        for agent in sorted(agent for one, agent in signals if one == scope):
            expected = count_agent([one for _, one in signals[scope, agent]])
            yield from _compare(f"agent {agent}", scope, found["agent_performance"].get(agent, {}), expected)
        counted = count_terms(termed[scope])
        if found.get("net_holds") != counted.get("net_holds"):
            yield f"metrics {scope}: net_holds is {found.get('net_holds')}, recounted {counted.get('net_holds')}"
        yield from _compare("money", scope, found.get("money", {}), counted.get("money", {}))


def _check_scorecards(connection: Connection) -> Iterator[str]:
    yield from (
        f"scorecard {version}: its stored sums of earlier days differ from those days"
        for version in find_wrong_sums(connection)
    )
    for version, as_of, kept in connection.execute(statement("verify/select_scorecards")):
        composed = query.system_metrics(connection, version=version, at=as_of, compose=True, money=False)
        wanted = {name: value for name, value in composed.items() if name not in _FOLLOW_INGEST}
        yield from (
            f"scorecard {version}: {name} is {kept.get(name)}, composed again {value}"
            for name, value in loads(dumps(wanted)).items()
            if kept.get(name) != value
        )


def _compare(what: str, key: object, found: Any, wanted: dict[str, Any]) -> Iterator[str]:
    for name in differ(found, wanted):
        yield f"{what} {key}: {name} is {found.get(name)}, recounted {wanted[name]}"

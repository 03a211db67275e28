"""Rollups, metrics, scorecards and the list of lines to publish, compared with a recount of trades and signals.

Trades and signals pass by once, in order of their days. What is kept of them are sums, for each selection and day.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby, islice
from json import dumps, loads
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from scorekeeper.metrics import query
from scorekeeper.metrics.scorecard import find_wrong_sums
from scorekeeper.store.retention import read_kept_from
from scorekeeper.store.sql import statement
from scorekeeper.verify.market_year import market_year
from scorekeeper.verify.progress import Progress, silent
from scorekeeper.verify.recount import differ
from scorekeeper.verify.recount_money import TermedTrade, TermsTally
from scorekeeper.verify.tallied import count_figures
from scorekeeper.verify.tally import Chunk, Tally, make_chunk, to_decimal
from scorekeeper.verify.tally_agents import AgentTally

ROWS_AT_ONCE = 5_000
DECISIONS_AT_ONCE = 20_000  # in the days whose signals are asked for at once; a day is never cut
Scope = tuple[str | None, str | None]
# Figures that change as soon as decisions are ingested or voided, before the next scorecard.
_FOLLOW_INGEST = ("as_of", "suspect_trades", "late_decisions", "active_trades")


@dataclass
class _Whole:
    """All days of a selection and basis: their sum, and what each gained."""

    tally: Tally = field(default_factory=Tally)
    days: "array[int]" = field(default_factory=lambda: array("i"))
    digits: "array[int]" = field(default_factory=lambda: array("i"))
    gained: list[int] = field(default_factory=list)

    def follow(self, day: date, tally: Tally) -> None:
        self.days.append(day.toordinal())
        self.digits.append(tally.digits)
        self.gained.append(tally.sums["all"])
        self.tally.follow(tally)

    def earned(self) -> dict[date, Decimal]:
        listed = zip(self.days, self.gained, self.digits, strict=True)
        return {date.fromordinal(day): to_decimal(gained, digits) for day, gained, digits in listed}


Wholes = dict[tuple[Scope, bool], _Whole]
Agents = dict[tuple[Scope, str], AgentTally]


def check_score(connection: Connection, progress: Progress = silent) -> Iterator[str]:
    """One line per difference between rollups, metrics, scorecards or events and their recount."""
    stale = {(row.kind, row.day) for row in connection.execute(statement("verify/select_stale_days"))}
    kept_from = read_kept_from(connection)
    # Of earlier days not all decisions are there: their rollups are what was made of all of them.
    first = date.min if kept_from is None else kept_from.astimezone(UTC).date()
    wholes: Wholes = defaultdict(_Whole)
    agents: Agents = defaultdict(AgentTally)
    yield from _check_days(
        connection, wholes, {day for kind, day in stale if kind == "system"}, first, kept_from, progress
    )
    yield from _check_agent_days(
        connection, agents, {day for kind, day in stale if kind == "agent"}, first, kept_from, progress
    )
    if not stale:
        yield from _check_metrics(connection, wholes, agents, kept_from)
        yield from _check_scorecards(connection)
    for trade_id, missing in connection.execute(statement("verify/select_missing_events")):
        yield f"decision {trade_id}: no line is published of its {missing}"


def _stream(connection: Connection, name: str, **given: Any) -> Any:
    return connection.execute(statement(name).execution_options(yield_per=ROWS_AT_ONCE), given)


def _scopes(version: str, symbol: str) -> tuple[Scope, ...]:
    return (None, None), (version, None), (None, symbol), (version, symbol)


def _check_days(
    connection: Connection,
    wholes: Wholes,
    stale: set[date],
    first: date,
    kept_from: datetime | None,
    progress: Progress,
) -> Iterator[str]:
    names = ("version", "symbol", "after_fees")
    rows = _stream(connection, "verify/select_all_daily_scores").mappings()
    stored = groupby(rows, itemgetter("day"))
    trades = groupby(_stream(connection, "verify/select_scored_trades", kept_from=kept_from), itemgetter(0))
    digits = 0
    for day, found, closed in _by_day(stored, trades):
        kept = {tuple(row[name] for name in names): row for row in found}
        wanted: dict[tuple[Any, ...], Tally] = defaultdict(Tally)
        while chunk := list(islice(closed, ROWS_AT_ONCE)):
            digits = _add_trades(wanted, chunk, digits)
            progress("trades of the rollups", len(chunk))
        for (version, symbol, after_fees), tally in wanted.items():
            tally.close()
            wholes[(version, symbol), after_fees].follow(day, tally)
        if day >= first and day not in stale:
            for key in sorted(wanted.keys() | kept.keys(), key=str):
                expected = wanted[key].as_day() if key in wanted else {"trades": 0}
                yield from _compare("daily_score", (day, *key), kept.get(key, {"trades": 0}), expected)


def _by_day(
    stored: Iterable[tuple[date, Iterable[Any]]], wanted: Iterable[tuple[date, Iterable[Any]]]
) -> Iterator[tuple[date, Iterable[Any], Iterator[Any]]]:
    """The days of either, in order, with what each has of them."""
    left, right = iter(stored), iter(wanted)
    here, there = next(left, None), next(right, None)
    while here is not None or there is not None:
        day = min(one[0] for one in (here, there) if one is not None)
        yield (
            day,
            here[1] if here is not None and here[0] == day else (),
            iter(there[1] if there is not None and there[0] == day else ()),
        )
        here = next(left, None) if here is not None and here[0] == day else here
        there = next(right, None) if there is not None and there[0] == day else there


def _add_trades(wanted: dict[tuple[Any, ...], Tally], rows: list[Any], digits: int) -> int:
    """Count trades of one day in each scope and basis. Returns how many digits they are counted with."""
    _, versions, symbols, exits, opened, best, worst, gross, net = zip(*rows, strict=True)
    chunk = make_chunk(exits, opened, best, worst, (gross, net), digits)
    places: defaultdict[Scope, list[int]] = defaultdict(list)
    for place, both in enumerate(zip(versions, symbols, strict=True)):
        for scope in _scopes(*both)[1:]:
            places[scope].append(place)
    _add_chunk(wanted, (None, None), chunk)
    for scope, chosen in places.items():
        _add_chunk(wanted, scope, chunk.choose(chosen))
    return chunk.digits


def _add_chunk(wanted: dict[tuple[Any, ...], Tally], scope: Scope, chunk: Chunk) -> None:
    for after_fees, basis in zip((False, True), chunk.bases, strict=True):
        wanted[*scope, after_fees].add(chunk, basis)


def _check_agent_days(
    connection: Connection,
    agents: Agents,
    stale: set[date],
    first: date,
    kept_from: datetime | None,
    progress: Progress,
) -> Iterator[str]:
    names = ("version", "symbol", "agent")
    rows = _stream(connection, "verify/select_all_agent_daily_scores").mappings()
    stored = groupby(rows, itemgetter("day"))
    for day, found, said in _by_day(stored, _tally_signals(connection, kept_from, progress)):
        kept = {tuple(row[name] for name in names): row for row in found}
        wanted: dict[tuple[Any, ...], AgentTally] = defaultdict(AgentTally)
        for (version, symbol, agent), tally in said:
            for scope in _scopes(version, symbol):
                wanted[*scope, agent].join(tally)
        for (version, symbol, agent), tally in wanted.items():
            agents[(version, symbol), agent].join(tally)
        if day >= first and day not in stale:
            for key in sorted(wanted.keys() | kept.keys(), key=str):
                yield from _compare("agent_daily_score", (day, *key), kept.get(key, {}), wanted[key].as_day())


def _tally_signals(
    connection: Connection, kept_from: datetime | None, progress: Progress
) -> Iterator[tuple[date, Iterable[tuple[tuple[str, str, str], AgentTally]]]]:
    """The signals on decisions that count, by UTC day of expiry: version, symbol, agent, and what was counted."""
    days = connection.execute(statement("verify/count_expiries"), {"kept_from": kept_from}).all()
    for since, until, decisions in _windows(days):
        given = {"since": _midnight(since), "until": _midnight(until)}
        for day, rows in groupby(_stream(connection, "verify/select_scored_signals", **given), itemgetter(0)):
            found: defaultdict[tuple[str, str, str], AgentTally] = defaultdict(AgentTally)
            for row in rows:
                # By place: by name each value would take the driver's row as long as to count it.
                (_, version, symbol, agent, is_sure, direction, moved, backed, ended, confidence, is_right,
                 signals, sum_return_pct) = row  # fmt: skip
                tally = found[version, symbol, agent]
                if is_sure:
                    tally.add_sure(signals, confidence, right=is_right)
                else:
                    tally.add_said(signals, direction, moved, sum_return_pct, backed, ended)
            yield day, found.items()
        progress("decisions of the agents' rollups", decisions)


def _windows(days: Iterable[Any]) -> Iterator[tuple[date, date, int]]:
    """Days that are asked for at once: the first, the day after the last, and the number of decisions."""
    since, until, decisions = None, date.min, 0
    for day, count in days:
        since, until, decisions = since or day, day + timedelta(days=1), decisions + count
        if decisions >= DECISIONS_AT_ONCE:
            yield since, until, decisions
            since, decisions = None, 0
    if since is not None:
        yield since, until, decisions


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _tally_terms(connection: Connection, kept_from: datetime | None) -> dict[Scope, TermsTally]:
    """The closed trades that count and have terms beside the fee, by scope."""
    found: defaultdict[Scope, TermsTally] = defaultdict(TermsTally)
    for row in _stream(connection, "verify/select_termed_trades", kept_from=kept_from).mappings():
        trade = TermedTrade(**{field.name: row[field.name] for field in fields(TermedTrade)})
        for scope in _scopes(row["version"], row["symbol"]):
            found[scope].add(trade)
    return found


def _check_metrics(
    connection: Connection, wholes: Wholes, agents: Agents, kept_from: datetime | None
) -> Iterator[str]:
    termed = _tally_terms(connection, kept_from)
    calendar = connection.execute(statement("market/select_calendar")).scalar()
    every = wholes.get(((None, None), False))
    market = None
    if every is not None:
        market = market_year(calendar, date.fromordinal(every.days[0]), date.fromordinal(every.days[-1]))
    names: defaultdict[Scope, list[str]] = defaultdict(list)
    for scope, agent in agents:
        names[scope].append(agent)
    for scope in sorted({scope for scope, _ in wholes} | names.keys(), key=str):
        version, symbol = scope
        found = query.system_metrics(connection, version=version, symbol=symbol, since=kept_from, compose=True)
        for what, after_fees, answer in (("metrics", False, found), ("net metrics", True, found["net"])):
            whole = wholes.get((scope, after_fees)) or _Whole()
            yield from _compare(what, scope, answer, count_figures(whole.tally, whole.earned(), market))
        for agent in sorted(names.get(scope, ())):
            expected = agents[scope, agent].figures()
            yield from _compare(f"agent {agent}", scope, found["agent_performance"].get(agent, {}), expected)
        counted: Mapping[str, Any] = termed[scope].count() if scope in termed else {}
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

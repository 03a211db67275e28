"""What is added up for breakdowns, compared with a recount of the trades and signals of each stretch of days.

Of each stretch that is counted from rows, every part of trades is recounted; of the agents' parts those of one
breakdown, another one from stretch to stretch. The parts of every breakdown, of all versions and of each, must add up
to the rows of the stretch; those of a stretch that consists of others, to these. One stretch's rows are in memory at a
time.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, localcontext
from json import loads
from typing import Any

from sqlalchemy import Connection

from scorekeeper.store.sql import statement
from scorekeeper.verify.recount import EXACT_DIGITS, exact
from scorekeeper.verify.recount_agents import JudgedSignal, count_agent_day
from scorekeeper.verify.tally import Tally, make_chunk
from scorekeeper.verify.tally_agents import AgentTally

_BREAKDOWNS = ("hour", "side", "confidence", "version", "interval", "weekday", "exit_reason", "symbol")
# What the parts of a breakdown have that adds up.
_TRADES = (
    "trades", "winners", "losers", "sum_pct", "sum_squares", "sum_winners_pct", "sum_losers_pct", "hold_seconds",
    "hold_seconds_winners", "hold_seconds_losers", "sum_mfe_pct", "sum_mae_pct", "sum_given_back_pct",
)  # fmt: skip
_SIGNALS = (
    "signals", "calls", "correct", "incorrect", "brier_calls", "sum_call_return_pct", "sum_brier", "supported_winners",
    "supported_losers", "opposed_winners", "opposed_losers", "abstained_winners", "abstained_losers",
)  # fmt: skip
_BINS = ("bin_correct", "bin_confidence")
_Totals = Any  # a Counter of exact sums over all parts, by what is summed
_Scope = tuple[str, str | None]  # breakdown and version (None: all)
_Parts = dict[Any, dict[str, Any]]  # the columns, by part and basis, or by part and agent


def check_part_blocks(connection: Connection) -> Iterator[str]:
    """One line per stretch, breakdown and version whose parts are not what its rows come to.

    A stretch with a changed day is left out, as answers leave it out.
    """
    totals: dict[tuple[str, int], dict[tuple[Any, Any], dict[tuple[str, str | None], _Totals]]] = defaultdict(dict)
    for number, block in enumerate(connection.execute(statement("verify/select_part_blocks")).all()):
        where = f"part_sums {block.kind} {block.first_day} to {block.last_day}"
        given = {"kind": block.kind, "first_day": block.first_day, "last_day": block.last_day}
        stored = {
            (row.breakdown, row.version): loads(row.parts)
            for row in connection.execute(statement("verify/select_part_sums"), given)
        }
        add = _total_trades if block.kind == "system" else _total_signals
        with localcontext(prec=EXACT_DIGITS):
            found = {scope: add(parts) for scope, parts in stored.items()}
            totals[block.kind, block.level][block.first_day, block.last_day] = found
            if block.level == 1:
                rows = _read_rows(connection, block)
                if block.kind == "system":
                    recounted = _count_trades(rows)
                    wanted = _total_recounted(recounted, rows)
                else:
                    recounted = _count_signals(rows, _BREAKDOWNS[number % len(_BREAKDOWNS)])
                    wanted = _total_said(rows)
                yield from _check_parts(where, block.kind, stored, recounted)
            else:
                wanted = defaultdict(Counter)
                for (first, last), of_child in totals[block.kind, block.level - 1].items():
                    if block.first_day <= first and last <= block.last_day:
                        for scope, sums in of_child.items():
                            wanted[scope].update(sums)
        for breakdown, version in sorted(wanted.keys() | found.keys(), key=str):
            if found.get((breakdown, version)) != wanted.get((breakdown, version)):
                yield f"{where}: its parts by {breakdown} of version {version} do not add up to what they consist of"


def _read_rows(connection: Connection, block: Any) -> list[Mapping[Any, Any]]:
    name = "verify/select_trades_of_stretch" if block.kind == "system" else "verify/select_signals_of_stretch"
    bounds = {
        "since": datetime.combine(block.first_day, time(), UTC),
        "until": datetime.combine(block.last_day + timedelta(days=1), time(), UTC),
    }
    return list(connection.execute(statement(name), bounds).mappings())


def _part_of(row: Mapping[Any, Any], breakdown: str) -> str | None:
    if breakdown == "side":
        return "long" if row["direction"] > 0 else "short"
    if breakdown == "confidence":
        return None if row["confidence"] is None else str(min(int(row["confidence"] // 10), 9))
    if breakdown == "weekday":
        return str(row["opened_at"].astimezone(UTC).isoweekday())
    if breakdown == "hour":
        return f"{row['opened_at'].astimezone(UTC):%H}"
    value: str | None = row["bar_interval" if breakdown == "interval" else breakdown]
    return value


def _counts(row: Mapping[Any, Any], breakdown: str) -> bool:
    """Whether an agents' breakdown has a decision: none by exit reason, and by side those that open a trade."""
    return breakdown != "exit_reason" and (breakdown != "side" or row["direction"] != 0)


def _count_trades(rows: list[Mapping[Any, Any]]) -> dict[_Scope, _Parts]:
    """The parts of every breakdown, of all versions together and of each; `rows` in order of exit_time and trade_id."""
    if not rows:
        return {}
    names = ("exit_time", "opened_at", "mfe_pct", "mae_pct", "pnl_pct", "net_pnl_pct")
    exits, opened, best, worst, gross, net = ([row[name] for row in rows] for name in names)
    chunk = make_chunk(exits, opened, best, worst, (gross, net), 0)
    places: defaultdict[tuple[_Scope, str | None], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        for breakdown in _BREAKDOWNS:
            part = _part_of(row, breakdown)
            places[(breakdown, None), part].append(place)
            places[(breakdown, row["version"]), part].append(place)
    found: defaultdict[_Scope, _Parts] = defaultdict(dict)
    for (scope, part), chosen in places.items():
        some = chunk.choose(chosen)
        for name, basis in zip(("gross", "net"), some.bases, strict=True):
            tally = Tally()
            tally.add(some, basis)
            tally.close()
            found[scope][part, name] = tally.as_day()
    return found


def _count_signals(rows: list[Mapping[Any, Any]], breakdown: str) -> dict[_Scope, _Parts]:
    """The parts of one breakdown, all versions together."""
    inside: defaultdict[Any, list[JudgedSignal]] = defaultdict(list)
    for row in rows:
        if _counts(row, breakdown):
            inside[_part_of(row, breakdown), row["agent"]].append(_signal(row))
    days = {key: count_agent_day(signals) for key, signals in inside.items()}
    kept = {key: {name: value for name, value in day.items() if name != "bin_calls"} for key, day in days.items()}
    return {(breakdown, None): kept}


def _check_parts(
    where: str, kind: str, stored: Mapping[_Scope, list[dict[str, Any]]], recounted: Mapping[_Scope, _Parts]
) -> Iterator[str]:
    """The parts of breakdowns, column by column."""
    for (breakdown, version), wanted in recounted.items():
        found: _Parts = {}
        for one in stored.get((breakdown, version), []):
            if kind == "system":
                found |= {(one["part"], basis): one[basis]["sums"] for basis in ("gross", "net")}
            else:
                found |= {(one["part"], said["agent"]): said for said in one["agents"]}
        what = breakdown if version is None else f"version {version}, {breakdown}"
        nothing = {"trades" if kind == "system" else "signals": 0}
        for key in sorted(wanted.keys() | found.keys(), key=str):
            for name, value in wanted.get(key, nothing).items():
                kept = found.get(key, {}).get(name)
                if not _same(kept, value):
                    yield f"{where}: {what} {key[0]}, {key[1]}: {name} is {kept}, recounted {value}"


def _same(kept: Any, wanted: Any) -> bool:
    """A stored value (numbers that are not whole, and times, as text) and a recounted one."""
    if isinstance(wanted, list):
        return len(kept or []) == len(wanted) and all(map(_same, kept, wanted))
    if isinstance(wanted, Decimal):
        return kept is not None and Decimal(kept) == wanted
    if isinstance(wanted, datetime):
        return kept is not None and datetime.fromisoformat(kept) == wanted
    return bool(kept == wanted)


def _signal(row: Mapping[Any, Any]) -> JudgedSignal:
    return JudgedSignal(row["said"], row["stated"], row["horizon_return_pct"], row["backed"], row["pnl_pct"])


def _total_trades(parts: list[dict[str, Any]]) -> _Totals:
    sums: _Totals = Counter()
    for one in parts:
        for basis in ("gross", "net"):
            sums.update(_added(basis, one[basis]["sums"], _TRADES))
            for day, pnl in one[basis]["daily"]:
                sums[basis, day] += Decimal(pnl)
    return sums


def _total_signals(parts: list[dict[str, Any]]) -> _Totals:
    sums: _Totals = Counter()
    for one in parts:
        for said in one["agents"]:
            sums.update(_added(said["agent"], said, _SIGNALS, _BINS))
    return sums


def _added(whose: str, columns: Mapping[str, Any], names: tuple[str, ...], lists: tuple[str, ...] = ()) -> _Totals:
    """What adds up of the columns, as a total has it."""
    return {(whose, name): Decimal(columns[name]) for name in names} | {
        (whose, name, place): Decimal(value) for name in lists for place, value in enumerate(columns[name])
    }


def _total_recounted(recounted: Mapping[_Scope, _Parts], rows: list[Mapping[Any, Any]]) -> dict[_Scope, _Totals]:
    """The sums over a stretch's trades, as each breakdown's parts must have them together."""
    days: defaultdict[str | None, _Totals] = defaultdict(Counter)
    for row in rows:
        day = row["exit_time"].astimezone(UTC).date().isoformat()
        for basis, pnl in (("gross", exact(row["pnl_pct"])), ("net", exact(row["net_pnl_pct"]))):
            days[None][basis, day] += pnl
            days[row["version"]][basis, day] += pnl
    found: dict[_Scope, _Totals] = {}
    for (breakdown, version), parts in recounted.items():
        found[breakdown, version] = Counter(days[version])
        for (_, basis), columns in parts.items():
            found[breakdown, version].update(_added(basis, columns, _TRADES))
    return found


def _total_said(rows: list[Mapping[Any, Any]]) -> dict[_Scope, _Totals]:
    """The sums over a stretch's signals, as each breakdown's parts must have them together."""
    tallies: defaultdict[tuple[str, bool, str], AgentTally] = defaultdict(AgentTally)
    for row in rows:
        tally, said = tallies[row["version"], row["direction"] != 0, row["agent"]], row["said"]
        h, stated, backed, pnl = (row[name] for name in ("horizon_return_pct", "stated", "backed", "pnl_pct"))
        moved = None if h is None else (h > 0) - (h < 0)
        ended = None if backed is None else (pnl > 0) - (pnl < 0)
        tally.add_said(1, said, moved, None if h is None else exact(h), backed, ended)
        if said and moved and stated is not None:
            tally.add_sure(1, stated, right=said * moved > 0)
    all_rows: defaultdict[str | None, _Totals] = defaultdict(Counter)
    of_side: defaultdict[str | None, _Totals] = defaultdict(Counter)
    for (version_of, has_side, agent), tally in tallies.items():
        one = _added(agent, tally.as_day(), _SIGNALS, _BINS)
        for version in (None, version_of):
            all_rows[version].update(one)
            if has_side:
                of_side[version].update(one)
    return {
        (breakdown, version): sums
        for breakdown in _BREAKDOWNS
        if breakdown != "exit_reason"
        for version, sums in (of_side if breakdown == "side" else all_rows).items()
    }

"""What is added up for breakdowns, compared with a recount of the trades and signals of each stretch of days.

Of each stretch that is counted from rows, one breakdown is recounted part by part, another one from stretch to stretch.
The parts of every breakdown, of all versions and of each, must add up to the rows of the stretch; those of a stretch
that consists of others, to these. One stretch's rows are in memory at a time.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, localcontext
from json import loads
from typing import Any

from sqlalchemy import Connection

from scorekeeper.store.sql import statement
from scorekeeper.verify.recount import EXACT_DIGITS, ClosedTrade, count_day, exact
from scorekeeper.verify.recount_agents import JudgedSignal, count_agent_day

_BREAKDOWNS = ("hour", "side", "confidence", "version", "interval", "weekday", "exit_reason", "symbol")
_COUNTS = ("trades", "winners", "losers")
_SAID = ("signals", "calls", "correct", "incorrect", "brier_calls", "supported_winners", "opposed_losers")
_Totals = Any  # a Counter of exact sums over all parts, by what is summed


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
                yield from _check_parts(where, block.kind, _BREAKDOWNS[number % len(_BREAKDOWNS)], stored, rows)
                wanted = _total_rows(block.kind, rows)
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


def _counts(row: Mapping[Any, Any], breakdown: str, kind: str) -> bool:
    """Whether a breakdown has a decision: agents have none by exit reason, and by side those that open a trade."""
    return kind == "system" or (breakdown != "exit_reason" and (breakdown != "side" or row["direction"] != 0))


def _check_parts(
    where: str, kind: str, breakdown: str, stored: Mapping[Any, Any], rows: list[Mapping[Any, Any]]
) -> Iterator[str]:
    """The parts of one breakdown, all versions together, column by column."""
    inside: defaultdict[Any, list[Mapping[Any, Any]]] = defaultdict(list)
    for row in rows:
        if _counts(row, breakdown, kind):
            inside[_part_of(row, breakdown)].append(row)
    found: dict[Any, dict[str, Any]] = {}
    wanted: dict[Any, dict[str, Any]] = {}
    for one in stored.get((breakdown, None), []):
        if kind == "system":
            found |= {(one["part"], basis): one[basis]["sums"] for basis in ("gross", "net")}
        else:
            found |= {(one["part"], said["agent"]): said for said in one["agents"]}
    for part, some in inside.items():
        if kind == "system":
            wanted |= {(part, "gross"): count_day([_trade(row, "pnl_pct") for row in some])}
            wanted |= {(part, "net"): count_day([_trade(row, "net_pnl_pct") for row in some])}
        else:
            for agent in {row["agent"] for row in some}:
                signals = [_signal(row) for row in some if row["agent"] == agent]
                wanted[part, agent] = {
                    name: value for name, value in count_agent_day(signals).items() if name != "bin_calls"
                }
    for key in sorted(wanted.keys() | found.keys(), key=str):
        for name, value in wanted.get(key, {"part": None}).items():
            kept = found.get(key, {}).get(name)
            if not _same(kept, value):
                yield f"{where}: {breakdown} {key[0]}, {key[1]}: {name} is {kept}, recounted {value}"


def _same(kept: Any, wanted: Any) -> bool:
    """A stored value (numbers that are not whole, and times, as text) and a recounted one."""
    if isinstance(wanted, list):
        return len(kept or []) == len(wanted) and all(map(_same, kept, wanted))
    if isinstance(wanted, Decimal):
        return kept is not None and Decimal(kept) == wanted
    if isinstance(wanted, datetime):
        return kept is not None and datetime.fromisoformat(kept) == wanted
    return bool(kept == wanted)


def _trade(row: Mapping[Any, Any], basis: str) -> ClosedTrade:
    return ClosedTrade(
        row["trade_id"], row["opened_at"], row["exit_time"], row[basis], row["mfe_pct"], row["mae_pct"]
    )


def _signal(row: Mapping[Any, Any]) -> JudgedSignal:
    return JudgedSignal(row["said"], row["stated"], row["horizon_return_pct"], row["backed"], row["pnl_pct"])


def _total_trades(parts: list[dict[str, Any]]) -> _Totals:
    sums: _Totals = Counter()
    for one in parts:
        for basis in ("gross", "net"):
            sums.update({(basis, name): one[basis]["sums"][name] for name in _COUNTS})
            for day, pnl in one[basis]["daily"]:
                sums[basis, day] += Decimal(pnl)
    return sums


def _total_signals(parts: list[dict[str, Any]]) -> _Totals:
    sums: _Totals = Counter()
    for one in parts:
        for said in one["agents"]:
            sums.update({(said["agent"], name): said[name] for name in _SAID})
            sums[said["agent"], "return"] += Decimal(said["sum_call_return_pct"])
    return sums


def _total_rows(kind: str, rows: list[Mapping[Any, Any]]) -> dict[tuple[str, str | None], _Totals]:
    """The sums over a stretch's rows, as each breakdown's parts must have them together."""
    all_rows: defaultdict[str | None, _Totals] = defaultdict(Counter)
    of_side: defaultdict[str | None, _Totals] = defaultdict(Counter)
    for row in rows:
        one = _total_row(kind, row)
        for version in (None, row["version"]):
            all_rows[version].update(one)
            if kind == "agent" and row["direction"]:
                of_side[version].update(one)
    return {
        (breakdown, version): sums
        for breakdown in _BREAKDOWNS
        if kind == "system" or breakdown != "exit_reason"
        for version, sums in (of_side if kind == "agent" and breakdown == "side" else all_rows).items()
    }


def _total_row(kind: str, row: Mapping[Any, Any]) -> dict[Any, Any]:
    if kind == "agent":
        day = count_agent_day([_signal(row)])
        return {(row["agent"], name): day[name] for name in _SAID} | {
            (row["agent"], "return"): day["sum_call_return_pct"]
        }
    day_of_exit = row["exit_time"].astimezone(UTC).date().isoformat()
    one: dict[Any, Any] = {}
    for basis, pnl in (("gross", row["pnl_pct"]), ("net", row["net_pnl_pct"])):
        one |= {(basis, "trades"): 1, (basis, "winners"): int(pnl > 0), (basis, "losers"): int(pnl < 0)}
        one[basis, day_of_exit] = exact(pnl)
    return one

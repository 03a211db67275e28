"""The parts of a breakdown: the figures of each, and the filters that select its rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import localcontext
from typing import Any

import msgspec
from sqlalchemy import Connection

from dashboard.data.added_up import read_added_up
from dashboard.data.answer import ROLLED_UP, parameters, read_agents, read_series_days, read_stretches
from dashboard.data.filters import Filters
from scorekeeper.metrics.breakdown import Breakdown, label_group
from scorekeeper.metrics.day_sums import DaySums
from scorekeeper.metrics.exact import EXACT
from scorekeeper.metrics.formulas import compose_agent, compose_system
from scorekeeper.metrics.part_sums import compose_stretches
from scorekeeper.store.sql import statement

# What needs neither the order of the trades nor their days.
OF_SUMS = (
    "completed_trades", "profitable_trades", "losing_trades", "breakeven_trades", "win_rate", "win_rate_ci95",
    "avg_profit_pct", "avg_loss_pct", "total_pnl_pct", "expectancy_pct", "expectancy_ratio", "payoff_ratio",
    "profit_factor", "kelly", "avg_hold_minutes",
)  # fmt: skip
SUMMED = ("trades", "winners", "losers", "sum_pct", "sum_winners_pct", "sum_losers_pct", "hold_seconds")
_SOME_DAY = datetime(1970, 1, 1, tzinfo=UTC)


def read_parts(connection: Connection, filters: Filters, by: Breakdown) -> list[dict[str, Any]]:
    """The system's figures in each part on the filters' basis, by their keys in metrics, beside `part` and `label`.

    By symbol and version all of them; else OF_SUMS, for which a million trades are added up while one waits. What the
    order of the trades tells, `scorekeeper metrics --by` has.
    """
    if by in ROLLED_UP:
        trades, series = read_stretches(connection, filters, by), read_series_days(connection)
        return [
            _label(by, part) | compose_stretches(some, series)[1]
            for (part, after_fees), some in sorted(trades.items(), key=lambda item: _place(item[0][0]))
            if after_fees == filters.after_fees
        ]
    holes, added_up = read_added_up(connection, filters, by)
    sums: defaultdict[str | None, list[Mapping[Any, Any]]] = defaultdict(list)
    for (part, after_fees), stretches in added_up.items():
        if after_fees == filters.after_fees:
            sums[part] += [msgspec.structs.asdict(one.sums) for one in stretches]
    for hole in holes:
        given = {**parameters(hole), "by": by.value, "after_fees": filters.after_fees}
        for row in connection.execute(statement("dashboard/sum_parts"), given).mappings():
            sums[row["part"]].append(row)
    return [_label(by, part) | _compose_sums(sums[part]) for part in sorted(sums, key=_place)]


def read_agent_parts(connection: Connection, filters: Filters, by: Breakdown, agent: str) -> list[dict[str, Any]]:
    """An agent's figures in each part, by their keys in metrics, beside `part` and `label`; none by exit reason.

    What ended a trade is known from what the price did, and that is what agents are scored on.
    """
    if by is Breakdown.EXIT_REASON:
        return []
    return [
        _label(by, part) | compose_agent(msgspec.structs.asdict(one)) | {"brier_calls": one.brier_calls}
        for part, said in read_agents(connection, filters, by, agent).items()
        for one in said
        if one.agent == agent
    ]


def _label(by: Breakdown, part: str | None) -> dict[str, Any]:
    return {"part": part, "label": label_group(by, part)}


def _place(part: str | None) -> tuple[bool, str]:
    """Those without a part come last."""
    return part is None, part or ""


def _compose_sums(rows: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    with localcontext(EXACT):
        known: dict[str, Any] = {name: sum(row[name] for row in rows) for name in SUMMED}
    known = dict.fromkeys(DaySums.__struct_fields__, 0) | known
    known |= {"day": _SOME_DAY.date(), "path_high_at": _SOME_DAY, "first_exit_at": _SOME_DAY}
    known["sum_squares"] = known["sum_pct"] ** 2  # any that can be: no figure of OF_SUMS looks at it
    figures = compose_system([DaySums(**known)])
    return {name: figures[name] for name in OF_SUMS}


def narrow(by: Breakdown, part: str | None) -> dict[str, Any]:
    """The filters that select a part (as it is stored; None: what has none), of trades and of decisions.

    >>> narrow(Breakdown.CONFIDENCE, "8")
    {'confidence': 80}
    >>> narrow(Breakdown.INTERVAL, None)
    {'without': 'interval'}
    """
    if part is None:
        return {"without": by.value}
    if by is Breakdown.CONFIDENCE:
        return {"confidence": 10 * int(part)}
    if by in (Breakdown.WEEKDAY, Breakdown.HOUR):
        return {by.value: int(part)}
    return {"exit" if by is Breakdown.EXIT_REASON else by.value: part}

"""Decisions, trades, rollups and metrics in the database, compared with what is decided and counted in plain loops."""

import math
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scorekeeper.metrics import query
from scorekeeper.store.database import Database
from tests import recounted
from tests.reference import RefScored

EXIT = (
    "exit_time",
    "exit_price",
    "exit_reason",
    "ambiguous_exit",
    "price_age_seconds",
    "pnl_pct",
    "net_pnl_pct",
    "mfe_pct",
    "mae_pct",
)
# What is a sum, or a mean of one: right to twelve digits. What divides by a spread or by another sum magnifies.
SUMS = {
    "win_rate", "avg_profit_pct", "avg_loss_pct", "total_pnl_pct", "expectancy_pct", "avg_hold_minutes",
    "avg_hold_minutes_winners", "avg_hold_minutes_losers", "avg_mfe_pct", "avg_mae_pct", "profit_given_back_pct",
    "max_drawdown_pct", "current_drawdown_pct", "coverage", "accuracy", "avg_call_return_pct",
    "total_call_return_pct", "brier",
}  # fmt: skip
DECISIONS = f"""
SELECT d.trade_id, {", ".join(EXIT)}, d.horizon_return_pct, coalesce(d.price_suspect, false), d.voided_at IS NOT NULL
FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id
"""
DAYS = ("daily_score", ("day", "version", "symbol", "after_fees"))
AGENT_DAYS = ("agent_daily_score", ("day", "version", "symbol", "agent"))


def close_to(answer: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        got = answer[name]
        if isinstance(value, list):
            assert got == pytest.approx(value, rel=1e-9, abs=1e-9), name
        elif isinstance(value, float):
            assert got is not None, name
            # A sum of doubles that cancel is as good as the doubles: a few units in the sixteenth digit of a percent.
            rel_tol, abs_tol = (1e-12, 1e-13) if name in SUMS else (1e-9, 1e-9)
            assert math.isclose(got, value, rel_tol=rel_tol, abs_tol=abs_tol), (name, got, value)
        else:
            assert got == value, name


def rollup(connection: Connection, table: str, key: tuple[str, ...]) -> dict[tuple[Any, ...], recounted.Row]:
    found = {}
    for row in connection.execute(text(f"SELECT * FROM scorekeeper.{table}")).mappings():
        values = dict(row)
        found[tuple(values.pop(name) for name in key)] = values
    return found


def check(
    db: Database, wanted: list[RefScored], as_of: datetime, received: dict[str, datetime], *, figures: bool = True
) -> None:
    """Compare the whole database after a track at `as_of` with what was expected of every decision.

    `received`: when each decision came in. `figures`: whether the metrics are compared too.
    """
    with db.begin() as connection:
        found = {row[0]: tuple(row[1:]) for row in connection.execute(text(DECISIONS))}
        days, agent_days = rollup(connection, *DAYS), rollup(connection, *AGENT_DAYS)
        answer = query.system_metrics(connection)
    assert found.keys() == {one.decision.trade_id for one in wanted}
    for one in wanted:
        fields = tuple(None if one.exit is None else getattr(one.exit, name) for name in EXIT)
        said = (*fields, one.horizon_return_pct, one.suspect, one.voided)
        assert found[one.decision.trade_id] == said, one.decision
    assert days == recounted.daily_rows(wanted)
    assert agent_days == recounted.agent_rows(wanted)
    if not figures:
        return
    counted = [one for one in wanted if not one.voided and one.decision.opened_at <= as_of]
    close_to(
        answer,
        {
            "active_trades": sum(o.decision.direction != 0 and o.exit is None and not o.suspect for o in counted),
            "suspect_trades": sum(o.decision.direction != 0 and o.suspect for o in counted),
            "late_decisions": sum(received[o.decision.trade_id] > o.decision.expires_at for o in counted),
            **recounted.system_figures(wanted, after_fees=False),
        },
    )
    close_to(answer["net"], recounted.system_figures(wanted, after_fees=True))
    assert answer["agent_performance"].keys() == recounted.agents_of(wanted)
    for agent, performance in answer["agent_performance"].items():
        close_to(performance, recounted.agent_figures(wanted, agent))

"""In every universe the database says what the plain reference says, however it is lived through.

`--universes N` tries N of them, `--hypothesis-seed S` others.
"""

import itertools
import math
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, text

from scorekeeper import score
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from tests import reference, rollups
from tests.conftest import fresh_database
from tests.lives import Life, delete_all, kept_minutes_for, ticks_of
from tests.universes import ALWAYS, KINDS, ONCE, Universe, universes

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
# All that must not depend on when somebody looked.
LASTING = (
    f"SELECT trade_id, {', '.join(EXIT)}, price_source, best_price, left_out FROM scorekeeper.trade ORDER BY trade_id",
    "SELECT trade_id, opened_at, expires_at, reference_price, price_suspect, horizon_price, horizon_return_pct, "
    "void_reason FROM scorekeeper.decision ORDER BY trade_id",
    "SELECT * FROM scorekeeper.agent_signal ORDER BY trade_id, agent",
    "SELECT * FROM scorekeeper.daily_score ORDER BY day, version, symbol, after_fees",
    "SELECT * FROM scorekeeper.agent_daily_score ORDER BY day, version, symbol, agent",
)
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


def rollup(connection: Connection, table: str, key: tuple[str, ...]) -> dict[tuple[Any, ...], rollups.Row]:
    found = {}
    for row in connection.execute(text(f"SELECT * FROM scorekeeper.{table}")).mappings():
        values = {
            name: Fraction(value) if name.startswith(("sum_", "hold_"))
            else [Fraction(one) for one in value] if name == "bin_confidence" else value
            for name, value in row.items()
        }  # fmt: skip
        found[tuple(values.pop(name) for name in key)] = values
    return found


def check(life: Life) -> list[reference.RefScored]:
    """Hold all that the database says against the reference; what that says."""
    wanted = life.expected()
    with life.db.begin() as connection:
        found = {row[0]: tuple(row[1:]) for row in connection.execute(text(DECISIONS))}
        days, agent_days = rollup(connection, *DAYS), rollup(connection, *AGENT_DAYS)
        answer = score.system_metrics(connection)
    assert found.keys() == {one.decision.trade_id for one in wanted}
    for one in wanted:
        fields = tuple(None if one.exit is None else getattr(one.exit, name) for name in EXIT)
        said = (*fields, one.horizon_return_pct, one.suspect, one.voided)
        assert found[one.decision.trade_id] == said, one.decision
    assert days == rollups.daily_rows(wanted)
    assert agent_days == rollups.agent_rows(wanted)
    counted = [one for one in wanted if not one.voided and one.decision.opened_at <= life.as_of]
    close_to(
        answer,
        {
            "active_trades": sum(o.decision.direction != 0 and o.exit is None and not o.suspect for o in counted),
            "suspect_trades": sum(o.decision.direction != 0 and o.suspect for o in counted),
            "late_decisions": sum(life.arrived[o.decision.trade_id] > o.decision.expires_at for o in counted),
            **reference.system_figures(wanted, after_fees=False),
        },
    )
    close_to(answer["net"], reference.system_figures(wanted, after_fees=True))
    assert answer["agent_performance"].keys() == reference.agents_of(wanted)
    for agent, figures in answer["agent_performance"].items():
        close_to(figures, reference.agent_figures(wanted, agent))
    return wanted


def lasting_rows(life: Life) -> list[list[Any]]:
    with life.db.begin() as connection:
        return [[tuple(row) for row in connection.execute(text(query))] for query in LASTING]


def test_a_universe_says_what_the_reference_says_however_it_is_lived_through(
    cluster: embedded.Lease, tmp_path: Path, pytestconfig: pytest.Config, tally: Counter[str]
) -> None:
    number = itertools.count()

    def live(url: str, universe: Universe, kind: str) -> list[list[Any]]:
        folder = tmp_path / str(next(number))
        folder.mkdir()
        ticks = ticks_of(universe, kind)
        kept = kept_minutes_for(universe, ticks) if kind == "at an exchange that keeps little" else None
        with open_database(url, folder, migrate=False) as db, db.begin() as connection:
            delete_all(connection)
        with Life(url, folder, universe, kept) as life:
            half = len(ticks) // 2
            life.live(ticks[:half])
            if half and not life.uncertain:
                check(life)
            life.live(ticks[half:])
            wanted = check(life)  # the last look had an answer for every symbol
            tally.update(["lives", kind], looks=len(ticks))
            if kind == universe.kinds[0]:
                count(tally, universe, life, wanted)
            return lasting_rows(life)

    with fresh_database(cluster) as url:

        @settings(
            max_examples=pytestconfig.getoption("universes"),
            derandomize=pytestconfig.getoption("--hypothesis-seed") is None,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(universes())
        def every_universe(universe: Universe) -> None:
            first, second = (live(url, universe, kind) for kind in universe.kinds)
            assert first == second, universe.kinds

        every_universe()
    if pytestconfig.getoption("universes") >= 200:
        assert {*KINDS, ONCE, ALWAYS, *EVERYTHING} <= {name for name, number in tally.items() if number}


EVERYTHING = {
    "expired", "stop_loss", "take_profit", "trailing_stop", "manual", "left open", "ambiguous", "suspect", "voided",
    "late", "requested", "already requested", "closed", "not open yet", "no trade",
}  # fmt: skip


def count(tally: Counter[str], universe: Universe, life: Life, wanted: list[reference.RefScored]) -> None:
    """What there was in a universe."""
    tally["universes"] += 1
    tally["decisions"] += len(universe.decisions)
    tally["candles"] += sum(map(len, universe.candles.values()))
    tally.update(life.verdicts)
    for one in wanted:
        tally["suspect"] += one.suspect
        tally["voided"] += one.voided
        tally["late"] += life.arrived[one.decision.trade_id] > one.decision.expires_at
        if one.decision.direction:
            tally["trades"] += 1
            tally["left open" if one.exit is None else one.exit.exit_reason] += 1
            tally["ambiguous"] += one.exit is not None and one.exit.ambiguous_exit

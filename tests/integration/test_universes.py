"""In every random universe the database says what the plain reference says, whatever the schedule."""

import asyncio
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from scorekeeper import ingest, score, settle
from scorekeeper.domain.decision import DecisionContext, parse_decision
from scorekeeper.market.replay import ReplayMarket
from scorekeeper.store.database import Database
from tests import reference
from tests.universes import FEE_BPS, HOLD_MINUTES, Universe, make_universe, to_ref, write_replay

GRACE = 5
SUSPECT_PCT = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
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


def live_through(db: Database, universe: Universe, folder: Path, schedule: list[datetime], late: bool) -> None:
    """Ingest and track at every as_of of the schedule; `late`: decisions arrive in halves, the earlier half last."""
    write_replay(universe, folder)
    market = ReplayMarket(str(folder), GRACE)
    context = DecisionContext(NOW, "v1", HOLD_MINUTES, ZoneInfo("UTC"), None)
    decisions = [parse_decision(document, context=context) for document in universe.decisions]
    decisions.sort(key=lambda d: d.opened_at, reverse=late)
    waves = [decisions[: len(decisions) // 2], decisions[len(decisions) // 2 :]] if late else [decisions]
    closes = sorted(universe.closes, key=lambda close: close[1])
    for number, as_of in enumerate(schedule):
        if number == 0 or (late and number == len(schedule) - 1):
            arriving = waves.pop(0) if number == 0 or len(schedule) > 1 else []
            with db.begin() as connection:
                settings: dict[str, Any] = {"source_name": "universe", "source_sha256": None}
                ingest.record(connection, arriving, received_at=NOW, fee_bps=FEE_BPS, **settings)
        while closes and closes[0][1] <= as_of:
            trade_id, at = closes.pop(0)
            with db.begin() as connection:
                settle.request_close(connection, trade_id, at)
        with db.begin() as connection:
            settle.bind_market(connection, market.name, as_of)
            needs = settle.select_needs(connection, as_of)
        for need in needs:
            asyncio.run(settle.fetch_candles(db, market, need, as_of))
        with db.begin() as connection:
            settle.settle(connection, as_of, suspect_price_pct=SUSPECT_PCT)
            score.score_stale_days(connection, as_of)
            settle.mark(connection, as_of)
            settle.advance_as_of(connection, as_of)
    assert not waves


def expected(universe: Universe, as_of: datetime, closes: dict[str, datetime]) -> list[reference.RefScored]:
    answer = []
    for document in universe.decisions:
        decision = to_ref(document, closes.get(document["trade_id"]))
        candles = universe.candles[decision.symbol]
        sealed = reference.sealed_until(candles, as_of, GRACE)
        answer.append(
            reference.RefScored(
                decision,
                reference.settle_trade(decision, candles, sealed, as_of) if decision.direction else None,
                reference.horizon_return(decision, candles, sealed, as_of),
                reference.is_suspect(decision, candles, sealed, SUSPECT_PCT),
            )
        )
    return answer


def accepted_closes(db: Database) -> dict[str, datetime]:
    """The close requests that came while the trade was open: those that count."""
    with db.begin() as connection:
        rows = connection.execute(
            text("SELECT trade_id, close_requested_at FROM scorekeeper.trade WHERE close_requested_at IS NOT NULL")
        )
        return {row[0]: row[1] for row in rows}


def check(db: Database, universe: Universe) -> None:
    wanted = expected(universe, universe.end, accepted_closes(db))
    with db.begin() as connection:
        rows = connection.execute(
            text(
                f"SELECT d.trade_id, {', '.join(EXIT)}, d.horizon_return_pct, coalesce(d.price_suspect, false) "
                "FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id"
            )
        )
        found = {row[0]: tuple(row[1:]) for row in rows}
        answer = score.system_metrics(connection)
    for one in wanted:
        fields = tuple(None if one.exit is None else getattr(one.exit, name) for name in EXIT)
        assert found[one.decision.trade_id] == (*fields, one.horizon_return_pct, one.suspect), one.decision
    close_to(answer, reference.system_figures(wanted, after_fees=False))
    close_to(answer["net"], reference.system_figures(wanted, after_fees=True))
    for agent, figures in answer["agent_performance"].items():
        close_to(figures, reference.agent_figures(wanted, agent))


def close_to(answer: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        got = answer[name]
        if isinstance(value, list):
            assert got == pytest.approx(value, rel=1e-9, abs=1e-9), name
        elif isinstance(value, float):
            assert got is not None, name
            assert math.isclose(got, value, rel_tol=1e-9, abs_tol=1e-9), (name, got, value)
        else:
            assert got == value, name


@pytest.mark.parametrize("seed", range(40))
def test_tracked_once_at_the_end(db: Database, tmp_path: Path, seed: int) -> None:
    universe = make_universe(seed)
    universe.closes.clear()
    live_through(db, universe, tmp_path, [universe.end], late=False)
    check(db, universe)


@pytest.mark.parametrize("seed", range(40, 80))
def test_tracked_on_a_random_schedule_with_closes_by_hand(db: Database, tmp_path: Path, seed: int) -> None:
    universe = make_universe(seed)
    live_through(db, universe, tmp_path, [*universe.schedule, universe.end], late=False)
    check(db, universe)


@pytest.mark.parametrize("seed", range(80, 110))
def test_the_earlier_half_arriving_after_the_later_half_was_tracked(db: Database, tmp_path: Path, seed: int) -> None:
    universe = make_universe(seed)
    universe.closes.clear()
    live_through(db, universe, tmp_path, [*universe.schedule, universe.end - reference.MINUTE, universe.end], late=True)
    check(db, universe)

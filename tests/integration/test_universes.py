"""In every random universe the database says what the plain reference says, whatever the schedule."""

import asyncio
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from scorekeeper import recording, score, settle
from scorekeeper.domain.decision import Decision, DecisionContext, parse_decision
from scorekeeper.market.replay import ReplayMarket
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from tests import reference
from tests.universes import FEE_BPS, HOLD_MINUTES, START, Universe, make_universe, to_ref, write_replay

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


def live_through(
    db: Database, universe: Universe, folder: Path, schedule: list[datetime], waves: list[list[Decision]]
) -> None:
    """Ingest and track at every as_of of the schedule, which has as many as there are waves of arrivals, or more."""
    write_replay(universe, folder)
    market = ReplayMarket(str(folder), GRACE)
    closes = sorted(universe.closes, key=lambda close: close[1])
    nobody: list[list[Decision]] = [[]] * (len(schedule) - len(waves))
    for as_of, wave in zip(schedule, [waves[0], *nobody, *waves[1:]], strict=True):
        with db.begin() as connection:
            recording.record(
                connection, wave, source_name="universe", source_sha256=None, received_at=NOW, fee_bps=FEE_BPS
            )
        while closes and closes[0][1] <= as_of:
            trade_id, at = closes.pop(0)
            with db.begin() as connection:
                settle.request_close(connection, trade_id, at)
        with db.begin() as connection:
            settle.bind_market(connection, market.name, as_of)
            needs = settle.select_needs(connection, as_of)
        for need in needs:
            asyncio.run(settle.fetch_candles(db, market, need, as_of, suspect_price_pct=SUSPECT_PCT))
        with db.begin() as connection:
            settle.settle(connection, as_of, suspect_price_pct=SUSPECT_PCT)
            score.score_stale_days(connection, as_of)
            settle.mark(connection, as_of)
            settle.advance_as_of(connection, as_of)


def decisions_of(universe: Universe) -> list[Decision]:
    """In order of their opening."""
    context = DecisionContext(NOW, "v1", HOLD_MINUTES, ZoneInfo("UTC"), None)
    decisions = [parse_decision(document, context=context) for document in universe.decisions]
    return sorted(decisions, key=lambda d: d.opened_at)


def live_by(kind: str, db: Database, universe: Universe, folder: Path) -> None:
    """Live through a universe in one of the KINDS."""
    decisions, end = decisions_of(universe), universe.end
    half = len(decisions) // 2
    if kind == "once at the end":
        live_through(db, universe, folder, [end], [decisions])
    elif kind == "on a random schedule":
        live_through(db, universe, folder, [*universe.schedule, end], [decisions])
    elif kind == "every seven minutes":
        steps = range(7, (end - START) // reference.MINUTE, 7)
        live_through(db, universe, folder, [*(START + step * reference.MINUTE for step in steps), end], [decisions])
    elif kind == "the earlier half last":
        waves = [decisions[half:], decisions[:half]]
        live_through(db, universe, folder, [*universe.schedule, end - reference.MINUTE, end], waves)
    else:
        # One by one, the youngest first, long after all was over.
        schedule = [end + step * reference.MINUTE for step in range(-len(decisions) + 1, 1)]
        live_through(db, universe, folder, schedule, [[one] for one in reversed(decisions)])


KINDS = (
    "once at the end",
    "on a random schedule",
    "every seven minutes",
    "the earlier half last",
    "backwards, one by one",
)


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


def test_a_universe_says_what_the_reference_says(db: Database, tmp_path: Path, universe_seed: int) -> None:
    kind = KINDS[universe_seed % len(KINDS)]
    universe = make_universe(universe_seed)
    if kind != "on a random schedule":
        universe.closes.clear()  # what was closed by hand depends on when: only a trade that is open can be
    live_by(kind, db, universe, tmp_path)
    check(db, universe)


def rows_of(db: Database) -> dict[str, list[Any]]:
    """All that must not depend on when somebody looked."""
    with db.begin() as connection:
        return {
            query: [tuple(row) for row in connection.execute(text(query))]
            for query in (
                f"SELECT trade_id, {', '.join(EXIT)} FROM scorekeeper.trade ORDER BY trade_id",
                "SELECT trade_id, reference_price, price_suspect, horizon_price, horizon_return_pct "
                "FROM scorekeeper.decision ORDER BY trade_id",
                "SELECT * FROM scorekeeper.daily_score ORDER BY day, version, symbol, after_fees",
                "SELECT * FROM scorekeeper.agent_daily_score ORDER BY day, version, symbol, agent",
            )
        }


@pytest.mark.parametrize("seed", range(100_000, 100_004))
def test_every_schedule_leaves_the_same_rows(cluster: embedded.Lease, tmp_path: Path, seed: int) -> None:
    universe = make_universe(seed)
    universe.closes.clear()
    found = []
    for number, kind in enumerate(KINDS):
        name = f"universe_{seed}_{number}"
        with open_database(cluster.url(name), tmp_path) as db:
            live_by(kind, db, universe, tmp_path)
            found.append(rows_of(db))
    for kind, rows in zip(KINDS, found, strict=True):
        assert rows == found[0], kind

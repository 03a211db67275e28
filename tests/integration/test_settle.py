"""The database closes trades exactly as the plain reference does, whatever the schedule."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper import ingest, settle
from scorekeeper.domain.decision import DecisionContext, parse_decision
from scorekeeper.market import UnknownSymbolError, open_market
from scorekeeper.score import score_stale_days
from scorekeeper.store.database import Database
from tests import reference
from tests.universes import Universe, make_universe, to_ref, write_replay

EXIT_COLUMNS = (
    "exit_time, exit_price, exit_reason, ambiguous_exit, price_age_seconds, pnl_pct, net_pnl_pct, mfe_pct, mae_pct"
)
GRACE = 5


def run_universe(db: Database, universe: Universe, folder: Path, schedule: list[datetime]) -> None:
    """Ingest a universe's decisions and track it at every as_of of the schedule."""
    write_replay(universe, folder)
    market = open_market(f"replay:{folder}", GRACE)
    received_at = datetime(2030, 1, 1, tzinfo=UTC)
    zone = datetime.now(UTC).astimezone(UTC).tzinfo
    assert zone is not None
    from zoneinfo import ZoneInfo

    context = DecisionContext(
        received_at=received_at, default_version="v1", default_hold_minutes=60, timezone=ZoneInfo("UTC"),
        fallback_opened_at=None,
    )  # fmt: skip
    decisions = [parse_decision(json.loads(json.dumps(d)), context=context) for d in universe.decisions]
    with db.begin() as connection:
        verdicts = ingest.record(
            connection, decisions, source_name="universe", source_sha256=None, received_at=received_at, fee_bps=10
        )
    assert {verdict.outcome for verdict in verdicts} <= {"accepted"}
    closes = sorted(universe.closes, key=lambda close: close[1])
    for as_of in schedule:
        while closes and closes[0][1] <= as_of:
            trade_id, at = closes.pop(0)
            with db.begin() as connection:
                settle.request_close(connection, trade_id, at)
        with db.begin() as connection:
            settle.bind_market(connection, market.name, as_of)
            needs = settle.select_needs(connection, as_of)
        for need in needs:
            try:
                settle.fetch_candles(db, market, need, as_of)
            except UnknownSymbolError:
                continue
        with db.begin() as connection:
            settle.settle(connection, as_of, suspect_price_pct=5)
            score_stale_days(connection, as_of)
            settle.mark(connection, as_of)
            settle.advance_as_of(connection, as_of)


def stored(db: Database) -> dict[str, tuple[object, ...]]:
    """What the database says of every decision: exit, horizon return, suspect."""
    with db.begin() as connection:
        rows = connection.execute(
            text(
                f"SELECT d.trade_id, {EXIT_COLUMNS}, d.horizon_return_pct, coalesce(d.price_suspect, false) "
                "FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t USING (trade_id)"
            )
        )
        return {row[0]: tuple(row[1:]) for row in rows}


def expected(universe: Universe, as_of: datetime) -> dict[str, tuple[object, ...]]:
    """What the reference says of every decision at `as_of`."""
    closes = {}
    for trade_id, at in sorted(universe.closes, key=lambda close: close[1]):
        closes.setdefault(trade_id, at)
    answer: dict[str, tuple[object, ...]] = {}
    for document in universe.decisions:
        decision = to_ref(document, closes.get(document["trade_id"]))
        candles = universe.candles.get(decision.symbol, [])
        sealed = reference.sealed_until(candles, as_of, GRACE)
        closing = reference.settle_trade(decision, candles, sealed, as_of) if decision.direction else None
        fields = EXIT_COLUMNS.split(", ")
        exit_row = tuple(None if closing is None else getattr(closing, name) for name in fields)
        answer[decision.trade_id] = (
            *exit_row,
            reference.horizon_return(decision, candles, sealed, as_of),
            bool(reference.suspect(decision, candles, sealed, 5)),
        )
    return answer


@pytest.mark.parametrize("seed", range(30))
def test_a_universe_tracked_once_at_the_end_equals_the_reference(db: Database, tmp_path: Path, seed: int) -> None:
    universe = make_universe(seed)
    run_universe(db, universe, tmp_path, [universe.end])
    assert stored(db) == expected(universe, universe.end)


@pytest.mark.parametrize("seed", range(30, 40))
def test_a_universe_tracked_on_a_random_schedule_equals_the_reference(
    db: Database, tmp_path: Path, seed: int
) -> None:
    universe = make_universe(seed)
    run_universe(db, universe, tmp_path, [*universe.schedule, universe.end])
    assert stored(db) == expected(universe, universe.end)

"""Trailing stops in the database: the cases by hand, what is carried from minute to minute, and what it costs."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scorekeeper.market import sealed_candles
from scorekeeper.operations import import_dataset
from scorekeeper.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from scorekeeper.trades import settle
from scorekeeper.verify.run import verify
from tests.lives import decisions_of, live_through
from tests.plans import explain, of_table, rows_read
from tests.reference import MINUTE, RefCandle
from tests.trailing_cases import CASES, DOWN, ENTRY, HOLD_MINUTES, PCT, UP, Case
from tests.universes import START, Universe

END = START + 30 * MINUTE
EVERY_MINUTE = [START + minute * MINUTE for minute in range(31)]
MEASURE = "SELECT trade_id, exit_time, exit_price, exit_reason, ambiguous_exit, mfe_pct, mae_pct FROM scorekeeper.trade"


def universe_of(cases: list[Case]) -> Universe:
    universe = Universe(end=END)
    for number, case in enumerate(cases):
        symbol = f"C{number}/USDT"
        # A later row, so that the file answers for the silent minutes before it.
        universe.candles[symbol] = [*case.ref_candles(), RefCandle(END, ENTRY, ENTRY, ENTRY, ENTRY, 1.0)]
        decision = {
            "trade_id": case.name, "symbol": symbol, "type": "BUY" if case.direction > 0 else "SELL", "price": ENTRY,
            "timestamp": case.opened_at.isoformat(), "max_hold_minutes": HOLD_MINUTES, "trailing_stop_pct": PCT,
            "stop_loss": case.stop_loss, "take_profit": case.take_profit,
        }  # fmt: skip
        universe.decisions.append(decision)
    return universe


@pytest.mark.parametrize(
    ("schedule", "late"),
    [([END], False), (EVERY_MINUTE, False), ([START + 2 * MINUTE, END], False), ([END - MINUTE, END], True)],
    ids=["once", "every minute", "between the candles", "half of them late"],
)
def test_trailing_stops_end_as_by_hand_whatever_the_schedule(
    db: Database, tmp_path: Path, schedule: list[datetime], late: bool
) -> None:
    universe = universe_of(CASES)
    decisions = decisions_of(universe)
    half = len(decisions) // 2
    live_through(db, universe, tmp_path, schedule, [decisions[half:], decisions[:half]] if late else [decisions])
    with db.begin() as connection:
        found = {row[0]: tuple(row[1:]) for row in connection.execute(text(MEASURE))}
        best = {
            row[0]: row[1] for row in connection.execute(text("SELECT trade_id, best_price FROM scorekeeper.trade"))
        }
    for case in CASES:
        minutes, *rest = case.ends
        start = case.opened_at if case.ends[2] == "expired" else START
        assert found[case.name] == (start + minutes * MINUTE, *rest), case.name
        lived = [c for c in case.candles if START + c[0] * MINUTE >= case.opened_at]
        lived = lived if case.ends[2] == "expired" else lived[:-1]
        reached = [ENTRY, *(c[2] if case.direction > 0 else c[3] for c in lived)]
        assert best[case.name] == (max(reached) if case.direction > 0 else min(reached)), case.name


def watched(connection: Connection) -> dict[str, tuple[Any, ...]]:
    """best_price, level, and the row's version: another one was written anew."""
    rows = connection.execute(
        text(
            "SELECT t.trade_id, t.best_price, r.trailing_level, t.xmin::text "
            "FROM scorekeeper.trade AS t INNER JOIN scorekeeper.report_open_trades AS r ON t.trade_id = r.trade_id"
        )
    )
    return {row[0]: tuple(row[1:]) for row in rows}


def test_the_level_moves_with_new_extremes_and_nothing_else_is_written(db: Database, tmp_path: Path) -> None:
    quiet, lower = (1, 118.0, 119.0, 95.0, 97.0), (1, 82.0, 82.0, 60.0, 62.0)
    end = (10, 1.0, "expired", False, 0.0, 0.0)
    cases = [Case("long", 1, (UP, quiet), end), Case("short", -1, (DOWN, lower), end)]
    schedule = [START, START + MINUTE]
    universe = universe_of(cases)
    live_through(db, universe, tmp_path, schedule, [decisions_of(universe)])
    with db.begin() as connection:
        first = watched(connection)
    assert {name: row[:2] for name, row in first.items()} == {"long": (120, 90), "short": (80, 100)}
    live_through(db, universe, tmp_path, [START + 2 * MINUTE], [[]])
    with db.begin() as connection:
        second = watched(connection)
    assert second["long"] == first["long"]
    assert second["short"][:2] == (60, 75)


def test_a_trailing_stop_is_published_imported_again_and_verified(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    universe = universe_of(CASES)
    live_through(db, universe, tmp_path, EVERY_MINUTE, [decisions_of(universe)])
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert verify(db, settings) == []
    records = [json.loads(line) for line in settings.dataset_path.read_text().splitlines()]
    assert {record["trailing_stop_pct"] for record in records} == {PCT}
    moved = tmp_path / "moved.jsonl"
    moved.write_text("".join(json.dumps(r | {"trade_id": f"again {r['trade_id']}"}) + "\n" for r in records))
    done = import_dataset.import_dataset(db, moved, settings, datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    assert (done.decisions, done.rejected) == (len(CASES), [])
    with db.begin() as connection:
        again = "SELECT count(*) FROM scorekeeper.trade WHERE trade_id LIKE 'again %' AND trailing_stop_pct = 25"
        assert connection.scalar(text(again)) == len(CASES)


FILL = """
WITH d AS (
    INSERT INTO scorekeeper.decision (
        trade_id, content_sha256, source_name, source_line, received_at, symbol, raw_symbol, action, direction, price,
        opened_at, expires_at, version, trailing_stop_pct, reference_price, price_suspect
    )
    SELECT
        't' || n, '', 's', n / 100, :start, 'S' || n % 50 || '/USDT', 'S', 'X', n / 50 % 2 * 2 - 1, 100,
        :before, :end, 'v', 1, 100, false
    FROM generate_series(0, 99999) AS n
    RETURNING *
)
INSERT INTO scorekeeper.trade (
    trade_id, symbol, version, direction, entry_price, opened_at, expires_at, fee_bps, trailing_stop_pct, best_price,
    scanned
)
SELECT
    trade_id, symbol, version, direction, price, opened_at, expires_at, 10, trailing_stop_pct,
    CASE WHEN symbol = 'S7/USDT' AND direction = 1 AND source_line < 10 THEN 100
        ELSE 100 + direction * (0.1 + source_line * 0.0005) END, true
FROM d
"""
CANDLES = """
INSERT INTO scorekeeper.candle
SELECT 'S' || n || '/USDT', :start, 100.05, 100.1, 100, 100.05, 1 FROM generate_series(0, 49) AS n
"""
COVERAGE = """
INSERT INTO scorekeeper.candle_coverage
SELECT 'S' || n || '/USDT', :before, :later, :start, true FROM generate_series(0, 49) AS n
"""


def test_only_the_trailing_trades_with_a_new_extreme_are_read(db: Database) -> None:
    """100,000 are open in 50 symbols; a new candle each brings ten longs of one symbol a new high."""
    times = {
        "before": START - 60 * MINUTE, "start": START, "later": START + MINUTE, "end": START + 600 * MINUTE,
    }  # fmt: skip
    with db.begin() as connection:
        sealed_candles.ensure_partition(connection, START.year, START.month)
        for fill in (FILL, CANDLES, COVERAGE):
            connection.execute(text(fill), times)
        connection.exec_driver_sql("ANALYZE scorekeeper.trade, scorekeeper.candle, scorekeeper.candle_coverage")
    with db.begin() as connection:
        settle.open_settlement(connection)
        plan = of_table(explain(connection, "trades/close_due_trades", as_of=START + MINUTE), "trade")
        assert "Seq Scan" not in {node["Node Type"] for node in plan}
        assert max(rows_read(node) for node in plan) == 10
        written = text("SELECT count(*) FROM scorekeeper.trade WHERE symbol = 'S7/USDT' AND best_price = 100.1")
        assert connection.scalar(written) == 10

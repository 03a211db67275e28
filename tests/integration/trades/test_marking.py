"""Equity: what is open, marked at each symbol's last sealed close, without what is suspect or voided."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scorekeeper.metrics import query, voiding
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from scorekeeper.trades import settle
from scorekeeper.verify.run import verify
from scorekeeper.verify.scores import check_score
from tests import reference
from tests.lives import decisions_of, live_through
from tests.reference import MINUTE
from tests.universes import START, Universe, make_universe, to_ref

HELD = """
SELECT t.trade_id, t.version, t.symbol, t.direction, t.entry_price, t.opened_at
FROM scorekeeper.trade AS t INNER JOIN scorekeeper.decision AS d ON t.trade_id = d.trade_id
WHERE t.exit_time IS NULL AND d.voided_at IS NULL AND d.price_suspect IS NOT TRUE
ORDER BY t.trade_id
"""
LEFT_OUT = "SELECT trade_id FROM scorekeeper.trade WHERE left_out ORDER BY trade_id"
SUSPECT = "SELECT trade_id FROM scorekeeper.decision WHERE price_suspect AND direction <> 0 ORDER BY trade_id"
MARKS = """
SELECT DISTINCT ON (symbol) symbol, close, minute_at FROM scorekeeper.candle ORDER BY symbol, minute_at DESC
"""
EQUITY = """
SELECT version, open_trades, marked_trades, unrealised_pnl_pct, oldest_mark_at FROM scorekeeper.equity
WHERE as_of = :as_of AND open_trades > 0
"""


def expected(connection: Connection, as_of: datetime) -> dict[str, Any]:
    """By version: trades, those with a price since entry, their P&L in percent of entry, the oldest mark of them."""
    marks = {row.symbol: (row.close, row.minute_at + MINUTE) for row in connection.execute(text(MARKS))}
    figures: dict[str, Any] = {}
    for trade in connection.execute(text(HELD)):
        if trade.opened_at > as_of:
            continue
        count, marked, pnl_pct, oldest = figures.get(trade.version, (0, 0, 0.0, None))
        close, mark_at = marks.get(trade.symbol, (None, None))
        if mark_at is not None and trade.opened_at < mark_at:
            marked += 1
            pnl_pct += trade.direction * (close - trade.entry_price) / trade.entry_price * 100
            oldest = mark_at if oldest is None else min(oldest, mark_at)
        figures[trade.version] = (count + 1, marked, pnl_pct, oldest)
    return figures


@pytest.mark.parametrize("seed", range(500, 510))
def test_the_mark_is_what_a_loop_over_the_open_trades_says(db: Database, tmp_path: Path, seed: int) -> None:
    universe = make_universe(seed)
    universe.voids.clear()  # what is voided here is voided below
    for number, document in enumerate(universe.decisions):
        document["version"] = f"v{number % 2}"
    # A price near zero among the suspect ones: were it added and taken away again, nothing else would be left.
    first = min(universe.decisions, key=lambda document: str(document["timestamp"]))
    wild = {"trade_id": "wild", "type": "BUY", "price": 1e-18, "stop_loss": None, "take_profit": None}
    universe.decisions.append({**first, **wild, "max_hold_minutes": 100_000})
    as_of = START + (universe.end - START) / 3
    as_of = as_of.replace(second=0, microsecond=0)
    live_through(db, universe, tmp_path, [as_of], [decisions_of(universe)])
    with db.begin() as connection:
        assert connection.execute(text(LEFT_OUT)).all() == connection.execute(text(SUSPECT)).all()
        held = [row.trade_id for row in connection.execute(text(HELD))]
        for trade_id in held[::3]:
            assert voiding.void_decision(connection, trade_id, "a test", as_of) == "voided"
        later = as_of + MINUTE
        settle.mark_open_trades(connection, later)
        rows = connection.execute(text(EQUITY), {"as_of": later}).all()
        wanted = expected(connection, later)
    assert {row.version: tuple(row)[1:] for row in rows} == {
        version: (count, marked, pytest.approx(pnl_pct, rel=1e-9, abs=1e-9), oldest)
        for version, (count, marked, pnl_pct, oldest) in wanted.items()
    }


def test_verify_notices_a_trade_that_is_left_out_for_no_reason(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    universe = make_universe(500)
    live_through(db, universe, tmp_path, [universe.end], [decisions_of(universe)])
    with db.begin() as connection:
        spoilt = connection.execute(
            text(
                "UPDATE scorekeeper.trade SET left_out = NOT left_out "
                "WHERE trade_id = (SELECT min(trade_id) FROM scorekeeper.trade) RETURNING trade_id, left_out"
            )
        ).one()
    wanted = f"trade {spoilt.trade_id}: left_out is {spoilt.left_out}, its decision says otherwise"
    assert wanted in verify(db, load_settings())


def closing_trades(universe: Universe) -> int:
    """How many trades close by its end that count."""
    answer = 0
    for ref in (to_ref(document, None) for document in universe.decisions if document["type"] in ("BUY", "SELL")):
        candles = universe.candles[ref.symbol]
        sealed = reference.sealed_by_file(candles, universe.end)
        if not reference.is_suspect(ref, candles, sealed, 5):
            answer += reference.settle_trade(ref, candles, sealed, universe.end) is not None
    return answer


def test_a_void_by_a_clock_that_lags_behind_track_takes_out_nothing_else(db: Database, tmp_path: Path) -> None:
    universe = next(one for one in map(make_universe, range(500, 550)) if closing_trades(one) > 1)
    universe.voids.clear()
    live_through(db, universe, tmp_path, [universe.end], [decisions_of(universe)])
    with db.begin() as connection:
        before = query.system_metrics(connection)["completed_trades"]
        assert before > 1
        gone = connection.execute(
            text("SELECT min(trade_id) FROM scorekeeper.trade WHERE exit_time IS NOT NULL AND NOT left_out")
        ).scalar_one()
        assert voiding.void_decision(connection, gone, "a test", START) == "voided"
        assert query.system_metrics(connection)["completed_trades"] == before - 1
        assert list(check_score(connection)) == []

"""What a live system wrote and what a market did, compared with the plain reference. Skipped where the data is not."""

import csv
import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scorekeeper.analysis.run import analyze
from scorekeeper.inbox import ingest
from scorekeeper.metrics import query
from scorekeeper.operations import import_dataset
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify
from tests import recounted, reference
from tests.agreement import EXIT, close_to
from tests.integration.analysis.test_analyze import hold_against, read_plainly
from tests.integration.trades.test_pipeline import track
from tests.universes import to_ref

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
DECISIONS = DATA / "real_decisions.jsonl"
CANDLES = DATA / "candles" / "UNIT-BTC.csv.gz"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.skipif(not DECISIONS.exists(), reason="the real data is not beside the project")


def records() -> list[dict[str, Any]]:
    return [json.loads(line) for line in DECISIONS.read_text().splitlines()]


def renamed(record: dict[str, Any]) -> dict[str, Any]:
    new = {"entry_price": "price", "action": "type", "agent_contributions": "agent_analyses"}
    return {new.get(name, name): value for name, value in record.items()}


def real_candles() -> list[reference.RefCandle]:
    with gzip.open(CANDLES, "rt") as file:
        return [
            reference.RefCandle(
                datetime.fromtimestamp(int(row["timestamp"]) / 1000, UTC),
                float(row["open"]), float(row["high"]), float(row["low"]), float(row["close"]), float(row["volume"]),
            )
            for row in csv.DictReader(file)
        ]


def count_actions(connection: Connection) -> dict[str, int]:
    rows = connection.execute(text("SELECT action, count(*) AS n FROM scorekeeper.decision GROUP BY action"))
    return {row.action: row.n for row in rows}


def test_the_real_log_comes_in_by_inbox_and_by_import_alike(db: Database, settings: Settings) -> None:
    by_import = import_dataset.import_dataset(db, DECISIONS, settings, NOW)
    assert (by_import.records, by_import.decisions, by_import.rejected) == (216, 216, [])
    again = import_dataset.import_dataset(db, DECISIONS, settings, NOW)
    assert (again.decisions, again.duplicates) == (0, 216)
    with db.begin() as connection:
        actions = count_actions(connection)
    assert actions.keys() == {"BUY", "SELL", "HOLD", "CONFLICTED"}
    with db.begin() as connection:
        connection.execute(text("TRUNCATE scorekeeper.decision CASCADE"))
    lines = "".join(json.dumps(renamed(record)) + "\n" for record in records())
    (settings.inbox_dir / "a.jsonl").write_text(lines)
    summary = ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=10))
    assert (summary.decisions, summary.rejected) == (216, 0)
    with db.begin() as connection:
        actions_again = count_actions(connection)
    assert actions_again == actions


@pytest.mark.parametrize("seed", range(3))
def test_real_decisions_moved_onto_real_candles_end_as_the_reference_says(
    db: Database, settings: Settings, seed: int
) -> None:
    chance, candles = random.Random(seed), real_candles()
    decisions = []
    for number, record in enumerate(records()):
        place = chance.randrange(5, len(candles) - 300)
        before = candles[place - 1]
        seconds = chance.choice([0, 0.5, 17, 59.999999])
        opened = candles[place].minute_at + timedelta(seconds=seconds)
        decision = renamed(record) | {
            "trade_id": f"r{number}", "symbol": "UNIT/BTC", "timestamp": opened.isoformat(),
            "price": before.close * chance.choice([1, 1, 1, 1.0005, 1.2]),
        }  # fmt: skip
        if decision["type"] == "HOLD" and number % 2:
            decision["type"] = chance.choice(["BUY", "SELL"])
        way = {"BUY": 1, "SELL": -1}.get(decision["type"], 0)
        if way and chance.random() < 0.6:
            decision["stop_loss"] = decision["price"] * (1 - way * 0.004)
        if way and chance.random() < 0.6:
            decision["take_profit"] = decision["price"] * (1 + way * 0.006)
        if way and chance.random() < 0.5:
            decision["trailing_stop_pct"] = chance.choice([0.2, 0.4, 0.5])
        decisions.append(decision)
    (settings.inbox_dir / "a.jsonl").write_text("".join(json.dumps(d) + "\n" for d in decisions))
    ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=10))
    first, end = candles[0].minute_at.replace(hour=0, minute=0), candles[-1].minute_at + timedelta(hours=2)
    as_of = first
    while as_of < end:
        as_of = min(as_of + timedelta(minutes=chance.randint(1, 2_000)), end)
        track(db, settings, CANDLES.parent, as_of)
    sealed = reference.sealed_by_file(candles, end)
    scored = []
    for decision in decisions:
        ref = to_ref(decision, None)
        scored.append(
            reference.RefScored(
                ref,
                reference.settle_trade(ref, candles, sealed, end) if ref.direction else None,
                reference.horizon_return(ref, candles, sealed, end),
                reference.is_suspect(ref, candles, sealed, 5),
            )
        )
    with db.begin() as connection:
        rows = connection.execute(
            text(
                f"SELECT d.trade_id, {', '.join(EXIT)}, d.horizon_return_pct, coalesce(d.price_suspect, false) "
                "FROM scorekeeper.decision AS d LEFT JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id"
            )
        )
        found = {row[0]: tuple(row[1:]) for row in rows}
        answer = query.system_metrics(connection)
    for one in scored:
        fields = tuple(None if one.exit is None else getattr(one.exit, name) for name in EXIT)
        assert found[one.decision.trade_id] == (*fields, one.horizon_return_pct, one.suspect), one.decision
    reasons = {one.exit.exit_reason for one in scored if one.exit}
    assert reasons == {"expired", "stop_loss", "take_profit", "trailing_stop"}
    close_to(answer, recounted.system_figures(scored, after_fees=False))
    close_to(answer["net"], recounted.system_figures(scored, after_fees=True))
    for agent, figures in answer["agent_performance"].items():
        close_to(figures, recounted.agent_figures(scored, agent))
    assert verify(db, settings) == []
    with db.begin() as connection:
        analysis = analyze(connection, end)
    hold_against(analysis, read_plainly(db, end))

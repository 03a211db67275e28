"""The dataset, counted naively, counts right: its lines say what they are, and a trade is completed once."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.metrics import voiding
from scorekeeper.operations.import_dataset import import_dataset
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.trades import close_requests
from scorekeeper.verify.run import verify
from tests.integration.trades.test_pipeline import NOW, take, track

# As events were written before lines had a form: one of the horizon for every decision, behind that of its close.
AS_BEFORE = """
WITH older AS (
    UPDATE scorekeeper.event SET form = 1 RETURNING kind, horizon_known, trade_id, price_suspect
)
INSERT INTO scorekeeper.event (kind, trade_id, horizon_known, price_suspect, form)
SELECT 'horizon', trade_id, true, price_suspect, 1 FROM older WHERE kind = 'outcome' AND horizon_known
"""


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def count(db: Database, query: str) -> int:
    with db.begin() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM scorekeeper.{query}")).scalar_one())


def live(db: Database, settings: Settings) -> None:
    """The sample, with closes by hand long before their horizons are known, and one void."""
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    early = as_of - timedelta(hours=20)
    track(db, settings, folder, early)
    with db.begin() as connection:
        ids = connection.execute(text("SELECT trade_id FROM scorekeeper.trade WHERE opened_at <= :at"), {"at": early})
        for trade_id in ids.scalars().all():
            close_requests.request_close(connection, trade_id, early)
    track(db, settings, folder, early)
    track(db, settings, folder, as_of)
    with db.begin() as connection:
        voided = connection.execute(text("SELECT min(trade_id) FROM scorekeeper.trade")).scalar_one()
        assert voiding.void_decision(connection, voided, "a test", as_of) == "voided"
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


def assert_counts_right(db: Database, settings: Settings) -> None:
    records = read(settings.dataset_path)
    statuses = Counter(record["status"] for record in records)
    trades = count(db, "trade WHERE exit_time IS NOT NULL")
    assert statuses["completed"] == len({one["trade_id"] for one in records if one["status"] == "completed"}) == trades
    assert statuses["active"] == count(db, "trade")
    assert statuses["hold"] == count(db, "decision WHERE direction = 0")
    # Naively summed, each horizon return counts once too, and nothing but a completed line speaks of an exit.
    known = [one["trade_id"] for one in records if one["horizon_return_pct"] is not None]
    assert len(known) == len(set(known)) == count(db, "decision WHERE horizon_known_at IS NOT NULL")
    assert {one["status"] for one in records if one["pnl_pct"] is not None} == {"completed"}
    assert settings.log_path.read_text().count("] OUTCOME: ") == trades


def test_the_completed_lines_are_as_many_as_the_closed_trades(db: Database, settings: Settings) -> None:
    live(db, settings)
    assert_counts_right(db, settings)
    statuses = Counter(record["status"] for record in read(settings.dataset_path))
    later = count(db, "event WHERE kind = 'horizon'")
    assert statuses["horizon"] == later > statuses["hold"]  # the holds', and of what was closed by hand
    whole = settings.dataset_path.read_bytes()
    publish.rebuild(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert settings.dataset_path.read_bytes() == whole
    assert verify(db, settings) == []


def test_lines_of_an_older_release_stay_as_they_are_until_they_are_renewed(db: Database, settings: Settings) -> None:
    live(db, settings)
    with db.begin() as connection:
        connection.execute(text(AS_BEFORE))
    publish.rebuild(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    before = settings.dataset_path.read_bytes()
    assert {record["status"] for record in read(settings.dataset_path)} == {"active", "completed"}
    assert b"received_at" not in before
    assert verify(db, settings) == []
    fresh = {"symbol": "BTC/USDT", "type": "HOLD", "timestamp": "2025-05-05T10:00:00Z"}
    (settings.inbox_dir / "new.json").write_text(json.dumps(fresh))
    take(db, settings)
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert settings.dataset_path.read_bytes().startswith(before)
    assert read(settings.dataset_path)[-1]["status"] == "hold"
    assert verify(db, settings) == []
    done = publish.renew(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert [path.read_bytes().startswith(before) for path in done.edited] == [True]
    assert_counts_right(db, settings)
    assert verify(db, settings) == []


@pytest.mark.parametrize("older", [False, True])
def test_a_dataset_of_ours_is_imported_trade_by_trade_once(
    db: Database, other_db: Database, settings: Settings, older: bool
) -> None:
    live(db, settings)
    if older:
        with db.begin() as connection:
            connection.execute(text(AS_BEFORE))
        publish.rebuild(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    done = import_dataset(other_db, settings.dataset_path, settings, NOW)
    trades = count(db, "trade")
    assert (done.rejected, done.decisions, done.completed) == ([], count(db, "decision"), trades)
    assert count(other_db, "event WHERE kind = 'outcome'") == trades

"""Files in, trades closed, files out: exactly once, whatever is repeated."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.market import binding
from scorekeeper.market.replay import ReplayMarket
from scorekeeper.metrics import query, rollups
from scorekeeper.operations.sample import START, write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.trades import fetch, settle
from scorekeeper.verify import published_files
from scorekeeper.verify.run import verify

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GOOD = {"symbol": "BTCUSDT", "type": "BUY", "price": 96000.0, "timestamp": "2025-05-05T10:00:30Z"}


def take(db: Database, settings: Settings, at: datetime | None = None) -> ingest.Summary:
    later = datetime.now(UTC) + timedelta(seconds=10)
    return ingest.ingest_files(db, settings, received_at=at or later)


def track(db: Database, settings: Settings, folder: Path, as_of: datetime) -> settle.Settled:
    market = ReplayMarket(str(folder), settings.candle_grace_minutes)
    with db.begin() as connection:
        binding.bind_market(connection, market.name, as_of)
        needs = fetch.select_needs(connection, as_of)
    for need in needs:
        asyncio.run(fetch.fetch_symbol(db, market, need, as_of, suspect_price_pct=5))
    with db.begin() as connection:
        done = settle.settle(connection, as_of, suspect_price_pct=5)
        rollups.score_stale_days(connection, as_of)
        settle.mark_open_trades(connection, as_of)
        binding.advance_as_of(connection, as_of)
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    return done


def test_the_sample_once_and_again_gives_the_same_rows_and_bytes_and_verifies(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    assert take(db, settings).decisions == 420
    done = track(db, settings, folder, as_of)
    assert done.horizons == 420
    with db.begin() as connection:
        first = query.system_metrics(connection)
    published = settings.log_path.read_bytes(), settings.dataset_path.read_bytes()
    write_sample(settings.inbox_dir, folder)
    again = take(db, settings)
    assert (again.decisions, again.files) == (0, 22)
    assert track(db, settings, folder, as_of) == settle.Settled(0, 0)
    with db.begin() as connection:
        assert query.system_metrics(connection) == first
    assert published == (settings.log_path.read_bytes(), settings.dataset_path.read_bytes())
    assert verify(db, settings) == []
    publish.rebuild(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert published == (settings.log_path.read_bytes(), settings.dataset_path.read_bytes())


def test_one_tracked_every_seven_hours_equals_one_tracked_once(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    for hours in range(1, 72, 7):
        track(db, settings, folder, as_of - timedelta(hours=72 - hours))
    track(db, settings, folder, as_of)
    assert verify(db, settings) == []


def test_one_bad_line_takes_no_good_one_with_it(db: Database, settings: Settings) -> None:
    lines = [json.dumps({**GOOD, "price": 96000.0 + n}) for n in range(9_999)]
    lines.insert(5_000, json.dumps({**GOOD, "max_hold_minutes": "long"}))
    (settings.inbox_dir / "many.jsonl").write_text("\n".join(lines) + "\n")
    summary = take(db, settings)
    assert (summary.decisions, summary.rejected) == (9_999, 1)
    assert summary.rejections == [
        {"file": "many.jsonl", "line": 5_001, "field": "max_hold_minutes", "reason": "not a number"}
    ]
    report = json.loads(next(settings.quarantine_dir.glob("*.error.json")).read_text())
    assert report["rejected"][0]["line"] == 5_001


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", None),
        (b'{"symbol": "BTC/USDT", "type": "BUY", "price": NaN}', "price"),
        (b'{"symbol": "BTC/USDT", "type": "BUY", "type": "SELL", "price": 1}', "type"),
        (b'{"symbol": "BTC/USDT", "type": "HOLD", "reason": "\\u0000"}', "reason"),
        (b"[" * 100_000, None),
        (b"\xff\xfe{\x00}\x00", None),
        (b'{"symbol": "BTC/USDT", "type": "BUY", "price": 1e999}', "price"),
        (b'{"symbol": "BTC/USDT", "type": "BUY", "price": 10, "stop_loss": 11}', "stop_loss"),
        (b'{"symbol": "BTC/USDT", "type": "SELL", "price": 1.7e308}', "price"),
        (b'{"symbol": "BTC/USDT", "type": "BUY", "price": 1e-305}', "price"),
        (b'{"symbol": "BTC/USDT", "type": "BUY", "price": 10, "timestamp": "9999-01-01"}', "timestamp"),
    ],
)
def test_a_hostile_file_is_quarantined_and_the_next_file_comes_in(
    db: Database, settings: Settings, content: bytes, field: str | None
) -> None:
    (settings.inbox_dir / "a.json").write_bytes(content)
    (settings.inbox_dir / "b.json").write_text(json.dumps(GOOD))
    summary = take(db, settings)
    assert (summary.decisions, summary.rejected) == (1, 1)
    assert summary.rejections[0]["field"] == field
    assert list(settings.inbox_dir.iterdir()) == []


def test_the_same_id_with_other_content_is_a_conflict_that_names_both(db: Database, settings: Settings) -> None:
    (settings.inbox_dir / "a.json").write_text(json.dumps({**GOOD, "trade_id": "x"}))
    (settings.inbox_dir / "b.json").write_text(json.dumps({**GOOD, "trade_id": "x", "price": 5.0}))
    (settings.inbox_dir / "c.json").write_text(json.dumps({**GOOD, "trade_id": "x"}, indent=3))
    summary = take(db, settings)
    assert (summary.decisions, summary.duplicates, summary.rejected) == (1, 1, 1)
    assert "a.json" in summary.rejections[0]["reason"]


def test_a_torn_file_waits_until_it_stands_still(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "a.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + '{"symbol": "BTC')
    assert take(db, settings, datetime.now(UTC)).waiting == ["a.jsonl"]
    summary = take(db, settings)
    assert (summary.decisions, summary.rejected) == (1, 1)


def test_a_file_killed_between_commit_and_move_is_moved_later_and_counted_once(
    db: Database, settings: Settings
) -> None:
    (settings.inbox_dir / "a.json").write_text(json.dumps(GOOD))
    take(db, settings)
    archived = next(settings.archive_dir.rglob("a-*.json"))
    archived.rename(settings.inbox_dir / "a.json")
    with db.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.file_arrival SET moved_at = NULL"))
    summary = take(db, settings)
    assert (summary.files, summary.decisions, archived.exists()) == (0, 0, True)


def test_an_edited_log_is_noticed_and_rebuilt(db: Database, settings: Settings) -> None:
    (settings.inbox_dir / "a.json").write_text(json.dumps(GOOD))
    take(db, settings)
    paths: dict[str, Any] = {"log_path": settings.log_path, "dataset_path": settings.dataset_path}
    publish.publish(db, **paths)
    before = settings.log_path.read_bytes()
    settings.log_path.write_bytes(before.replace(b"BUY", b"HOLD"))
    with pytest.raises(Exception, match="publish --rebuild"):
        publish.publish(db, **paths)
    assert published_files.check_published(db, **paths)
    publish.rebuild(db, **paths)
    assert settings.log_path.read_bytes() == before


def test_another_market_is_refused(db: Database, settings: Settings) -> None:
    with db.begin() as connection:
        binding.bind_market(connection, "replay:/a", NOW)
    with pytest.raises(Exception, match="switch-market"), db.begin() as connection:
        binding.bind_market(connection, "replay:/b", NOW)
    with pytest.raises(Exception, match=r"CALENDAR=XNYS: use another .*switch-market"), db.begin() as connection:
        binding.bind_market(connection, "replay:/a", NOW, calendar="XNYS")


def test_an_as_of_before_the_last_one_is_refused_and_writes_nothing(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    track(db, settings, folder, as_of)
    track(db, settings, folder, as_of)  # the same once more is no step back
    with db.begin() as connection:
        before = connection.execute(text("SELECT count(*) FROM scorekeeper.equity")).scalar()
    with pytest.raises(ScorekeeperError, match="before the last one"):
        track(db, settings, folder, as_of - timedelta(minutes=1))
    with db.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM scorekeeper.equity")).scalar() == before


def test_what_opens_after_as_of_counts_nowhere_yet(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    early = as_of - timedelta(days=4)
    track(db, settings, folder, early)
    with db.begin() as connection:
        answer = query.system_metrics(connection)
    assert (answer["active_trades"], answer["late_decisions"], answer["suspect_trades"]) == (0, 0, 0)


def test_a_file_that_somebody_else_wrote_is_set_aside_and_kept(db: Database, settings: Settings) -> None:
    settings.dataset_path.parent.mkdir()
    settings.dataset_path.write_text("the predecessor's\n")
    (settings.inbox_dir / "a.json").write_text(json.dumps(GOOD))
    take(db, settings)
    done = publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    (aside,) = done.set_aside
    assert aside.read_text() == "the predecessor's\n"
    assert len(settings.dataset_path.read_text().splitlines()) == done.dataset_lines == 1
    again = publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert (again.set_aside, again.dataset_lines) == ((), 0)


def test_suspect_prices_are_listed_left_out_and_counted_when_asked_for(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    as_of = write_sample(settings.inbox_dir, folder)
    take(db, settings)
    mock = [{**GOOD, "timestamp": f"2025-05-06T{hour:02}:00:30Z", "price": 50_000.0} for hour in range(5)]
    (settings.inbox_dir / "mock.json").write_text(json.dumps(mock))
    take(db, settings)
    track(db, settings, folder, as_of)
    with db.begin() as connection:
        rows = connection.execute(text("SELECT price, deviation_pct FROM scorekeeper.report_suspect_prices")).all()
        without = query.system_metrics(connection)
        everything = query.system_metrics(connection, include_suspect=True)
        one = query.system_metrics(connection, symbol="ETH/USDT")
        again = query.system_metrics(connection, symbol="ETH/USDT", include_suspect=True)
    assert [row.price for row in rows] == [50_000.0] * 5
    assert all(row.deviation_pct < -30 for row in rows)
    assert without["suspect_trades"] == everything["suspect_trades"] == 5
    assert everything["completed_trades"] == without["completed_trades"] + 5
    assert everything["total_pnl_pct"] > without["total_pnl_pct"] + 250
    # Where nothing is suspect, counting the rows gives what the rollups give.
    assert one | {"include_suspect": True} == again


def test_open_trades_show_mark_age_and_distances_and_equity_its_curve(db: Database, settings: Settings) -> None:
    folder = settings.inbox_dir.parent / "market"
    write_sample(settings.inbox_dir, folder)
    for path in settings.inbox_dir.iterdir():
        path.unlink()
    frame = (folder / "BTC-USDT.csv").read_text().splitlines()
    price = float(frame[1 + 120].split(",")[4])
    at = START + timedelta(minutes=121)
    short = {"symbol": "BTC/USDT", "type": "SELL", "price": price, "timestamp": at.isoformat(), "max_hold_minutes": 900}
    (settings.inbox_dir / "a.json").write_text(json.dumps(short | {"stop_loss": price * 1.5, "take_profit": price / 2}))
    take(db, settings)
    track(db, settings, folder, at + timedelta(minutes=30))
    mark = float(frame[1 + 150].split(",")[4])
    with db.begin() as connection:
        row = connection.execute(text("SELECT * FROM scorekeeper.report_open_trades")).one()
        curve = connection.execute(text("SELECT * FROM scorekeeper.report_equity")).all()
    assert (row.mark_price, row.age_minutes, row.minutes_to_expiry) == (mark, 30.0, 870.0)
    assert row.pnl_pct == pytest.approx((price - mark) / price * 100)
    assert row.distance_to_stop_pct == pytest.approx((price * 1.5 - mark) / mark * 100)
    assert row.distance_to_target_pct == pytest.approx((mark - price / 2) / mark * 100)
    assert [c.equity_pct for c in curve] == [pytest.approx(row.pnl_pct)]

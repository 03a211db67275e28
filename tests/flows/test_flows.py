"""The flows on a real Prefect server: what they return, what they publish, how they fail."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from flows.close_trade import close_trade
from flows.import_dataset import import_dataset
from flows.ingest import ingest
from flows.prune import prune
from flows.publish_parquet import publish_parquet
from flows.track import track
from flows.void_decision import void_decision
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.sample import write_sample
from tasks.as_of import PREFETCH_SECONDS, fix_as_of, whole_minute


def artifacts(key: str) -> list[str]:
    async def read() -> list[str]:
        async with get_client() as client:
            found = await client.read_artifacts(
                artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), sort=ArtifactSort.CREATED_DESC
            )
            return [str(one.data) for one in found]

    return asyncio.run(read())


def run(flow_run: Any) -> Any:
    return asyncio.run(flow_run)


def test_files_become_a_published_score(home: Path) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    assert run(ingest())["decisions"] == 420
    assert list((home / "inbox").iterdir()) == []
    early = run(track(as_of - timedelta(hours=30)))
    assert early["open"] > 0
    (open_trades,) = [json.loads(artifacts("open-trades")[0])]
    assert len(open_trades) == early["open"]
    done = run(track(as_of))
    assert done["closed"] > 0
    assert (done["open"], done["unknown_symbols"], done["symbols_failed"]) == (0, [], [])
    assert "win rate" in artifacts("performance-summary")[0]
    rows = {row["figure"]: row for row in json.loads(artifacts("system-metrics")[0])}
    assert int(rows["completed_trades"]["gross"]) == early["closed"] + done["closed"]
    assert len(json.loads(artifacts("agent-metrics")[0])) == 5
    for key, name in (("performance-log", "performance_summary.logl"), ("performance-dataset", "_dataset.jsonl")):
        assert name in artifacts(key)[0]
    again = run(track(as_of))
    assert (again["closed"], again["dataset_lines"], again["log_lines"]) == (0, 0, 0)


def test_parquet_is_published_where_it_is_switched_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(home / "inbox", home / "market")
    run(ingest())
    assert run(publish_parquet()) == {"rows": 0, "files": 0}
    assert not (home / "datasets" / "parquet").exists()
    monkeypatch.setenv("PUBLISH_PARQUET", "true")
    assert run(publish_parquet()) == {"rows": 420, "files": 1}
    assert run(publish_parquet()) == {"rows": 0, "files": 0}
    assert [path.parent.name for path in (home / "datasets" / "parquet").rglob("*.parquet")] == ["month=2025-05"]


def test_an_empty_inbox_is_a_green_run_that_does_nothing(home: Path) -> None:
    done = run(ingest())
    assert (done["files"], done["decisions"], done["rejections"]) == (0, 0, [])


def test_a_symbol_that_the_market_does_not_know_stops_no_other(home: Path) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    (home / "market" / "ETH-USDT.csv").unlink()
    (home / "market" / "SOL-USDT.csv").write_text("timestamp,open\n")
    done = run(track(as_of))
    assert done["unknown_symbols"] == ["ETH/USDT"]
    assert "SOL/USDT" in done["symbols_failed"][0]
    assert done["closed"] > 0
    assert done["open"] > 0


def test_a_requested_close_is_done_by_the_next_track_and_once(home: Path) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    first = run(track(as_of - timedelta(hours=30)))
    trade_id = json.loads(artifacts("open-trades")[0])[0]["trade_id"].replace("&#45;", "-")
    at = first["as_of"] + timedelta(minutes=1)
    assert run(close_trade(trade_id, at)) == "requested"
    assert run(close_trade(trade_id, at + timedelta(minutes=5))) == "already requested"
    assert run(close_trade("no-such-trade", at)) == "unknown"
    run(track(as_of))
    assert run(close_trade(trade_id, as_of)) == "closed"
    lines = (home / "datasets" / "performance_dataset.jsonl").read_text().splitlines()
    ends = [r for r in map(json.loads, lines) if r["trade_id"] == trade_id and r["exit_reason"]]
    assert ends[0]["exit_reason"] in ("manual", "stop_loss", "take_profit")


def test_a_voided_trade_leaves_every_figure_of_the_next_track(home: Path) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    closed = run(track(as_of))["closed"]
    lines = (home / "datasets" / "performance_dataset.jsonl").read_text().splitlines()
    trade_id = next(r["trade_id"] for r in map(json.loads, lines) if r["exit_reason"])
    assert run(void_decision(trade_id, "a test of the feed")) == "voided"
    run(track(as_of))
    rows = {row["figure"]: row for row in json.loads(artifacts("system-metrics")[0])}
    assert int(rows["completed_trades"]["gross"]) < closed
    assert run(void_decision("no-such-trade", "why")) == "unknown"


def test_pruning_gives_up_old_candles_and_leaves_the_score(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    run(track(as_of))
    before = artifacts("system-metrics")[0]
    assert run(prune()) == {"months": [], "days": [], "decisions": 0, "before": None, "held_back": None}
    monkeypatch.setenv("KEEP_CANDLES_DAYS", "30")
    assert run(prune(dry_run=True))["months"] == run(prune())["months"] == ["2025-05"]
    with pytest.raises(ScorekeeperError, match="lies in the future"):
        run(prune(datetime(2099, 1, 1, tzinfo=UTC)))
    run(track(as_of))
    assert artifacts("system-metrics")[0] == before


def test_a_track_without_changes_writes_nothing_and_artifacts_are_hourly(home: Path) -> None:
    """Each version is an event or two on the server, every minute."""
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    run(track(as_of - timedelta(hours=20)))
    began = datetime.now(UTC).hour
    before = {key: artifacts(key) for key in ("system-metrics", "agent-metrics", "open-trades", "performance-log")}
    run(track(as_of - timedelta(hours=20)))
    assert {key: artifacts(key) for key in before} == before
    run(track(as_of))
    after = {key: artifacts(key) for key in before}
    if datetime.now(UTC).hour == began:
        assert {key: len(found) for key, found in after.items()} == {key: len(found) for key, found in before.items()}
    assert after["system-metrics"][0] != before["system-metrics"][0]
    assert after["performance-log"] == before["performance-log"]


def test_an_edited_file_makes_a_red_run_whose_first_line_says_what_to_do(home: Path) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    log = home / "logs" / "performance_summary.logl"
    log.write_bytes(log.read_bytes().replace(b"BUY", b"BYE"))
    with pytest.raises(ScorekeeperError, match="publish --rebuild"):
        run(track(as_of))


def test_a_dataset_of_the_predecessor_is_imported_once(home: Path) -> None:
    record = {
        "trade_id": "t1", "timestamp": "2025-05-01T12:00:00", "symbol": "BTC/USDT", "action": "BUY",
        "entry_price": 100.0, "confidence": 80, "status": "active",
        "agent_contributions": {"A": {"signal": "BUY", "confidence": 70}},
    }  # fmt: skip
    closed = record | {"status": "completed", "exit_price": 101.0, "exit_time": "2025-05-01T13:00:00", "pnl_pct": 1.0}
    path = home / "old.jsonl"
    path.write_text(json.dumps(record) + "\n" + json.dumps(closed) + "\n" + "{broken\n")
    first = run(import_dataset(str(path)))
    assert (first["records"], first["decisions"], first["completed"], len(first["rejected"])) == (3, 1, 1, 1)
    assert (first["rejected"][0]["line"], run(import_dataset(str(path)))["completed"]) == (3, 0)
    last = json.loads((home / "datasets" / "performance_dataset.jsonl").read_text().splitlines()[-1])
    assert (last["pnl_pct"], last["exit_reason"], last["price_source"]) == (1.0, "imported", "imported")


def test_a_scheduled_run_that_begins_a_moment_early_waits_for_its_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    due = datetime.now(UTC) + timedelta(seconds=1.5)
    monkeypatch.setattr("prefect.runtime.flow_run.scheduled_start_time", due, raising=False)
    assert asyncio.run(fix_as_of(None)) == whole_minute(datetime.now(UTC))
    assert datetime.now(UTC) >= due
    due = datetime.now(UTC) + timedelta(seconds=PREFETCH_SECONDS)
    monkeypatch.setattr("prefect.runtime.flow_run.scheduled_start_time", due, raising=False)
    asked = datetime(2025, 5, 1, 12, 0, 59)  # noqa: DTZ001 - as somebody types it: it is taken for UTC
    assert asyncio.run(fix_as_of(asked)) == datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
    assert datetime.now(UTC) < due

"""Decisions that are old go, with all that belongs to them. Figures, files and what is checked stay true."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from scorekeeper import PerformanceTracker
from scorekeeper.errors import ScorekeeperError
from scorekeeper.learning.run import learn
from scorekeeper.metrics import query, voiding
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.operations import prune_decisions
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.publish.parquet import publish_parquet, rebuild_parquet
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import compare, verify
from tests.dashboard.serving import serve
from tests.integration.trades.test_pipeline import take, track

BOUND = datetime(2025, 5, 7, tzinfo=UTC)
OF_ROWS = ("active_trades", "suspect_trades", "late_decisions")  # counted from the rows that are there


class Lived:
    """The sample's three days, tracked, learned and published, in an installation that keeps decisions for two days."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self.db = db
        self.settings = settings.model_copy(update={"keep_decisions_days": 2})
        self.folder = settings.inbox_dir.parent / "market"
        self.as_of = write_sample(settings.inbox_dir, self.folder)
        self.paths = {"log_path": settings.log_path, "dataset_path": settings.dataset_path}

    def live(self) -> None:
        take(self.db, self.settings)
        track(self.db, self.settings, self.folder, self.as_of)
        learn(self.db, self.as_of)

    def prune(self, at: datetime = BOUND + timedelta(days=2, hours=5)) -> prune_decisions.PrunedDecisions:
        return prune_decisions.prune_decisions(self.db, self.settings, at)

    def bring(self, name: str, *decisions: dict[str, Any], at: datetime | None = None) -> Any:
        (self.settings.inbox_dir / name).write_text("".join(json.dumps(one) + "\n" for one in decisions))
        return take(self.db, self.settings, at)

    def metrics(self, **selection: Any) -> dict[str, Any]:
        with self.db.begin() as connection:
            return query.system_metrics(connection, **selection)

    def count(self, what: str) -> int:
        with self.db.begin() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM scorekeeper.{what}")).scalar_one())

    def files(self) -> list[bytes]:
        return [path.read_bytes() for path in self.paths.values()]


@pytest.fixture
def lived(db: Database, settings: Settings) -> Lived:
    return Lived(db, settings)


def decide(**fields: Any) -> dict[str, Any]:
    return {"symbol": "BTC/USDT", "type": "BUY", "price": 96_000.0, "timestamp": "2025-05-05T10:00:30Z"} | fields


def test_old_decisions_go_and_figures_files_and_verification_stay_true(
    lived: Lived, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lived.live()
    before, files = lived.metrics(), lived.files()
    by_side = lived.metrics(since=BOUND, by=Breakdown.SIDE)
    assert verify(lived.db, lived.settings) == []
    done = lived.prune()
    assert (done.before, done.held_back) == (BOUND, None)
    assert done.decisions == 420 - lived.count("decision") > 100
    assert lived.count("decision WHERE expires_at < '2025-05-07Z'") == 0
    for table in ("trade", "agent_signal", "event"):
        assert lived.count(f"{table} WHERE trade_id NOT IN (SELECT trade_id FROM scorekeeper.decision)") == 0
    found = compare(lived.db, lived.settings)
    assert (found.differences, found.kept_from) == ([], BOUND)

    # Figures of days stay; what is counted from rows says since when.
    after = lived.metrics()
    assert {name for name in before if before[name] != after[name]} <= set(OF_ROWS)
    assert lived.metrics(compose=True)["completed_trades"] == before["completed_trades"]
    assert lived.metrics(by=Breakdown.SIDE) == by_side
    assert lived.metrics(include_suspect=True)["since"] == "2025-05-07T00:00:00Z"

    # The dashboard says so on each page.
    with serve(lived.db) as served:
        page = httpx.get(f"{served.address}/trades", headers={"Accept": "text/html"}, timeout=60)
    assert "Decisions from before" in page.text

    # Published lines stay, also when a file is written again.
    assert lived.files() == files
    publish.rebuild(lived.db, **lived.paths)
    assert lived.files() == files

    # What was deleted cannot come again, and everything that is there meets itself.
    old = lived.bring("old.jsonl", decide())
    assert (old.decisions, [one["field"] for one in old.rejections]) == (0, ["timestamp"])
    assert "deleted" in old.rejections[0]["reason"]
    names = [path for path in lived.settings.archive_dir.rglob("*.json*") if path.is_file()]
    lived.settings.inbox_dir.joinpath("again.jsonl").write_bytes(names[-1].read_bytes() + b"\n")
    assert take(lived.db, lived.settings).decisions == 0
    with lived.db.begin() as connection:
        staying = text("SELECT trade_id FROM scorekeeper.decision WHERE opened_at < '2025-05-07Z' LIMIT 1")
        one = connection.execute(staying).scalar_one()
        with pytest.raises(ScorekeeperError, match="deleted by their age"):
            voiding.void_decision(connection, one, "late", lived.as_of)
    assert verify(lived.db, lived.settings) == []

    # Life goes on: a tracker, a track, another folder of files that begins now.
    monkeypatch.setenv("DATABASE_URL", database_url)
    with PerformanceTracker() as tracker:
        with pytest.raises(ScorekeeperError, match="KEEP_DECISIONS_DAYS"):
            tracker.record_decision(decide())
        ids = [tracker.record_decision(decide(timestamp=f"2025-05-07T20:00:0{n}Z")) for n in range(3)]
    assert lived.files()[1].count(ids[2].encode()) == 1
    track(lived.db, lived.settings, lived.folder, lived.as_of)
    learn(lived.db, lived.as_of)
    assert lived.files()[1].startswith(files[1])
    other = lived.settings.model_copy(update={"log_dir": tmp_path / "other", "datasets_dir": tmp_path / "other"})
    publish.publish(lived.db, log_path=other.log_path, dataset_path=other.dataset_path)
    assert 0 < other.dataset_path.stat().st_size < len(lived.files()[1])
    assert lived.files()[1].endswith(other.dataset_path.read_bytes())
    assert verify(lived.db, other) == verify(lived.db, lived.settings) == []
    publish.rebuild(lived.db, log_path=other.log_path, dataset_path=other.dataset_path)
    assert verify(lived.db, other) == []

    # A later prune goes on from there.
    lived.prune(lived.as_of + timedelta(days=30))
    assert lived.count("decision") == 0
    assert verify(lived.db, other) == verify(lived.db, lived.settings) == []
    assert lived.metrics()["completed_trades"] >= before["completed_trades"]

    # A file that lost its old lines is found, and not written again without them.
    whole = lived.settings.dataset_path.read_bytes()
    lived.settings.dataset_path.write_bytes(whole.replace(b"BUY", b"buy", 1))
    assert any("of decisions that were deleted" in one for one in verify(lived.db, lived.settings))
    with pytest.raises(ScorekeeperError, match="Put back that part from a backup"):
        publish.rebuild(lived.db, **lived.paths)
    lived.settings.dataset_path.unlink()
    publish.rebuild(lived.db, **lived.paths)
    assert verify(lived.db, lived.settings) == []


def test_a_prune_that_is_killed_between_two_batches_goes_on_later(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.live()
    files, delete = lived.files(), prune_decisions._delete
    batches = iter(range(3))

    def killed(connection: Any) -> int:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        return delete(connection)

    monkeypatch.setattr(prune_decisions, "BATCH", 40)
    with monkeypatch.context() as patched:
        patched.setattr(prune_decisions, "_delete", killed)
        with pytest.raises(KeyboardInterrupt):
            lived.prune()
    assert lived.count("decision") == 420 - 3 * 40
    assert verify(lived.db, lived.settings) == []
    assert lived.prune().decisions > 0
    assert lived.count("decision WHERE expires_at < '2025-05-07Z'") == 0
    assert (lived.prune().decisions, lived.files(), verify(lived.db, lived.settings)) == (0, files, [])


def test_an_open_trade_holds_the_others_back_and_exits_go_with_their_trades(lived: Lived) -> None:
    lived.bring(
        "exits.jsonl",
        decide(trade_id="long", timestamp="2025-05-06T10:00:30Z", max_hold_minutes=60 * 24 * 30),
        decide(trade_id="closed", max_hold_minutes=600),
        decide(type="CLOSE", trade_id="closed", timestamp="2025-05-05T12:00:30Z"),
        # It stays, since its horizon is not over; so does the trade that it names.
        decide(trade_id="named", max_hold_minutes=600),
        decide(type="CLOSE", closes=["named"], timestamp="2025-05-05T12:00:30Z", max_hold_minutes=60 * 47),
    )
    lived.live()
    lived.bring("priceless.jsonl", decide(trade_id="priceless", symbol="ABSENT/USDT"), at=BOUND - timedelta(hours=1))
    lived.bring("fresh.jsonl", decide(trade_id="fresh", symbol="LATER/USDT"))
    assert verify(lived.db, lived.settings) == []
    # A symbol may still get its prices while it has not been asked for that long.
    assert "fresh of LATER/USDT" in (lived.prune().held_back or "")
    assert lived.count("decision WHERE trade_id = 'priceless'") == 1
    with lived.db.begin() as connection:
        assert voiding.void_decision(connection, "fresh", "no such symbol", lived.as_of) == "voided"
    done = lived.prune()
    assert (done.before, "long of BTC/USDT" in (done.held_back or "")) == (BOUND - timedelta(days=1), True)
    assert lived.count("decision WHERE trade_id ~ '^(closed|priceless)'") == 0
    assert lived.count("decision WHERE trade_id IN ('named', 'long')") == 2
    assert verify(lived.db, lived.settings) == []
    with lived.db.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.retention SET decisions_from = '2025-05-05Z'"))
        assert voiding.void_decision(connection, "long", "no end", lived.as_of) == "voided"
    learn(lived.db, lived.as_of)
    assert lived.prune().before == BOUND
    assert lived.count("decision WHERE expires_at < '2025-05-07Z'") == 1  # named
    assert verify(lived.db, lived.settings) == []


def test_parquet_holds_back_what_it_is_written_from_until_it_is_given_up(lived: Lived) -> None:
    lived.live()
    pruned = lived.prune()
    assert (pruned.before, pruned.decisions > 0) == (BOUND, True)
    folder = lived.settings.parquet_dir
    # What is published now has the decisions that are there.
    assert publish_parquet(lived.db, folder).rows > 0
    assert verify(lived.db, lived.settings) == []
    assert rebuild_parquet(lived.db, folder).set_aside == []
    assert verify(lived.db, lived.settings) == []
    later = BOUND + timedelta(days=3, hours=5)
    for _ in range(2):
        held = lived.prune(later)
        assert (held.decisions, held.before) == (0, None)
        assert held.held_back == (
            f"all decisions stay: the Parquet dataset {folder} is written from them; to do without it, set "
            "PUBLISH_PARQUET=false and move it away"
        )
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.parquet")}
    folder.rename(folder.with_name("kept"))
    lived.settings = lived.settings.model_copy(update={"publish_parquet": True})
    assert lived.prune(later).decisions == 0  # its disk may be away
    lived.settings = lived.settings.model_copy(update={"publish_parquet": False})
    assert prune_decisions.prune_decisions(lived.db, lived.settings, later, dry_run=True).decisions > 0
    assert lived.prune(later).decisions > 0
    assert verify(lived.db, lived.settings) == []
    publish_parquet(lived.db, folder)
    assert verify(lived.db, lived.settings) == []
    assert files.keys() >= {path.relative_to(folder) for path in folder.rglob("*.parquet")}

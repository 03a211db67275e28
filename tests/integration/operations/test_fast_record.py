"""Decisions recorded one at a time leave the rows that a batch leaves, and the lines that a rebuild writes."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from scorekeeper import PerformanceTracker
from scorekeeper.decisions.costs import CostRules
from scorekeeper.decisions.decision import Decision, DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox import store_decisions
from scorekeeper.locks import Lock
from scorekeeper.operations import fast_record
from scorekeeper.operations.fast_record import FastRecorder, Recorded
from scorekeeper.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from scorekeeper.verify import published_files
from scorekeeper.verify.unknown_files import find_unpublished_ids

NOW = datetime(2025, 5, 2, tzinfo=UTC)
FIRST = datetime(2025, 5, 1, 12, tzinfo=UTC)
LONG = 600.0
TABLES = {
    "decision": "trade_id",
    "agent_signal": "trade_id, ordinal",
    "trade": "trade_id",
    "event": "trade_id, kind",
}
# Each field given and left out, numbers that JSON and Python write in different ways, and text of all kinds.
SHAPES: tuple[dict[str, Any], ...] = (
    {"type": "BUY", "price": 100.0},
    {"type": "SELL", "price": 1e-7, "interval": "4h", "confidence": 61.5, "stop_loss": 2e-7, "take_profit": 1e-8},
    {"type": "BUY", "price": 1e15, "trailing_stop_pct": 2, "position_size": 0.1, "reason": "ü \u202e\n%s"},
    {"type": "HOLD", "agent_analyses": {}},
    {"type": "CONFLICTED", "reason": "x" * 600, "note": {"deep": [1, 2.50, None, "é"]}, "max_hold_minutes": 1},
    {
        "type": "BUY", "price": 3, "version": "v9",
        "agent_analyses": {
            "A": {"signal": "BUY", "confidence": 60.0, "why": "%(x)s :name", "big": 12345678901234567890},
            "B": {"signal": "perhaps"}, "Ü": {"signal": "STRONG_SELL", "confidence": 0.1},
        },
    },
)  # fmt: skip


TERMS = CostRules(
    maker_fee_bps=1.1, fee_per_share=0.005, min_fee=1.0, spread_bps=0.3, funding_bps_per_day=-2.2, size="units"
)


def decisions(count: int) -> list[Decision]:
    """Every other six of them with all terms of a trade."""
    plain = DecisionContext(NOW, "v1", 60, load_settings().timezone, None)
    termed = msgspec.structs.replace(plain, costs=TERMS)
    return [
        parse_decision(
            {
                "symbol": "BTC/USDT", "timestamp": (FIRST + timedelta(seconds=n)).isoformat(), "order_type": "limit",
                **SHAPES[n % len(SHAPES)],
            },
            context=termed if n // len(SHAPES) % 2 else plain,
        )
        for n in range(count)
    ]


def rows(db: Database) -> dict[str, list[Any]]:
    left_out = {"event_id", "line_no"}
    with db.begin() as connection:
        return {
            table: [
                {name: value for name, value in row.items() if name not in left_out}
                for row in connection.execute(text(f"SELECT * FROM scorekeeper.{table} ORDER BY {order}")).mappings()
            ]
            for table, order in TABLES.items()
        }


class Files:
    """Log and dataset in a folder, and the recorder that writes them."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.paths = {"log_path": folder / "log", "dataset_path": folder / "dataset"}
        self.recorder = FastRecorder(db, **self.paths)
        publish.publish(db, **self.paths)
        self.recorder.follow()

    def record(self, decision: Decision) -> Recorded:
        return self.recorder.record(decision, source_name="test", received_at=NOW, fee_bps=10)

    def content(self) -> list[bytes]:
        return [path.read_bytes() for path in self.paths.values()]

    def lines(self) -> list[int]:
        return [content.count(b"\n") for content in self.content()]

    def check(self, lines: int) -> None:
        """They hold so many lines each, before and after a publication, and are as a rebuild makes them."""
        publish.publish(self.db, **self.paths)
        assert self.lines() == [lines, lines]
        assert published_files.check_published(self.db, **self.paths) == []
        whole = self.content()
        publish.rebuild(self.db, **self.paths)
        assert self.content() == whole


@pytest.fixture
def files(db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setattr(fast_record, "AHEAD_SECONDS", LONG)  # for a machine that is slow
    return Files(db, tmp_path)


def test_one_at_a_time_leaves_the_rows_of_a_batch(files: Files, other_db: Database) -> None:
    many = decisions(12)
    assert [files.record(one) for one in many] == [Recorded.WHOLE] * 12
    with other_db.begin() as connection:
        store_decisions.record(
            connection, many, source_name="test", source_sha256=None, received_at=NOW, fee_bps=10, lines=[1] * 12
        )
    assert rows(files.db) == rows(other_db)
    assert len(rows(files.db)["agent_signal"]) == 6


def test_lines_are_there_at_once_and_a_publication_writes_the_very_same(files: Files) -> None:
    for number, one in enumerate(decisions(30), 1):
        assert files.record(one) is Recorded.WHOLE
        assert files.lines() == [number, number]
    at_once = files.content()
    assert published_files.check_published(files.db, **files.paths) == []
    with files.db.begin() as connection:  # they are after the watermark, and nothing of them is lost
        assert sum(map(len, find_unpublished_ids(connection, files.paths["dataset_path"]))) == 0
    files.check(30)
    assert files.content() == at_once


def test_a_decision_that_is_known_is_left_to_the_long_way(files: Files) -> None:
    one, two = decisions(2)
    recorded = [files.record(one), files.record(one), files.record(two)]
    assert recorded == [Recorded.WHOLE, Recorded.NOTHING, Recorded.WHOLE]
    files.check(2)


@pytest.mark.parametrize("hindrance", ["longer", "shorter", "another", "gone", "no room", "numbered", "locked"])
def test_what_stands_in_the_way_leaves_the_lines_to_a_publication(
    files: Files, tmp_path: Path, hindrance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = decisions(3)
    assert files.record(first) is Recorded.WHOLE
    dataset = files.paths["dataset_path"]
    content = dataset.read_bytes()
    with files.db.engine.connect() as other:
        match hindrance:
            case "longer":
                dataset.write_bytes(content + b"half a li")
            case "shorter":
                dataset.write_bytes(content[:-3])
            case "another":
                dataset.with_name("copy").write_bytes(content)
                dataset.with_name("copy").replace(dataset)
            case "gone":
                dataset.rename(dataset.with_name("moved"))
                dataset.write_bytes(b"")
            case "no room":
                monkeypatch.setattr("os.pwrite", lambda *_: 5)
            case "numbered":
                other.execute(
                    text("INSERT INTO scorekeeper.event (kind, log_line, line_no) VALUES ('metrics', 'm', 2)")
                )
                other.commit()
            case "locked":
                other.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": Lock.PUBLISH})
        assert files.record(second) is Recorded.ROWS
        assert files.record(third) is Recorded.ROWS
    monkeypatch.undo()
    publish.publish(files.db, **files.paths)
    assert dataset.read_bytes().count(b"\n") == 3
    assert published_files.check_published(files.db, **files.paths) == []
    with files.db.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar() == 0


def test_after_a_cut_connection_the_decision_is_stored_by_the_slow_path(files: Files) -> None:
    first, second, third = decisions(3)
    assert files.record(first) is Recorded.WHOLE
    with files.db.begin() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                 "AND datname = current_database()")
        )  # fmt: skip
    assert files.record(second) is Recorded.NOTHING
    assert files.record(third) in (Recorded.WHOLE, Recorded.ROWS)
    files.check(2)


def test_an_interrupted_call_keeps_nobody_from_publishing(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = decisions(3)
    assert files.record(first) is Recorded.WHOLE

    def interrupt(_: object) -> list[bytes]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("scorekeeper.operations.fast_record.render_lines", interrupt)
        with pytest.raises(KeyboardInterrupt):
            files.record(second)
    files.check(2)
    files.recorder.follow()
    assert files.record(third) is Recorded.WHOLE
    files.check(3)


def test_lines_that_were_lost_before_they_were_on_the_disk_are_written_again(files: Files) -> None:
    for one in decisions(4):
        files.record(one)
    whole = files.content()
    for path in files.paths.values():
        path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 3])  # as after a loss of power
    files.check(4)
    assert files.content() == whole


def test_a_publication_is_asked_for_after_a_second(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = decisions(3)
    assert files.record(first) is Recorded.WHOLE
    moment = time.monotonic() + LONG
    monkeypatch.setattr("time.monotonic", lambda: moment)
    assert files.record(second) is Recorded.ROWS
    publish.publish(files.db, **files.paths)
    files.recorder.follow()
    assert files.record(third) is Recorded.WHOLE


def test_trackers_and_a_publisher_at_once_write_each_line_once(
    database_url: str, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    folders = {"log_dir": tmp_path / "l", "datasets_dir": tmp_path / "d"}
    paths = {
        "log_path": tmp_path / "l/performance_summary.logl", "dataset_path": tmp_path / "d/performance_dataset.jsonl",
    }  # fmt: skip
    done = threading.Event()
    failed: list[BaseException] = []

    def guarded(work: Any) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def write(tracker: PerformanceTracker, name: str) -> None:
        for number in range(40):
            tracker.record_decision(
                {"symbol": "BTC/USDT", "type": "BUY", "price": 100.0, "trade_id": f"{name}-{number}"}
            )

    def interfere() -> None:
        while not done.wait(0.05):
            publish.publish(db, **paths)
            publish.rebuild(db, **paths)
            assert published_files.check_published(db, **paths) == []

    with PerformanceTracker(**folders) as shared, PerformanceTracker(**folders) as other:
        writers = [guarded(lambda t=t, n=n: write(t, n)) for t, n in ((shared, "a"), (shared, "b"), (other, "c"))]
        interfering = guarded(interfere)
        for writer in writers:
            writer.join()
        done.set()
        interfering.join()
    assert not failed
    ids = [json.loads(line)["trade_id"] for line in paths["dataset_path"].read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 120
    assert published_files.check_published(db, **paths) == []

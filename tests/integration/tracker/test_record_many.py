"""Many decisions recorded at once leave what each of them leaves by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper import PerformanceTracker
from scorekeeper.errors import RefusedError
from scorekeeper.operations import record_many
from scorekeeper.store.database import Database
from tests.integration.operations.test_fast_record import SHAPES, rows

FIRST = datetime(2025, 5, 1, 12, tzinfo=UTC)
LEFT_OUT = {"received_at", "late"}


def given(count: int) -> list[dict[str, Any]]:
    """Decisions of every shape; half of them have a spelling that a market would be asked for."""
    return [
        {
            "symbol": ("BTC/USDT", "ETHUSDT")[n % 2], "timestamp": (FIRST + timedelta(seconds=n)).isoformat(),
            **SHAPES[n % len(SHAPES)],
        }
        for n in range(count)
    ]  # fmt: skip


def open_tracker(db: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> PerformanceTracker:
    monkeypatch.setenv("DATABASE_URL", db.engine.url.render_as_string(hide_password=False))
    return PerformanceTracker(log_dir=folder, datasets_dir=folder)


def rows_without_arrival(db: Database) -> dict[str, list[Any]]:
    return {
        table: [{name: value for name, value in row.items() if name not in LEFT_OUT} for row in found]
        for table, found in rows(db).items()
    }


def content(folder: Path) -> dict[str, list[str]]:
    """The lines of both files, without the moment of arrival."""
    return {
        path.name: [line.partition(', "received_at"')[0] for line in path.read_text().splitlines()]
        for path in sorted(folder.glob("performance_*"))
    }


def test_many_at_once_leave_the_rows_and_lines_of_one_by_one(
    db: Database, other_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_many, "BATCH", 5)  # several transactions
    many = given(18)
    with open_tracker(db, tmp_path / "one", monkeypatch) as tracker:
        ids = [tracker.record_decision(one) for one in many]
    with open_tracker(other_db, tmp_path / "many", monkeypatch) as tracker:
        assert tracker.record_decisions(iter(many)) == ids
        assert tracker.record_decisions(many) == ids, "a repeat adds nothing, and gives the same ids"
        assert tracker.record_decisions([]) == []
        assert content(tmp_path / "many") == content(tmp_path / "one")
    left, right = (rows_without_arrival(one) for one in (db, other_db))
    assert left == right
    assert len(left["decision"]) == 18


def test_a_transaction_takes_so_many_decisions_and_so_many_bytes(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_many, "BATCH", 4)
    monkeypatch.setattr(record_many, "BATCH_BYTES", 30_000)
    sizes = [10_000, 10_000, 10_000, 40_000, 0, 0, 0, 0, 0]
    read = 0

    def many() -> Iterator[dict[str, Any]]:
        nonlocal read
        for one, size in zip(given(len(sizes)), sizes, strict=True):
            read += 1
            yield {**one, "reason": "long " * (size // 5)}

    with open_tracker(db, tmp_path, monkeypatch) as tracker:
        assert len(set(tracker.record_decisions(many()))) == len(sizes) == read
    with db.begin() as connection:
        counts = connection.execute(
            text("SELECT count(*) FROM scorekeeper.decision GROUP BY xmin ORDER BY xmin::text::bigint")
        ).scalars()
        assert list(counts) == [3, 1, 4, 1]


def test_what_is_refused_is_named_and_loses_no_other(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [{**one, "trade_id": f"own-{n}"} for n, one in enumerate(given(3))]
    bad: list[Any] = [{**good[0], "price": -1}, "no decision", {**good[1], "reason": "another content"}]
    with open_tracker(db, tmp_path, monkeypatch) as tracker:
        with pytest.raises(RefusedError) as caught:
            tracker.record_decisions([good[0], bad[0], good[1], bad[1], bad[2], good[2]])
        assert caught.value.trade_ids == ["own-0", None, "own-1", None, None, "own-2"]
        assert sorted(caught.value.reasons) == [1, 3, 4]
        said = str(caught.value)
        for part in ("3 of 6 decisions were refused", "[1] price: ", "[3] a decision is a JSON", "own-1 has other"):
            assert part in said
        assert (tmp_path / "performance_dataset.jsonl").read_text().count("\n") == 3
        with pytest.raises(RefusedError, match=r"^1 of 1 decisions were refused: "):
            tracker.record_decisions(bad[:1])
    with db.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM scorekeeper.decision")).scalar() == 3

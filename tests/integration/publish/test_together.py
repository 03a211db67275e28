"""Log and dataset are written from one reading of the events, and one that is in trouble does not hold up the other."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import store_decisions
from scorekeeper.publish import events, publish
from scorekeeper.store.database import Database
from scorekeeper.verify import published_files
from tests.integration.operations.test_fast_record import NOW, decisions


def store(db: Database, first: int, count: int) -> None:
    many = decisions(first + count)[first:]
    with db.begin() as connection:
        store_decisions.record(
            connection, many, source_name="test", source_sha256=None, received_at=NOW, fee_bps=10
        )


def test_each_event_is_read_once_and_a_file_in_trouble_holds_up_no_other(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: dict[str, Any] = {"log_path": tmp_path / "log", "dataset_path": tmp_path / "dataset"}
    monkeypatch.setattr(publish, "BATCH_LINES", 10)
    monkeypatch.setattr(events, "STREAMED", 4)
    windows: list[tuple[int, int, bool]] = []
    select = events._select

    def note(after: int, up_to: int, most: int, *, with_agents: bool) -> Any:
        windows.append((after, up_to, with_agents))
        return select(after, up_to, most, with_agents=with_agents)

    monkeypatch.setattr(events, "_select", note)
    store(db, 0, 25)
    done = publish.publish(db, **paths)
    assert (done.log_lines, done.dataset_lines) == (25, 25)
    assert windows == [(0, 10, True), (10, 20, True), (20, 25, True)]
    del windows[:]
    publish.publish(db, **paths)
    assert windows == [], "nothing is read where nothing is new"

    # A dataset that was changed: the log goes on, and the error says which file it is.
    whole = paths["dataset_path"].read_bytes()
    paths["dataset_path"].write_bytes(whole[:-5] + b"edit\n")
    store(db, 25, 25)
    with pytest.raises(ScorekeeperError, match="dataset was changed"):
        publish.publish(db, **paths)
    assert paths["log_path"].read_bytes().count(b"\n") == 50
    # Put back, it gets what the log has already.
    paths["dataset_path"].write_bytes(whole)
    done = publish.publish(db, **paths)
    assert (done.log_lines, done.dataset_lines) == (0, 25)
    assert published_files.check_published(db, **paths) == []


def test_an_error_in_the_middle_of_the_rows_leaves_the_connection_usable(db: Database, tmp_path: Path) -> None:
    paths: dict[str, Any] = {"log_path": tmp_path / "log", "dataset_path": tmp_path / "dataset"}
    store(db, 0, 6)
    with db.begin() as connection:
        one = connection.execute(text("SELECT min(trade_id) FROM scorekeeper.trade")).scalar_one()
        connection.execute(
            text("INSERT INTO scorekeeper.event (kind, trade_id) VALUES ('outcome', :one)"), {"one": one}
        )
    store(db, 6, 2_000)
    with pytest.raises(ScorekeeperError, match="line 7 tells of the exit of"):
        publish.publish(db, **paths)
    with db.begin() as connection:
        connection.execute(text("DELETE FROM scorekeeper.event WHERE kind = 'outcome'"))
    done = publish.publish(db, **paths)
    assert (done.log_lines, done.dataset_lines) == (2006, 2006)
    assert published_files.check_published(db, **paths) == []

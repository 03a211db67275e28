"""What a batch costs in statements: as many for a hundred files as for one."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from scorekeeper.inbox.ingest import ingest_files
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database

MOST_STATEMENTS = 45
MOST_COPIES = 5  # decisions, trades, events, signals, and what waits for the market's list


def ingest_counting(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, files: int, day: int
) -> tuple[int, int]:
    """The statements and the COPYs of an ingest of so many files of one decision."""
    for number in range(files):
        said = {"a": {"signal": "BUY", "confidence": 60}, "b": {"signal": "SELL", "confidence": 0}}
        decision = {
            "symbol": "BTCUSDT", "type": "BUY", "price": 100 + number, "timestamp": f"2025-05-{day:02}T10:00:00Z",
            "agent_analyses": said,
        }  # fmt: skip
        (settings.inbox_dir / f"{day}-{number}.json").write_text(json.dumps(decision))
    statements, copies = [], []
    plain = psycopg.Cursor.copy

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    def copy(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        copies.append(query)
        return plain(self, query, *given, **named)

    monkeypatch.setattr(psycopg.Cursor, "copy", copy)
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        done = ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(minutes=1))
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
        monkeypatch.undo()
    assert (done.decisions, done.files, done.trouble) == (files, files, [])
    return len(statements), len(copies)


def test_a_batch_takes_as_many_statements_for_many_files_as_for_one(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_counting(db, settings, monkeypatch, 1, 1)  # the first one finds out what the database is
    one = ingest_counting(db, settings, monkeypatch, 1, 2)
    many = ingest_counting(db, settings, monkeypatch, 100, 3)
    assert one == many
    assert many[0] <= MOST_STATEMENTS
    assert many[1] <= MOST_COPIES

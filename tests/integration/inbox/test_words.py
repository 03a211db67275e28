"""What was not understood is counted and shown, and later settings speak against nothing that is stored."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from scorekeeper import report
from scorekeeper.decisions.word_warnings import SYSTEM, tell_words
from scorekeeper.inbox import ingest, not_understood
from scorekeeper.operations import health
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def take(db: Database, settings: Settings, *decisions: dict[str, Any], name: str = "a.jsonl") -> ingest.Summary:
    full = [
        {"symbol": "BTC/USDT", "type": "BUY", "price": 100, "timestamp": f"2025-05-01T02:{n:02}:00Z"} | one
        for n, one in enumerate(decisions)
    ]
    (settings.inbox_dir / name).write_text("".join(json.dumps(one) + "\n" for one in full))
    return ingest.ingest_files(db, settings, received_at=NOW)


def rows(db: Database, query: str) -> list[tuple[Any, ...]]:
    with db.begin() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_words_in_no_list_are_counted_by_who_said_them_and_shown(db: Database, settings: Settings) -> None:
    hostile = "</script><b>moon" + "\u202e" * 3
    moon = {"type": "MOON", "agent_analyses": {"News": {"signal": hostile}, "Up": {"signal": "UP"}}}
    done = take(db, settings, moon, moon | {"price": None}, {"type": "WAIT"}, {"type": "CLOSE_LONG"})
    assert (done.decisions, done.rejected, done.opened) == (4, 0, 0)
    assert done.idle == {"MOON": 2, "WAIT": 1, "CLOSE_LONG": 1}
    assert done.unread == {SYSTEM: {"MOON": 2}, "News": {hostile: 2}}
    assert "4 decisions of words that open no trade" in tell_words(done.idle, done.unread, opened=done.opened)[0]
    assert rows(db, "SELECT * FROM scorekeeper.report_unread_words ORDER BY said_by") == [
        ("agent", "News", hostile, 2), ("system", None, "MOON", 2),
    ]  # fmt: skip
    with db.begin() as connection:
        checks = {one.name: one for one in health.check_database(connection, settings, lambda: NOW)}
    assert checks["words"].state == "warning"
    assert "MOON (2)" in checks["words"].says
    assert "WORDS" in checks["words"].do
    assert "\u202e" not in checks["words"].says
    page = report.build_report(db)
    assert "MOON (2)" in page
    assert "</script><b>moon" not in page
    again = ingest.ingest_files(db, settings, received_at=NOW, paths=list(settings.archive_dir.rglob("*.jsonl")))
    assert (again.duplicates, again.unread) == (4, {})


def test_words_of_the_system_open_trades_in_both_directions(db: Database, settings: Settings) -> None:
    said = ["LONG", "Overweight", "open_short", "做空", "**BUY**", "REDUCE"]
    assert take(db, settings, *({"type": word} for word in said)).opened == 6
    stored = "SELECT d.action, t.direction FROM scorekeeper.trade AS t JOIN scorekeeper.decision AS d USING (trade_id)"
    assert sorted(rows(db, stored)) == sorted(
        [("LONG", 1), ("OVERWEIGHT", 1), ("OPEN_SHORT", -1), ("做空", -1), ("BUY", 1), ("REDUCE", -1)]
    )


@pytest.mark.parametrize("most", [0.9, 0, 2])
def test_confidences_that_never_exceed_one_are_pointed_out_and_not_rescaled(
    db: Database, settings: Settings, most: float
) -> None:
    agents = {"F": {"signal": "BUY", "confidence": most}, "P": {"signal": "BUY", "confidence": 90}}
    done = take(db, settings, *[{"confidence": most, "agent_analyses": agents}] * 20)
    assert done.small == ([SYSTEM, "F"] if most == 0.9 else [])
    assert rows(db, "SELECT DISTINCT confidence FROM scorekeeper.decision") == [(most,)]
    with db.begin() as connection:
        checks = {one.name: one for one in health.check_database(connection, settings, lambda: NOW)}
    assert ("CONFIDENCE_SCALE" in checks["confidence"].do) == (most == 0.9)


def test_nineteen_are_too_few_to_be_pointed_out(db: Database, settings: Settings) -> None:
    assert take(db, settings, *[{"confidence": 0.9}] * 19).small == []


def test_what_was_read_by_other_settings_stays_and_verify_reads_it_by_the_same(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    agents = {"A": {"signal": "MOON", "confidence": 0.29}}
    take(db, settings, {"type": "MOON", "confidence": 0.5, "price": None, "agent_analyses": agents})
    monkeypatch.setenv("WORDS", '{"Moon": "up", "LONG": "neutral"}')
    monkeypatch.setenv("CONFIDENCE_SCALE", "fraction")
    later = load_settings()
    moon, long = {"type": "MOON", "confidence": 0.29, "reason": "b"}, {"type": "LONG", "reason": "c"}
    take(db, later, moon, long, name="b.jsonl")
    stored = "SELECT action, direction, confidence, understood FROM scorekeeper.decision ORDER BY source_name, action"
    assert rows(db, stored) == [("MOON", 0, 0.5, False), ("LONG", 0, None, True), ("MOON", 1, 29.0, True)]
    assert verify(db, settings) == verify(db, later) == []
    rows_before = rows(db, stored)
    with db.begin() as connection:
        connection.exec_driver_sql("UPDATE scorekeeper.agent_signal SET direction = 1")
        connection.exec_driver_sql("UPDATE scorekeeper.decision SET understood = true")
    assert rows(db, stored) != rows_before
    assert {"signals" in line or "understood" in line for line in verify(db, settings)} == {True}


def test_what_an_older_release_took_in_keeps_its_directions_and_verify_is_content(
    db: Database, settings: Settings
) -> None:
    """A release before this schema read BUY and SELL alone, and fewer words of agents."""
    agents = {"A": {"signal": "Overweight", "confidence": 60}, "B": {"action": "BUY"}, "C": {"signal": "BUY"}}
    take(db, settings, {"type": "LONG", "agent_analyses": agents}, {"type": "SELL"})
    with db.begin() as connection:
        for change in (
            "DELETE FROM scorekeeper.trade WHERE direction = 1",
            "UPDATE scorekeeper.decision SET direction = 0 WHERE action = 'LONG'",
            "UPDATE scorekeeper.decision SET reading_id = NULL, understood = NULL",
            "UPDATE scorekeeper.agent_signal SET direction = 0, understood = NULL WHERE agent <> 'C'",
            "UPDATE scorekeeper.agent_signal SET signal = 'NEUTRAL' WHERE agent = 'B'",
            "UPDATE scorekeeper.agent_signal SET understood = NULL",
        ):
            connection.exec_driver_sql(change)
    assert verify(db, settings) == []
    with db.begin() as connection:
        assert not_understood.read_unread(connection).words == {}
        connection.exec_driver_sql("UPDATE scorekeeper.agent_signal SET direction = -1 WHERE agent = 'A'")
    assert len(verify(db, settings)) == 1


def test_looking_for_what_was_not_understood_reads_indexes_of_that_alone(db: Database, settings: Settings) -> None:
    take(db, settings, {"type": "MOON"})
    with db.begin() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for query in ("SELECT * FROM scorekeeper.report_unread_words",):
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {query}"))
            assert "decision_unread_word" in plan
            assert "agent_signal_unread_word" in plan


def test_a_file_over_many_lines_is_refused_once_and_a_bad_line_costs_itself(db: Database, settings: Settings) -> None:
    pretty = json.dumps({"symbol": "BTC/USDT", "type": "BUY"}, indent=2)
    (settings.inbox_dir / "a.jsonl").write_text(f"{pretty}\n" * 3)
    done = take(db, settings, {"trade_id": "1"}, name="b.jsonl")
    assert (done.decisions, done.rejected) == (1, 1)
    assert "pretty-printed" in done.rejections[0]["reason"]
    assert verify(db, settings) == []
    good = json.dumps({"symbol": "BTC/USDT", "type": "HOLD", "timestamp": 1746100800})
    (settings.inbox_dir / "c.jsonl").write_text(f"{good}\n{{'symbol': 'BTC/USDT'}}\n")
    done = ingest.ingest_files(db, settings, received_at=NOW)
    assert (done.decisions, done.rejected, done.rejections[0]["line"]) == (1, 1, 2)
    assert "json.dumps" in done.rejections[0]["reason"]

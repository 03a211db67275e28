"""A recorded decision costs one statement that is waited for, and its lines are rendered as the database would."""

from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from scorekeeper.decisions.agents import AgentSignal
from scorekeeper.publish.events import read_events, render_lines
from scorekeeper.publish.new_lines import as_event
from scorekeeper.store.connections import is_pooled
from scorekeeper.store.database import Database
from scorekeeper.store.direct import Direct, number_parameters
from tests.integration.operations.test_fast_record import LONG, NOW, Files, decisions

EDGES = (-0.0, 5e-324, 1e-7, 0.1)
CONFIDENCES = st.none() | st.floats(0, 100) | st.integers(0, 100).map(float) | st.sampled_from(EDGES)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the statements that are sent."""
    names: list[str] = []
    send = Direct.send

    def note(self: Direct, name: str, values: Any) -> None:
        names.append(name.rpartition("/")[2])
        send(self, name, values)

    monkeypatch.setattr(Direct, "send", note)
    return names


def test_a_call_waits_for_one_statement(
    db: Database, tmp_path: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorekeeper.operations.fast_record.AHEAD_SECONDS", LONG)
    files = Files(db, tmp_path)
    waits = 0
    fetch = Direct.fetch

    def count(self: Direct) -> Any:
        nonlocal waits
        waits += 1
        return fetch(self)

    many = decisions(5)
    files.record(many[0])
    monkeypatch.setattr(Direct, "fetch", count)
    del sent[:]
    for number, one in enumerate(many[1:], 1):
        files.record(one)
        assert sent == ["record_decision", "unlock_publisher"] * number
        assert waits == 2 * number, "its own row, and before it the answer to the unlocking of the call before"
    files.check(5)


@given(said=st.lists(CONFIDENCES, max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])  # it is only read
def test_lines_of_a_new_decision_are_those_of_its_stored_row(db: Database, said: list[float | None]) -> None:
    signals = tuple(AgentSignal(f"A{n} é", n, "BUY", 1, one, None, True) for n, one in enumerate(said))
    decision = msgspec.structs.replace(decisions(1)[0], signals=signals)
    ahead = as_event(decision, NOW)
    with db.begin() as connection:
        stored = connection.execute(
            text(
                "SELECT json_agg(json_build_array(s.agent, s.signal, s.confidence, s.extra) ORDER BY s.ordinal) "
                "FROM jsonb_populate_recordset(cast(null AS scorekeeper.agent_signal), cast(:said AS jsonb)) AS s"
            ),
            {"said": msgspec.json.encode(signals).decode()},
        ).scalar_one()
    assert render_lines(ahead) == render_lines({**ahead, "agents": stored})


def test_a_statement_keeps_its_values_its_row_and_its_errors(db: Database) -> None:
    words, names = number_parameters("operations/unlock_publisher")
    assert "$1" in words
    assert names == ("lock",)
    server = Direct(db.open_driver(), db.system)
    server.connection.autocommit = True
    try:
        assert not is_pooled(server.connection)
        assert server.execute("operations/lock_publisher", {"lock": 7}) == ("t",)
        server.send("operations/lock_publisher", {"lock": 7})
        assert server.execute("operations/lock_publisher", {"lock": 8}) == ("t",), "the one before is read and left"
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            server.execute("operations/lock_publisher", {"lock": "no number"})
        assert server.execute("operations/lock_publisher", {"lock": 7}) == ("t",)
    finally:
        server.close()


def test_a_stored_row_has_every_field_of_a_new_decision(db: Database, tmp_path: Path) -> None:
    files = Files(db, tmp_path)
    many = decisions(12)
    for one in many:
        files.record(one)
    files.check(12)
    with db.begin() as connection:
        stored = {row["trade_id"]: dict(row) for row in read_events(connection, 0, 99, with_agents=True)}
    for one in many:
        ahead = as_event(one, NOW, "null")
        row = stored[one.trade_id]
        assert {name: row[name] for name in ahead} == {**ahead, "agents": row["agents"]}

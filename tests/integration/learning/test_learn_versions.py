"""Versions that are learned beside others: one that comes late, and one that decides no more."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from scorekeeper.learning.run import learn
from scorekeeper.learning.window import Window, read_window
from scorekeeper.store.database import Database
from scorekeeper.verify.learned import check_learned, find_waiting_learning
from tests.deciding import decide, insert_decisions, track_until
from tests.integration.learning.test_learn import HOUR, read_rows
from tests.integration.learning.test_learn_lives import void


def test_a_run_up_to_an_earlier_hour_loses_no_version(db: Database) -> None:
    decisions = decide(11, 60)
    end = decisions[-1].opened_at + 5 * HOUR
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learn(db, end)
    late = decisions[40]
    with db.begin() as connection:
        insert_decisions(connection, [type(late)("late", late.opened_at, late.expires_at, 0.7, late.signals)], "v2")
        connection.execute(
            text("INSERT INTO scorekeeper.stale_learning VALUES ('v2', :at)"), {"at": late.opened_at}
        )
    assert learn(db, decisions[20].opened_at).versions == ["v1"]
    assert learn(db, end).versions == ["v1", "v2"]
    with db.begin() as connection:
        assert list(find_waiting_learning(connection)) == []
        assert list(check_learned(connection)) == []


def test_a_version_that_decides_no_more_costs_no_step(
    db: Database, other_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = decide(12, 90)
    end = decisions[-1].opened_at + 40 * 24 * HOUR
    for one in (db, other_db):
        with one.begin() as connection:
            insert_decisions(connection, decisions)
            track_until(connection, end)
    learn(db, end)
    windows: list[datetime] = []

    def watched(connection: Connection, version: str, after: datetime, until: datetime) -> Window:
        windows.append(until)
        return read_window(connection, version, after, until)

    monkeypatch.setattr("scorekeeper.learning.learn_weights.read_window", watched)
    moment = decisions[0].opened_at
    while moment < end:
        moment += 5 * HOUR
        learn(other_db, moment)
    assert read_rows(other_db) == read_rows(db)
    assert max(windows) < max(one.expires_at for one in decisions) + 40 * HOUR
    # What is learned late of it is learned still.
    voided = decisions[50].trade_id
    for one in (db, other_db):
        void(one, voided, end)
        assert learn(one, end).made_again == ["v1"]
    assert read_rows(other_db) == read_rows(db)
    with db.begin() as connection:
        assert list(check_learned(connection)) == []

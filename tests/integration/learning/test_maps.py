"""Recalibration maps equal plain loops over the decisions, and are the same for any schedule."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.learning.run import learn
from scorekeeper.store.database import Database
from scorekeeper.verify.learned import check_learned
from tests.deciding import decide, insert_decisions, store_tracked, track_until
from tests.plain_learning import PlainLearning, PlainMaps

HOUR = timedelta(hours=1)


def read_maps(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, to the bit."""
    tables = ("calibration_map", "calibration_tally", "learning_progress")
    with db.begin() as connection:
        return {
            table: sorted(map(tuple, connection.execute(text(f"SELECT * FROM scorekeeper.{table}"))), key=str)
            for table in tables
        }


def test_maps_equal_plain_loops(db: Database) -> None:
    decisions = decide(3, 420, minutes=50, skill=0.2)
    end = decisions[-1].expires_at + 26 * HOUR
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learn(db, end)
    plain = PlainLearning(decisions)
    agents = {agent for one in decisions for agent in one.signals}
    fitted = intervals = 0
    for agent in agents:
        meant = PlainMaps(plain, agent)
        with db.begin() as connection:
            found = connection.execute(
                text("SELECT * FROM scorekeeper.calibration_map WHERE agent = :agent ORDER BY as_of"), {"agent": agent}
            ).all()
        assert [row.as_of for row in found] == [row.as_of for row in meant.maps if row.as_of <= end]
        for row, one in zip(found, meant.maps, strict=False):
            assert row.calls == one.calls
            for name in ("independent_calls", "a", "b", "rate"):
                expected = getattr(one, name)
                assert getattr(row, name) == (
                    None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9)
                ), name
            fitted += row.a is not None
            score = meant.score(row.as_of)
            if score is None:
                assert (row.brier_raw, row.brier_rate, row.brier_map, row.helps) == (None,) * 4
                continue
            for name in ("brier_raw", "brier_rate", "brier_map"):
                assert getattr(row, name) == pytest.approx(getattr(score, name), rel=1e-9), name
            low_high = (row.gain_ci95_low, row.gain_ci95_high), (row.rate_gain_ci95_low, row.rate_gain_ci95_high)
            for ends, interval in zip(low_high, (score.gain, score.rate_gain), strict=True):
                assert ends == ((None, None) if interval is None else pytest.approx(interval, rel=1e-6, abs=1e-9))
            assert row.helps == (None if score.gain is None else score.gain[0] > 0)
            intervals += score.gain is not None
    assert fitted > 20
    assert intervals > 5


def test_any_schedule_gives_the_same_maps_to_the_bit(
    db: Database, other_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions, chance = decide(4, 700, agents=3), random.Random(4)
    end = decisions[-1].opened_at + 50 * HOUR
    store_tracked((db, other_db), decisions, end)
    learn(db, end)
    monkeypatch.setattr("scorekeeper.learning.window.STEP_DECISIONS", 40)
    moment = decisions[0].opened_at
    while moment < end:
        moment += timedelta(minutes=chance.choice([30, 200, 1000, 5000]))
        learn(other_db, moment)
    learn(other_db, end)
    # What was learned before a moment stays; from it on, all is made again.
    middle = decisions[350].opened_at
    with other_db.begin() as connection:
        connection.execute(text("INSERT INTO scorekeeper.stale_learning VALUES ('v1', :at)"), {"at": middle})
    assert learn(other_db, end).made_again == ["v1"]
    first, again = read_maps(db), read_maps(other_db)
    assert first == again
    assert len(first["calibration_map"]) > 30


def test_verify_finds_a_changed_map_and_no_other_difference(db: Database) -> None:
    decisions = decide(5, 420, minutes=50)
    end = decisions[-1].expires_at + 26 * HOUR
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learn(db, end)
    with db.begin() as connection:
        assert list(check_learned(connection)) == []
        count = connection.execute(text("SELECT count(*) FROM scorekeeper.calibration_map WHERE helps IS NOT NULL"))
        assert count.scalar_one() > 5
    for change, name in (
        ("a = a + 1e-6", "a is"),
        ("brier_map = brier_map * 1.000001", "brier_map is"),
        ("gain_ci95_low = gain_ci95_low - 1e-6", "gain_ci95_low is"),
        ("helps = NOT helps", "helps is"),
        ("calls = calls + 1", "calls is"),
        ("agent = agent || 'x'", "stored is"),
    ):
        with db.engine.connect() as connection:
            changed = connection.execute(
                text(
                    f"UPDATE scorekeeper.calibration_map SET {change} WHERE (agent, as_of) ="
                    " (SELECT agent, as_of FROM scorekeeper.calibration_map WHERE helps IS NOT NULL"
                    " ORDER BY as_of DESC, agent LIMIT 1)"
                )
            )
            assert changed.rowcount == 1
            found = list(check_learned(connection))
            assert len(found) == 1, change
            assert name in found[0]
            connection.rollback()

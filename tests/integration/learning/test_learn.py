"""What is learned equals plain loops over the decisions, is the same for any schedule, and knows no future."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.learning.run import learn
from scorekeeper.store.database import Database
from scorekeeper.verify.learned import check_learned
from tests.deciding import decide, insert_decisions, store_tracked, track_until
from tests.plain_learning import PlainLearning

TABLES = (
    "learned_vote", "learned_outcome", "learned_probability", "weight_state", "agent_weight", "weight_evidence",
    "learning_progress",
)  # fmt: skip
HOUR = timedelta(hours=1)


def near(found: float | None, meant: float | None) -> bool:
    if found is None or meant is None:
        return found is meant
    return math.isclose(found, meant, rel_tol=1e-9, abs_tol=1e-12)


def read_rows(db: Database, *, until: datetime | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of what is learned, to the bit."""
    with db.begin() as connection:
        found = {table: connection.execute(text(f"SELECT * FROM scorekeeper.{table}")).all() for table in TABLES}
    return {table: sorted((tuple(row) for row in rows), key=str) for table, rows in found.items()}


def test_what_is_learned_equals_plain_loops(db: Database) -> None:
    decisions = decide(1, 400)
    end = decisions[-1].opened_at + 3 * HOUR
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learned = learn(db, end)
    plain = PlainLearning(decisions)
    until = end.replace(minute=0, second=0, microsecond=0)
    assert (learned.until, learned.versions) == (until, ["v1"])
    with db.begin() as connection:
        votes = {row.trade_id: row for row in connection.execute(text("SELECT * FROM scorekeeper.learned_vote"))}
        outcomes = {row.trade_id: row for row in connection.execute(text("SELECT * FROM scorekeeper.learned_outcome"))}
        states = connection.execute(text("SELECT * FROM scorekeeper.weight_state ORDER BY as_of")).all()
        weights = connection.execute(text("SELECT * FROM scorekeeper.agent_weight")).all()
        blocks = connection.execute(text("SELECT * FROM scorekeeper.weight_evidence ORDER BY begins_at")).all()
    assert set(votes) == {one.trade_id for one in decisions if one.opened_at <= until}
    assert set(outcomes) == {one.trade_id for one in decisions if one.expires_at <= until and one.h}
    for one in decisions[::7]:
        if one.trade_id not in votes:
            continue
        found, meant = votes[one.trade_id], plain.vote(one)
        assert (found.direction, found.equal_direction) == (meant.direction, meant.equal_direction)
        for name in ("score", "equal_score", "scale_pct", "move_pct", "p_up"):
            assert near(getattr(found, name), getattr(meant, name)), name
        if one.trade_id in outcomes:
            found = outcomes[one.trade_id]
            assert near(found.excess, plain.excess(one))
            assert near(found.uniqueness, plain.decision_u[one.trade_id])
            assert near(found.independent_until, plain.independent_at[one.trade_id])
    by_hour: dict[datetime, dict[str, Any]] = {}
    for row in weights:
        by_hour.setdefault(row.as_of, {})[row.agent] = row
    assert set(by_hour) == {row.as_of for row in states}
    for state in states[::9]:
        at, meant_all = state.as_of.astimezone(UTC), plain.weights(state.as_of)
        assert set(by_hour[state.as_of]) == set(meant_all)
        assert state.beta == pytest.approx(plain.beta(at), abs=1e-9)
        for agent, meant_one in meant_all.items():
            row = by_hour[state.as_of][agent]
            assert near(row.weight, meant_one.weight)
            assert row.weight_in_use == (row.weight if plain.adopted(at) else 1)
            assert near(row.p, meant_one.p)
            assert row.calls == meant_one.calls
            assert near(row.independent_calls, meant_one.independent_calls)
            assert near(row.long_share, meant_one.long_share)
    meant_blocks = plain.blocks(until)
    assert len(blocks) == len(meant_blocks) > 10
    for row, block in zip(blocks, meant_blocks, strict=True):
        assert (row.begins_at, row.ends_at, row.decisions) == (block.begins_at, block.ends_at, block.decisions)
        assert (row.running, row.adopted) == (block.running, block.adopted)
        for name in ("independent", "mean_excess", "scale", "wealth", "e_value"):
            assert getattr(row, name) == pytest.approx(getattr(block, name), rel=1e-9, abs=1e-12), name


def test_any_schedule_gives_the_same_rows_to_the_bit(db: Database, other_db: Database, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    decisions, chance = decide(2, 1500, agents=4, skill=0.45), random.Random(2)
    end = decisions[-1].opened_at + 30 * HOUR
    store_tracked((db, other_db), decisions, end)
    learn(db, end)
    monkeypatch.setattr("scorekeeper.learning.window.STEP_DECISIONS", 40)
    moment = decisions[0].opened_at
    while moment < end:
        moment += timedelta(minutes=chance.choice([10, 30, 60, 200, 1000, 5000]))
        learn(other_db, moment)
    learn(other_db, end)
    with db.begin() as connection:
        assert list(check_learned(connection)) == []
    first, again = read_rows(db), read_rows(other_db)
    for table in TABLES:
        assert first[table] == again[table], table
    assert {row[-3] for row in first["weight_evidence"]} == {True, False}


def test_names_that_never_come_again_cost_little_memory(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorekeeper.learning.window.FEWEST_DECISIONS", 20)
    monkeypatch.setattr("scorekeeper.learning.window.STEP_CELLS", 4_000)
    decisions = [
        type(one)(one.trade_id, one.opened_at, one.expires_at, one.h, {f"run {number}": (1, 60.0)})
        for number, one in enumerate(decide(9, 300))
    ]
    end = decisions[-1].opened_at + 30 * HOUR
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learn(db, end)
    with db.begin() as connection:
        assert list(check_learned(connection)) == []
        assert connection.execute(text("SELECT count(DISTINCT agent) FROM scorekeeper.agent_weight")).scalar() == 300

"""Whatever comes late, is voided, is killed or runs at once: in the end the same is learned."""

import json
import random
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox.store_decisions import record_rows
from scorekeeper.learning.run import learn
from scorekeeper.metrics import voiding
from scorekeeper.operations.sample import DAYS, START, write_sample
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.learned import check_learned, find_waiting_learning
from tests.deciding import decide, insert_decisions, store_tracked, track_until
from tests.integration.learning.test_learn import HOUR, read_rows
from tests.integration.trades.test_at_once import CONTEXT
from tests.integration.trades.test_pipeline import track


class KilledError(Exception):
    """A process that ended in the middle of a transaction."""


def read_sample(settings: Settings, folder: Path) -> list[str]:
    """Half of the sample's decisions, a line each; its candles lie in `folder`."""
    write_sample(settings.inbox_dir, folder)
    decisions = [json.loads(line) for line in (settings.inbox_dir / "decisions-1.jsonl").read_text().splitlines()]
    return [json.dumps(one | {"trade_id": f"d{number:03}"}) for number, one in enumerate(decisions)]


def arrive(db: Database, lines: list[str]) -> None:
    """Decisions as they stand in the database if each arrived when it was made, whenever that is known here."""
    rows = [(parse_decision(line.encode(), context=CONTEXT), None, "test", number) for number, line in enumerate(lines)]
    verdicts = db.transact(lambda connection: record_rows(connection, rows, None, 10.0))
    assert {one.outcome for one in verdicts} == {"accepted"}


def void(db: Database, trade_id: str, at: datetime) -> None:
    assert db.transact(lambda c: voiding.void_decision(c, trade_id, "a test of the feed", at)) == "voided"


@pytest.mark.parametrize("seed", [1, 2])
def test_what_comes_late_is_learned_as_if_it_had_come_in_time(
    db: Database, other_db: Database, settings: Settings, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "market"
    lines = read_sample(settings, folder)
    end = START + timedelta(days=DAYS)
    voided = [f"d{number:03}" for number in chance.sample(range(len(lines)), 3)]
    # All at once.
    arrive(db, lines)
    track(db, settings, folder, end)
    for one in voided:
        void(db, one, end)
    learn(db, end)
    # In pieces: files in any order, one symbol's candles much later than the others', voids after they were learned.
    whole = (folder / "SOL-USDT.csv").read_text().splitlines(keepends=True)
    late = [line for line in lines if chance.random() < 0.1]
    early = [line for line in lines if line not in late]
    moments = sorted(START + timedelta(minutes=chance.randrange(60, DAYS * 1440)) for _ in range(9))
    waited = False
    for number, moment in enumerate([*moments, end]):
        due = [line for line in early if datetime.fromisoformat(json.loads(line)["timestamp"]) <= moment]
        early = [line for line in early if line not in due]
        if number % 3 == 2 or moment == end:
            due, late = due + late[::2], late[1::2]
        if moment == end:
            due, late = due + late + early, []
        if due:
            arrive(other_db, due)
        share = len(whole) if moment == end else min(len(whole), 1 + (number // 4) * len(whole) // 3)
        (folder / "SOL-USDT.csv").write_text("".join(whole[: max(2, share)]))
        track(other_db, settings, folder, moment)
        with other_db.begin() as connection:
            waited = waited or list(find_waiting_learning(connection)) != []
            assert list(check_learned(connection)) == []
        learn(other_db, moment)
        with other_db.begin() as connection:
            assert list(find_waiting_learning(connection)) == []
            assert list(check_learned(connection)) == []
    assert waited
    for one in voided:
        void(other_db, one, end)
        with other_db.begin() as connection:
            assert list(check_learned(connection)) == []
    again = learn(other_db, end)
    assert again.made_again == ["v1"]
    assert read_rows(other_db) == read_rows(db)
    assert len(read_rows(db)["weight_state"]) > 30


def test_a_run_that_is_killed_anywhere_leaves_what_the_next_one_completes(
    db: Database, other_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorekeeper.learning.window.STEP_DECISIONS", 60)
    decisions = decide(3, 200)
    end = decisions[-1].opened_at + 5 * HOUR
    store_tracked((db, other_db), decisions, end)
    learn(db, end)
    chance, kills = random.Random(3), 0
    for _ in range(60):
        left = chance.randrange(1, 60)

        def fall(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise KilledError

        event.listen(other_db.engine, "before_cursor_execute", fall)
        try:
            learn(other_db, end)
        except KilledError:
            kills += 1
        finally:
            event.remove(other_db.engine, "before_cursor_execute", fall)
        with other_db.begin() as connection:
            assert list(check_learned(connection)) == []
    assert kills > 5
    learn(other_db, end)
    assert read_rows(other_db) == read_rows(db)


def test_runs_at_once_leave_what_one_leaves(db: Database, other_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorekeeper.learning.window.STEP_DECISIONS", 50)
    versions = {f"v{number}": decide(number, 150) for number in (4, 5)}
    end = max(one[-1].opened_at for one in versions.values()) + 5 * HOUR
    for one in (db, other_db):
        with one.begin() as connection:
            for version, decisions in versions.items():
                insert_decisions(connection, decisions, version)
            track_until(connection, end)
    learn(db, end)
    failures: list[BaseException] = []

    def work(as_of: datetime) -> None:
        try:
            learn(other_db, as_of)
        except BaseException as failed:
            failures.append(failed)

    threads = [threading.Thread(target=work, args=(end - late * 20 * HOUR,)) for late in (0, 1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert read_rows(other_db) == read_rows(db)


def test_a_decision_that_begins_to_count_during_a_run_is_learned_by_it(db: Database, other_db: Database) -> None:
    decisions = decide(10, 120)
    middle = decisions[60].opened_at
    end = decisions[-1].opened_at + 5 * HOUR
    # What settlements judge late: opened before the hour that is learned already, and due after it.
    late = [
        type(one)(f"late {one.trade_id}", middle - HOUR, middle + 2 * HOUR, 0.7, one.signals)
        for one in decisions[30:33]
    ]
    with db.begin() as connection:
        insert_decisions(connection, decisions + late)
        track_until(connection, end)
    learn(db, end)
    with other_db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learn(other_db, middle)

    def settle(_connection: object, _cursor: object, words: str, *_: object) -> None:
        if "TEMPORARY TABLE learning_window" in words and late:
            with other_db.begin() as other:
                insert_decisions(other, [late.pop() for _ in range(len(late))])
                other.execute(
                    text("INSERT INTO scorekeeper.stale_learning VALUES ('v1', :at)"), {"at": middle - HOUR}
                )

    event.listen(other_db.engine, "before_cursor_execute", settle)
    try:
        done = learn(other_db, end)
    finally:
        event.remove(other_db.engine, "before_cursor_execute", settle)
    assert (late, done.made_again) == ([], ["v1"])
    assert read_rows(other_db) == read_rows(db)


def test_nothing_of_the_future_is_in_what_was_learned(db: Database, other_db: Database) -> None:
    decisions = decide(6, 300)
    middle = decisions[150].opened_at.replace(minute=0, second=0, microsecond=0)
    end = decisions[-1].opened_at + 5 * HOUR
    chance = random.Random(6)
    planted = [
        one if one.expires_at <= middle else type(one)(
            one.trade_id, one.opened_at, one.expires_at, chance.gauss(3, 5),
            one.signals if one.opened_at <= middle else {"a fortune teller": (1, 100.0)},
        )
        for one in decisions
        if one.opened_at <= middle or chance.random() < 0.7
    ]  # fmt: skip
    for one, lived in ((db, decisions), (other_db, planted)):
        with one.begin() as connection:
            insert_decisions(connection, lived)
            track_until(connection, end)
        learn(one, end)
    first, second = read_until(db, middle), read_until(other_db, middle)
    assert first == second
    assert {table: len(rows) > 5 for table, rows in first.items()} == dict.fromkeys(first, True)
    assert read_rows(db) != read_rows(other_db)


def read_until(db: Database, moment: datetime) -> dict[str, list[tuple[object, ...]]]:
    times = {
        "learned_vote": "opened_at", "learned_outcome": "expires_at", "weight_state": "as_of", "agent_weight": "as_of",
        "weight_evidence": "ends_at",
    }  # fmt: skip
    with db.begin() as connection:
        return {
            table: [
                tuple(row)
                for row in connection.execute(
                    text(f"SELECT * FROM scorekeeper.{table} WHERE {column} <= :at ORDER BY 1, 2, 3"), {"at": moment}
                )
            ]
            for table, column in times.items()
        }


CHANGES = {
    "learned_vote SET score = score + 1e-6 WHERE score > 0": "score is",
    "learned_vote SET p_up = p_up + 1e-6": "p_up is",
    "learned_vote SET direction = -direction WHERE direction <> 0": "direction is",
    "learned_outcome SET uniqueness = uniqueness * 0.999999": "uniqueness is",
    "learned_outcome SET excess = 0 WHERE excess > 0.01": "excess is",
    "agent_weight SET p = p + 1e-7": "p of agent",
    "agent_weight SET weight_in_use = weight + 0.1": "weight_in_use is neither",
    "agent_weight SET weight_in_use = weight": "in use are the learned ones",
    "agent_weight SET calls = calls + 1": "calls of agent",
    "weight_state SET independent = independent + 1e-5": "independent is",
    "weight_evidence SET e_value = e_value * 1.000001": "e_value is",
    "weight_evidence SET adopted = NOT adopted": "adopted is",
    "learned_probability SET beta = beta + 1e-5": "beta is",
    "learning_progress SET block_hours = 96": "its blocks have 96 hours",
}
LOSSES = {
    "learned_vote": "missing", "learned_outcome": "missing", "weight_state": "missing",
    "weight_evidence": "blocks are stored", "learned_probability": "days have fits", "agent_weight": "agents is []",
}  # fmt: skip


def test_verify_names_every_kind_of_row_that_was_changed_or_lost(db: Database) -> None:
    decisions = decide(7, 120)
    end = decisions[-1].opened_at + 5 * HOUR
    with db.begin() as connection:
        insert_decisions(connection, decisions)
        track_until(connection, end)
    learn(db, end)
    changes = {f"UPDATE scorekeeper.{change}": says for change, says in CHANGES.items()}
    for change, says in (changes | {f"DELETE FROM scorekeeper.{name}": says for name, says in LOSSES.items()}).items():
        with db.engine.connect() as connection, connection.begin() as transaction:
            assert connection.execute(text(change)).rowcount > 0
            assert [line for line in check_learned(connection) if says in line], change
            transaction.rollback()
    with db.begin() as connection:
        assert list(check_learned(connection)) == []

"""Decisions whose made ids are alike, since their hashes begin with the same eight digits, come in as what they are."""

import itertools
import json
import threading
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from scorekeeper import PerformanceTracker
from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.made_ids import list_ids
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox import store_decisions
from scorekeeper.inbox.standing import Verdict
from scorekeeper.operations.recover import recover
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify
from tests.integration.operations.test_recover import GOOD, NOW, Installation, follow, here
from tests.integration.trades.test_pipeline import take

# The canonical JSON of each has a SHA-256 that begins with 09884518; the next digits differ.
ALIKE: tuple[dict[str, Any], ...] = tuple(GOOD | {"reason": one} for one in ("1706760", "1855490", "9568222"))
SHORT = "BTCUSDT-2025-05-07T12:00:30Z-09884518"
CONTEXT = DecisionContext(NOW, "v1", 60, ZoneInfo("UTC"), None)
__all__ = ["here"]  # a fixture


def long_id(document: dict[str, Any]) -> str:
    decision = parse_decision(document, context=CONTEXT)
    assert decision.trade_id == SHORT
    return list_ids(SHORT, decision.content_sha256)[1]


def record(connection: Connection, *documents: dict[str, Any]) -> list[Verdict]:
    decisions = [parse_decision(one, context=CONTEXT) for one in documents]
    return store_decisions.record(
        connection, decisions, source_name="test", source_sha256=None, received_at=NOW, fee_bps=10
    )


def ids(db: Database) -> dict[str, str]:
    """The id of each decision by its reason; trades, signals' decisions and events have the same ids."""
    with db.begin() as connection:
        found = connection.execute(text("SELECT reason, trade_id FROM scorekeeper.decision")).all()
        for table in ("trade", "event"):
            named = connection.execute(text(f"SELECT trade_id FROM scorekeeper.{table}")).scalars()
            assert sorted(named) == sorted(row.trade_id for row in found)
    return {row.reason: row.trade_id for row in found}


def test_in_any_order_and_batch_each_comes_in_once_and_meets_itself_again(db: Database) -> None:
    for order in itertools.permutations(ALIKE):
        for cuts in itertools.product((False, True), repeat=5):
            with db.begin() as connection:
                batches: list[list[dict[str, Any]]] = [[]]
                for one, cut in zip((*order, *reversed(order)), (False, *cuts), strict=True):
                    if cut:
                        batches.append([])
                    batches[-1].append(one)
                said = [verdict for batch in batches for verdict in record(connection, *batch)]
                first, *others = order
                wanted = {SHORT: first["reason"]} | {long_id(one): one["reason"] for one in others}
                found = connection.execute(text("SELECT trade_id, reason FROM scorekeeper.decision"))
                assert {row.trade_id: row.reason for row in found} == wanted
                assert [one.outcome for one in said] == ["accepted"] * 3 + ["duplicate"] * 3
                named = [None, *(long_id(one) for one in others)]
                assert [one.trade_id for one in said] == [*named, *reversed(named)]
                connection.rollback()


def test_two_writers_at_once_give_them_different_ids(db: Database) -> None:
    said: list[Verdict] = []

    def write() -> None:
        with db.begin() as connection:
            said.extend(record(connection, ALIKE[1], ALIKE[0]))

    other = threading.Thread(target=write)
    with db.begin() as connection:
        record(connection, ALIKE[0])
        other.start()
        with db.begin() as watching:
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            while not watching.execute(waits).scalar_one() and other.is_alive():
                pass
    other.join()
    assert said == [Verdict("accepted", trade_id=long_id(ALIKE[1])), Verdict("duplicate")]


def test_a_tracker_returns_the_id_of_each_also_when_the_shorter_one_is_free_again(
    database_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    with PerformanceTracker() as tracker:
        wanted = [SHORT, *map(long_id, ALIKE[1:])]
        assert [tracker.record_decision(one) for one in ALIKE] == wanted
        assert [tracker.record_decision(one) for one in reversed(ALIKE)] == wanted[::-1]
        with tracker._db.begin() as connection:
            connection.execute(text("DELETE FROM scorekeeper.decision WHERE trade_id = :id"), {"id": SHORT})
        assert [tracker.record_decision(one) for one in ALIKE[1:]] == wanted[1:]
        assert ids(tracker._db) == {one["reason"]: name for one, name in zip(ALIKE[1:], wanted[1:], strict=True)}
    published = [json.loads(line)["trade_id"] for line in settings.dataset_path.read_text().splitlines()]
    assert published == wanted


@pytest.mark.parametrize("swapped", [False, True])
def test_files_verify_and_a_recovery_gives_each_the_id_that_was_published(here: Installation, *, swapped: bool) -> None:
    here.bring("before.jsonl", {"trade_id": "before"})
    follow(here, NOW)
    here.back_up()
    # A recovery reads the files in the order of their names.
    for name, one in zip("ba" if swapped else "ab", ALIKE, strict=False):
        here.bring(f"{name}.jsonl", one)
    follow(here, NOW)
    wanted = ids(here.db)
    assert {wanted[one["reason"]] for one in ALIKE[:2]} == {SHORT, long_id(ALIKE[1])}
    assert verify(here.db, here.settings) == []
    with here.restored() as again:
        recover(again.db, again.settings, datetime.now(UTC))
        assert ids(again.db) == wanted
        assert verify(again.db, again.settings) == []
        with again.db.begin() as connection:
            connection.execute(text("DELETE FROM scorekeeper.decision WHERE trade_id = :id"), {"id": long_id(ALIKE[1])})
        assert any("content_sha256" in one for one in verify(again.db, again.settings))


def test_a_decision_that_a_dataset_brought_is_not_doubled_by_its_own_file(db: Database, settings: Settings) -> None:
    with db.begin() as connection:
        record(connection, ALIKE[0] | {"trade_id": SHORT})  # as import-dataset reads it: the id is given
    (settings.inbox_dir / "one.json").write_text(json.dumps(ALIKE[0]))
    summary = take(db, settings)
    assert (summary.decisions, summary.rejected) == (0, 1)
    assert "other content in test, line 1" in summary.rejections[0]["reason"]

"""Conditions that are told once when they begin, and again only after they ended."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox.store_decisions import record
from scorekeeper.operations.alerts import find_stale, mark_reported, update_alerts
from scorekeeper.store.database import Database

NOW = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)


def test_a_condition_is_told_until_somebody_was_told_and_then_not_again(db: Database) -> None:
    with db.begin() as connection:
        assert update_alerts(connection, "stale", ["B", "A"], NOW) == ["A", "B"]
        assert update_alerts(connection, "stale", ["B", "A"], NOW) == ["A", "B"]
        mark_reported(connection, "stale", ["A", "B"], NOW)
        assert update_alerts(connection, "stale", ["B", "A"], NOW) == []
        assert update_alerts(connection, "stale", ["A", "B", "C"], NOW) == ["C"]
        assert update_alerts(connection, "other", ["A"], NOW) == ["A"]


def test_a_condition_that_ended_is_told_of_when_it_begins_again(db: Database) -> None:
    with db.begin() as connection:
        for _ in range(2):
            assert update_alerts(connection, "stale", ["A"], NOW) == ["A"]
            mark_reported(connection, "stale", ["A"], NOW)
            assert update_alerts(connection, "stale", [], NOW) == []


def test_a_symbol_is_stale_fifteen_minutes_after_its_first_decision_met_no_price(db: Database) -> None:
    context = DecisionContext(
        received_at=NOW, default_version="v", default_hold_minutes=60, timezone=ZoneInfo("UTC"), fallback_opened_at=None
    )
    words = f'{{"symbol": "BTCUSDT", "type": "BUY", "price": 1, "timestamp": "{NOW.isoformat()}"}}'
    with db.begin() as connection:
        decision = parse_decision(words.encode(), context=context)
        record(connection, [decision], source_name="a", source_sha256=None, received_at=NOW, fee_bps=0)
        assert find_stale(connection, NOW + timedelta(minutes=15)) == {}
        assert find_stale(connection, NOW + timedelta(minutes=16)) == {"BTC/USDT": NOW}

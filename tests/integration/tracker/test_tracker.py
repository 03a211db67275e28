"""The predecessor's calls, as its users write them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from analytics.performance_tracker import PerformanceTracker
from scorekeeper.decisions.strict_json import DecisionError
from scorekeeper.errors import ScorekeeperError
from scorekeeper.publish import publish
from scorekeeper.verify.run import verify

DECISION = {
    "symbol": "BTC/USDT", "interval": "1h", "price": 45000.0, "type": "BUY", "confidence": 85,
    "reason": "Strong bullish signals",
    "agent_analyses": {"TechnicalAnalystAgent": {"signal": "BUY", "confidence": 90}},
}  # fmt: skip


class Quotes:
    """A provider that knows the plain spelling only, as some do."""

    def __init__(self, price: float) -> None:
        self.price = price

    def get_current_price(self, symbol: str) -> float:
        if symbol != "BTCUSDT":
            raise KeyError(symbol)
        return self.price


@pytest.fixture
def tracker(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PerformanceTracker:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return PerformanceTracker(log_dir=tmp_path / "l", datasets_dir=tmp_path / "d")


def test_a_recorded_trade_is_seen_by_a_second_tracker_and_closes_at_the_quote(
    tracker: PerformanceTracker, tmp_path: Path
) -> None:
    trade_id = tracker.record_decision(DECISION)
    tracker.close()
    with PerformanceTracker(log_dir=tmp_path / "l", datasets_dir=tmp_path / "d") as second:
        assert second.get_system_metrics()["active_trades"] == 1
        record = second.manually_close_trade(trade_id, Quotes(45450.0))
        assert record["pnl_pct"] == pytest.approx(1.0)
        assert (record["status"], record["price_source"], record["exit_reason"]) == ("completed", "quote", "manual")
        metrics = second.get_system_metrics()
        assert (metrics["completed_trades"], metrics["win_rate"], metrics["active_trades"]) == (1, 100.0, 0)
        assert metrics["agent_performance"]["TechnicalAnalystAgent"]["supported_winners"] == 1
        assert second.manually_close_trade(trade_id, Quotes(1.0)) == {"error": "Trade not found"}
    assert (tmp_path / "l/performance_summary.logl").read_text().count("OUTCOME: PROFIT") == 1
    assert (tmp_path / "d/performance_dataset.jsonl").read_text().count("\n") == 2


def test_a_database_lost_before_publishing_costs_no_decision_its_id(
    tracker: PerformanceTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", None, Exception("the server closed the connection"))

    monkeypatch.setattr(publish, "publish", away)
    trade_id = tracker.record_decision(DECISION)
    assert "not published" in caplog.text
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    tracker.log_system_metrics()
    assert f"[{trade_id}]" in (tmp_path / "l/performance_summary.logl").read_text()


def test_update_performance_closes_old_trades_only_with_a_hold_time(
    tracker: PerformanceTracker,
) -> None:
    tracker.record_decision(DECISION)
    tracker.update_performance(Quotes(44000.0))
    assert tracker.get_system_metrics()["active_trades"] == 1
    tracker.update_performance(Quotes(44000.0), max_hold_time=0)
    metrics = tracker.get_system_metrics()
    assert (metrics["losing_trades"], metrics["profit_factor"]) == (1, 0.0)
    tracker.log_system_metrics()


@pytest.mark.parametrize("price", [float("nan"), 0.0, -1.0, None])
def test_a_price_that_is_none_closes_nothing(tracker: PerformanceTracker, price: float) -> None:
    tracker.record_decision(DECISION)
    tracker.update_performance(Quotes(price), max_hold_time=0)
    assert tracker.get_system_metrics()["active_trades"] == 1


def test_a_voided_decision_counts_nowhere_and_stays_known(tracker: PerformanceTracker) -> None:
    voided, kept = tracker.record_decision(DECISION), tracker.record_decision({**DECISION, "price": 45001.0})
    tracker.update_performance(Quotes(46000.0), max_hold_time=0)
    assert tracker.void_decision(voided, "a test of the feed") == "voided"
    metrics = tracker.get_system_metrics()
    assert metrics["completed_trades"] == 1
    assert metrics["agent_performance"]["TechnicalAnalystAgent"]["supported_winners"] == 1
    assert tracker.void_decision(voided, "again") == "already voided"
    assert tracker.void_decision("no such", "why") == "unknown"
    with pytest.raises(ScorekeeperError, match="reason"):
        tracker.void_decision(kept, "  ")


def test_a_bad_decision_names_the_field(tracker: PerformanceTracker) -> None:
    with pytest.raises(ValueError, match="stop_loss"):
        tracker.record_decision({**DECISION, "stop_loss": "tight"})


@pytest.mark.parametrize("price", [Decimal("46000"), np.float32(46000), np.int64(46000), 46000])
def test_a_price_of_any_kind_of_number_closes_a_trade(tracker: PerformanceTracker, price: Any) -> None:
    tracker.record_decision(DECISION)
    tracker.update_performance(Quotes(price), max_hold_time=0)
    assert tracker.get_system_metrics()["profitable_trades"] == 1


def test_a_decision_may_hold_times_and_numbers_of_other_kinds(tracker: PerformanceTracker) -> None:
    now = datetime.now(UTC)
    decision = {
        **DECISION,
        "timestamp": now,
        "price": np.float32(45000),
        "confidence": Decimal("62.5"),
        "n": np.int64(1),
    }
    trade_id = tracker.record_decision(decision)
    assert now.replace(tzinfo=None).isoformat() in trade_id
    tracker.record_decision({**DECISION, "timestamp": None})
    assert tracker.get_system_metrics()["active_trades"] == 2


@pytest.mark.parametrize(
    "more",
    [
        {"note": "a\0b"},
        {"note": "\ud800"},
        {"no\0te": 1},
        {"note": float("nan")},
        {"note": {1, 2}},
        {"agent_analyses": {"A": {"signal": "BUY", "why": "\0"}}},
        {"note": "x" * (9 << 20)},
        {"price": 1e-305},
    ],
)
def test_what_a_database_cannot_hold_is_a_decision_error(tracker: PerformanceTracker, more: dict[str, Any]) -> None:
    with pytest.raises(DecisionError):
        tracker.record_decision({**DECISION, **more})


def test_a_deep_decision_is_a_decision_error(tracker: PerformanceTracker) -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(DecisionError):
        tracker.record_decision({**DECISION, "note": deep})


def test_what_is_stored_and_published_verifies(tracker: PerformanceTracker) -> None:
    for _ in range(3):
        tracker.record_decision(DECISION)
    tracker.update_performance(Quotes(46000.0), max_hold_time=0)
    assert verify(tracker._db, tracker._settings) == []


def test_the_tracker_answers_for_a_period_a_symbol_and_by_parts(tracker: PerformanceTracker) -> None:
    tracker.record_decision(DECISION)
    tracker.record_decision({**DECISION, "type": "SELL"})
    tracker.update_performance(Quotes(45450.0), max_hold_time=0)
    by_side = tracker.get_system_metrics(by="side")
    assert [(group["side"], group["total_pnl_pct"]) for group in by_side["groups"]] == [
        ("long", pytest.approx(1.0)),
        ("short", pytest.approx(-1.0)),
    ]
    later, sooner = datetime.now() + timedelta(days=2), datetime.now(UTC) - timedelta(days=2)  # noqa: DTZ005
    assert tracker.get_system_metrics(since=sooner, until=later, symbol="BTCUSDT")["completed_trades"] == 2
    assert tracker.get_system_metrics(since=later)["completed_trades"] == 0
    assert tracker.get_system_metrics(version="no such")["completed_trades"] == 0
    with pytest.raises(ValueError, match="colour"):
        tracker.get_system_metrics(by="colour")

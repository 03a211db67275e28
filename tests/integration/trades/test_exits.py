"""Exits by decision: what asks for a close closes what it means, at its own time, whatever order things come in."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.inbox import ingest
from scorekeeper.inbox.ingest import Period
from scorekeeper.metrics import score_update, voiding
from scorekeeper.operations import backtest, import_dataset
from scorekeeper.publish import publish
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.store.migrate import MIGRATIONS
from scorekeeper.tracker import PerformanceTracker
from scorekeeper.trades import close_requests, fetch, settle
from scorekeeper.trades.settle import Settled
from scorekeeper.verify.run import verify
from tests.reference import MINUTE

START = datetime(2025, 5, 1, tzinfo=UTC)
LATER = START + 300 * MINUTE
EXITS = "SELECT trade_id, exit_time, exit_price, exit_reason FROM scorekeeper.trade WHERE exit_time IS NOT NULL"


class Desk:
    """An installation over a market that stands at 100, from minute 20 on at 105, and from minute 40 on at 90."""

    def __init__(self, db: Database, folder: Path, **more: Any) -> None:
        self.db, self.folder, self._files = db, folder, 0
        for name in ("inbox", "market"):
            (folder / name).mkdir(parents=True)
        prices = [100] * 20 + [105] * 20 + [90] * 400
        rows = [f"{(int(START.timestamp()) + 60 * m) * 1000},{p},{p},{p},{p},1" for m, p in enumerate(prices)]
        for symbol in ("BTC-USDT", "ETH-USDT"):
            (folder / f"market/{symbol}.csv").write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
        self.settings: Settings = load_settings(
            inbox_dir=folder / "inbox", log_dir=folder / "logs", datasets_dir=folder / "datasets",
            scorekeeper_home=folder / "home", market=f"replay:{folder / 'market'}", **more,
        )  # fmt: skip

    def take(self, *decisions: dict[str, Any]) -> ingest.Summary:
        """One file of decisions, ingested."""
        self._files += 1
        lines = "".join(json.dumps(decision) + "\n" for decision in decisions)
        (self.settings.inbox_dir / f"{self._files}.jsonl").write_text(lines)
        return ingest.ingest_files(self.db, self.settings, received_at=LATER)

    def migrate(self, way: str) -> None:
        """The schema to before exits (down), or back (up)."""
        # The views of the dashboard show what an exit needs, so they go first and come last.
        order = ("0008_dashboard", "0003_exits") if way == "down" else ("0003_exits", "0008_dashboard")
        with self.db.begin() as connection:
            for version in order:
                script = MIGRATIONS / f"versions/{version}.{way}.sql"
                connection.exec_driver_sql(script.read_text(encoding="utf-8"))

    def track(self, minute: int) -> Settled:
        as_of = START + minute * MINUTE
        asyncio.run(
            fetch.fetch_prices(
                self.db,
                self.settings,
                as_of,
                now=as_of,
                tell=lambda *_: None,
            )
        )
        settled = self.db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=50))
        self.db.transact(lambda c: score_update.update_score(c, as_of))
        return settled

    def exits(self) -> dict[str, tuple[float, float, str]]:
        """By trade: minute, price and reason of its exit."""
        with self.db.begin() as connection:
            return {
                row.trade_id: ((row.exit_time - START) / MINUTE, row.exit_price, row.exit_reason)
                for row in connection.execute(text(EXITS))
            }

    def one(self, query: str) -> Any:
        with self.db.begin() as connection:
            return connection.execute(text(query)).scalar_one()

    def check(self) -> None:
        publish.publish(self.db, log_path=self.settings.log_path, dataset_path=self.settings.dataset_path)
        assert verify(self.db, self.settings) == []


def said(action: str, minute: float, **more: Any) -> dict[str, Any]:
    moment = (START + minute * MINUTE).isoformat()
    price = {"price": 100} if action in ("BUY", "SELL") else {}
    return {"symbol": "BTC/USDT", "action": action, "timestamp": moment, **price, **more}


@pytest.fixture
def desk(db: Database, tmp_path: Path) -> Desk:
    return Desk(db, tmp_path / "desk")


def test_a_close_ends_the_trade_at_its_own_minute_as_a_close_by_hand_does(desk: Desk) -> None:
    desk.take(said("BUY", 10, trade_id="open"), said("CLOSE_LONG", 30.9, trade_id="close", price=105))
    assert desk.track(120) == Settled(closed=1, horizons=2, exits=1, idle_exits=0)
    assert desk.exits() == {"open": (30, 105, "signal")}
    desk.check()
    log = desk.settings.log_path.read_text()
    assert "OUTCOME: PROFIT on BUY BTC/USDT: +5.00% (net +4.79%), Entry: 100.0, Exit: 105.0, signal after 20.0" in log
    assert desk.one("SELECT closed_trades FROM scorekeeper.report_exit_requests") == 1


LONG, SHORT = said("BUY", 10, trade_id="long"), said("SELL", 11, trade_id="short")
BOTH = {"long": "signal", "short": "signal"}


@pytest.mark.parametrize(
    ("decision", "closed"),
    [
        (said("CLOSE", 30), BOTH),
        (said("exit", 30), BOTH),
        (said("平仓", 30), BOTH),
        (said("Close Position", 30), BOTH),
        (said("EXIT_LONG", 30), {"long": "signal"}),
        (said("平多", 30), {"long": "signal"}),
        (said("COVER", 30), {"short": "signal"}),
        (said("close-short", 30), {"short": "signal"}),
        (said("CLOSE", 30, version="v9"), {}),
        (said("CLOSE", 30, symbol="ETH/USDT"), {}),
        (said("CLOSE", 10), {}),  # in one moment what closes comes before what opens
        (said("CLOSE", 10.5), {"long": "signal"}),
        (said("CLOSE", 30, trade_id="short"), {"short": "signal"}),
        (said("CLOSE_LONG", 30, trade_id="short"), {}),
        (said("CLOSE", 30, trade_id="mine"), BOTH),
        (said("CLOSE", 30, trade_id="mine", closes="long"), {"long": "signal"}),
        (said("CLOSE", 10, closes="long"), {"long": "signal"}),  # named, what opens in the same moment is meant
        (said("CLOSE", 30, closes=["long", "nobody", "long"], version="v9"), {"long": "signal"}),
        (said("CLOSE", 30, closes="nobody"), {}),
        (said("CLOSE_LONG", 30, closes=["long", "short"]), {"long": "signal"}),
        (said("CLOSE", 30, closes="long", symbol="ETH/USDT"), {}),
        (said("CLOSE", 71), {}),  # both have expired by then
        (said("HOLD", 30, closes="long"), {}),
        (said("SELL", 30, trade_id="other", max_hold_minutes=500), {}),
    ],
)
def test_a_word_closes_its_side_and_a_name_what_it_names(
    desk: Desk, decision: dict[str, Any], closed: dict[str, str]
) -> None:
    desk.take(LONG, SHORT, decision)
    desk.track(120)
    assert {name: reason for name, (_, _, reason) in desk.exits().items()} == {
        "long": "expired", "short": "expired", **closed
    }  # fmt: skip
    desk.check()


@pytest.mark.parametrize("named", [{}, {"trade_id": "long"}, {"closes": "long"}, {"trade_id": "mine"}])
def test_a_close_that_comes_before_its_buy_closes_it_all_the_same(desk: Desk, named: dict[str, str]) -> None:
    desk.take(said("CLOSE", 30, **named))
    assert desk.track(35).idle_exits == 1
    desk.take(LONG)
    desk.track(36)
    assert desk.exits() == {"long": (30, 105, "signal")}
    assert desk.one("SELECT closed_nothing FROM scorekeeper.report_exit_requests") is False
    desk.check()


@pytest.mark.parametrize("named", [{}, {"trade_id": "long"}, {"closes": "long"}])
def test_a_close_before_its_buy_waits_with_it_while_the_market_has_no_price(desk: Desk, named: dict[str, str]) -> None:
    csv = desk.folder / "market/BTC-USDT.csv"
    whole = csv.read_text()
    csv.write_text(whole.splitlines()[0] + "\n")
    desk.take(said("CLOSE", 30, **named))
    assert desk.track(35).idle_exits == 1
    desk.take(LONG)
    desk.track(36)
    assert desk.one("SELECT waiting_trades FROM scorekeeper.report_exit_requests WHERE NOT closed_nothing") == 1
    desk.check()
    csv.write_text(whole)
    desk.track(37)
    assert desk.exits() == {"long": (30, 105, "signal")}
    desk.check()


def test_whose_trade_id_an_exit_came_with_may_turn_out_before_its_minute_is_decided(desk: Desk) -> None:
    other = said("BUY", 12, trade_id="other")
    desk.take(other, said("CLOSE", 30.5, trade_id="long"))
    csv = desk.folder / "market/BTC-USDT.csv"
    whole = csv.read_text()
    csv.write_text("\n".join(whole.splitlines()[:26]))
    desk.track(31)  # the last price is of minute 24: the grace of minute 30 is not over
    assert desk.one("SELECT signal_id FROM scorekeeper.trade") == "long-exit-2025-05-01T00:30:30Z"
    desk.check()
    desk.take(LONG)
    csv.write_text(whole)
    desk.track(32)
    assert desk.exits() == {"long": (30, 105, "signal")}
    desk.check()


def test_an_earlier_stop_wins_and_the_exit_counts_as_one_that_closed_nothing(desk: Desk) -> None:
    desk.take(said("SELL", 10, trade_id="short", stop_loss=103), said("COVER", 30))
    assert desk.track(60).idle_exits == 1
    assert desk.exits() == {"short": (21, 105, "stop_loss")}
    desk.check()


def test_what_comes_in_after_its_trade_has_closed_changes_nothing_and_is_counted(desk: Desk) -> None:
    desk.take(LONG)
    desk.track(120)
    desk.take(said("CLOSE", 30), said("CLOSE", 35, closes="long"))
    assert desk.track(121) == Settled(closed=0, horizons=2, exits=2, idle_exits=2)
    assert desk.track(121).idle_exits == 2  # the same once more
    assert desk.track(122).idle_exits == 0
    assert desk.exits() == {"long": (70, 90, "expired")}
    desk.check()


def test_the_earlier_of_two_closes_counts_and_one_by_hand_if_not_later(desk: Desk) -> None:
    desk.take(LONG, SHORT, said("CLOSE", 35), said("CLOSE", 25))
    for name, minute in (("long", 25), ("short", 26)):
        with desk.db.begin() as connection:
            assert close_requests.request_close(connection, name, START + minute * MINUTE) == "requested"
    assert desk.track(60).idle_exits == 1
    assert desk.exits() == {"long": (25, 105, "manual"), "short": (25, 105, "signal")}
    desk.check()


def test_a_voided_exit_does_nothing_from_then_on(desk: Desk) -> None:
    desk.take(LONG, said("CLOSE", 25, closes="long", trade_id="first"), said("CLOSE", 30, trade_id="second"))
    csv = desk.folder / "market/BTC-USDT.csv"
    whole = csv.read_text()
    csv.write_text("\n".join(whole.splitlines()[:25]))
    desk.track(25)
    assert desk.one("SELECT signal_id FROM scorekeeper.trade") == "first"

    def void(name: str) -> str:
        return desk.db.transact(lambda c: voiding.void_decision(c, name, "a test", LATER))

    assert void("first") == "voided"
    desk.check()
    csv.write_text(whole)
    desk.track(60)
    assert desk.exits() == {"long": (30, 105, "signal")}
    assert void("second-exit-2025-05-01T00:30:00Z") == "voided"
    desk.track(61)
    assert desk.exits() == {"long": (30, 105, "signal")}  # what has closed stays closed
    desk.check()


def test_for_positions_an_opposite_action_closes_what_is_open_first(db: Database, tmp_path: Path) -> None:
    desk = Desk(db, tmp_path / "desk", signals="positions")
    desk.take(LONG, said("BUY", 12, trade_id="more"), said("SELL", 12, trade_id="at once"), said("HOLD", 20))
    desk.take(said("SELL", 30, trade_id="turn", price=105), said("BUY", 45, trade_id="back", price=90))
    assert desk.track(50).idle_exits == 0
    assert desk.exits() == {
        "long": (12, 100, "signal"),
        "more": (30, 105, "signal"),
        "at once": (45, 90, "signal"),
        "turn": (45, 90, "signal"),
    }
    desk.check()
    desk.settings = load_settings(**(desk.settings.model_dump() | {"signals": "trades"}))
    desk.check()  # as it stood when they came in


def test_an_exit_that_comes_again_is_a_duplicate_and_a_changed_one_a_conflict(desk: Desk) -> None:
    close = said("CLOSE", 30, trade_id="long")
    first = desk.take(LONG, close)
    other, later = close | {"reason": "another"}, close | {"timestamp": LATER.isoformat()}
    again = desk.take(dict(reversed(close.items())), other, later)
    assert (first.decisions, again.decisions, again.duplicates) == (2, 1, 1)
    assert [one["field"] for one in again.rejections] == ["trade_id"]
    desk.check()


@pytest.mark.parametrize("closes", [7, [], [7], "", ["a", None], {"a": 1}, ["x" * 600], ["a\x07"], ["a"] * 201])
def test_what_cannot_be_the_name_of_a_trade_is_refused_with_the_field(desk: Desk, closes: object) -> None:
    taken = desk.take(said("CLOSE", 30, closes=closes), said("HOLD", 30, closes=closes, trade_id="kept"))
    assert [(one["line"], one["field"]) for one in taken.rejections] == [(1, "closes")]
    assert taken.decisions == 1


def test_a_backtest_of_the_files_or_of_the_database_says_the_same(desk: Desk, other_db: Database) -> None:
    desk.take(LONG, SHORT, said("CLOSE", 30, trade_id="long"), said("CLOSE", 33, closes=["short"]))
    desk.track(60)
    wanted = {"long": (30, 105, "signal"), "short": (33, 105, "signal")}
    assert desk.exits() == wanted
    taken, _ = backtest.copy_decisions(desk.db, other_db, Period(START, LATER))
    again = Desk(other_db, desk.folder / "again")
    again.track(60)
    assert (taken.decisions, again.exits()) == (4, wanted)


def test_a_published_dataset_read_elsewhere_closes_the_same(desk: Desk, other_db: Database) -> None:
    desk.take(LONG, said("BUY", 12, trade_id="other"), said("CLOSE", 55, closes="long"))
    desk.take(said("CLOSE", 30, trade_id="x"), said("CLOSE_SHORT", 31))
    desk.track(20)
    desk.check()
    again = Desk(other_db, desk.folder / "again")
    for _ in range(2):
        done = import_dataset.import_dataset(other_db, desk.settings.dataset_path, again.settings, LATER)
        assert done.rejected == []
    ids = "SELECT string_agg(trade_id, ' ' ORDER BY trade_id) FROM scorekeeper.exit_request"
    assert again.one(ids) == desk.one(ids)
    for one in (desk, again):
        one.track(120)
    assert again.exits() == desk.exits() == {"long": (30, 105, "signal"), "other": (30, 105, "signal")}
    publish.publish(desk.db, log_path=desk.settings.log_path, dataset_path=desk.settings.dataset_path)
    import_dataset.import_dataset(other_db, desk.settings.dataset_path, again.settings, LATER)
    again.check()


class Quotes:
    def get_current_price(self, symbol: str) -> float:
        return 110.0


def test_the_tracker_closes_at_the_quote_what_a_decision_has_asked_for(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with PerformanceTracker() as tracker:
        opened, kept = (
            tracker.record_decision(said("BUY", 10, trade_id=name, max_hold_minutes=5_000_000, symbol=symbol))
            for name, symbol in (("long", "BTC/USDT"), ("kept", "ETH/USDT"))
        )
        asked = tracker.record_decision(said("CLOSE", 30, trade_id=opened, closes=None))
        assert tracker.record_decision(said("CLOSE", 30, trade_id=opened, closes=None)) == asked
        tracker.update_performance(Quotes(), max_hold_time=5_000_000)
        with tracker._db.begin() as connection:
            found = connection.execute(text(EXITS)).all()
        assert [(one.trade_id, one.exit_price, one.exit_reason) for one in found] == [(opened, 110.0, "signal")]
        tracker.record_decision({"symbol": "SOL/USDT", "type": "BUY", "price": 100})
        tracker.record_decision({"symbol": "SOL/USDT", "type": "EXIT_LONG"})
        tracker.update_performance(Quotes())
        assert len(tracker.get_system_metrics(by="exit_reason")["groups"]) == 1
        tracker.update_performance(Quotes(), max_hold_time=5_000_000)  # in the same minute
        assert tracker.get_system_metrics(by="exit_reason")["groups"][0]["completed_trades"] == 2
        assert tracker.manually_close_trade(kept, Quotes())["exit_reason"] == "manual"
        tracker.record_decision(said("CLOSE", 30, trade_id="late", symbol="ETH/USDT"))
        tracker.update_performance(Quotes(), max_hold_time=5_000_000)
        tracker.record_decision(said("BUY", 10, trade_id="late", max_hold_minutes=5_000_000, symbol="ETH/USDT"))
        tracker.update_performance(Quotes(), max_hold_time=5_000_000)
        with tracker._db.begin() as connection:
            reasons = {one.trade_id: one.exit_reason for one in connection.execute(text(EXITS))}
        assert reasons["late"] == "signal"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE scorekeeper.trade SET signal_at = signal_at + interval '1 minute'", "signal_at is"),
        ("UPDATE scorekeeper.trade SET signal_id = 'nobody'", "does not ask for its close"),
        ("UPDATE scorekeeper.trade SET signal_at = null, signal_id = null", "is ignored"),
        ("UPDATE scorekeeper.trade SET exit_reason = 'manual'", "exit_reason is manual, recomputed signal"),
        ("UPDATE scorekeeper.exit_request SET side = -1", "what it asks to close is not what"),
        ("UPDATE scorekeeper.exit_request SET voided = true", "it asks for a close as voided true, and is false"),
        ("DELETE FROM scorekeeper.exit_request", "what it asks to close is not what"),
    ],
)
def test_verify_names_a_close_that_was_changed_behind_its_back(desk: Desk, change: str, fault: str) -> None:
    desk.take(LONG, said("CLOSE_LONG", 30))
    desk.track(35)
    desk.track(36)
    # One minute later, so that the exit was known before.
    with desk.db.begin() as connection:
        connection.execute(text("UPDATE scorekeeper.trade SET exit_known_at = exit_known_at + interval '1 minute'"))
    desk.check()
    with desk.db.begin() as connection:
        connection.execute(text(change))
    assert any(fault in line for line in verify(desk.db, desk.settings)), verify(desk.db, desk.settings)


def test_what_came_in_as_a_word_before_this_version_asks_for_a_close_after_it(desk: Desk) -> None:
    desk.take(LONG, SHORT, said("CLOSE", 30, closes="long"), said("COVER", 32))
    desk.track(20)
    desk.migrate("down")
    desk.migrate("up")
    desk.track(60)
    assert desk.exits() == {"long": (30, 105, "signal"), "short": (32, 105, "signal")}
    desk.check()
    desk.migrate("down")
    assert desk.exits() == {"long": (30, 105, "manual"), "short": (32, 105, "manual")}


def test_an_exit_closes_nothing_until_its_symbol_is_in_the_markets_list(db: Database, tmp_path: Path) -> None:
    desk = Desk(db, tmp_path / "desk", words={"MOON": "exit_long"})
    there = desk.folder / "market/BTC-USDT.csv"
    (desk.folder / "market/HYPE-USDT-USDT.csv").write_text(there.read_text())
    desk.take(
        said("BUY", 10, trade_id="held", symbol="HYPEUSDT"),
        said("BUY", 10, trade_id="plain", symbol="HYPE/USDT:USDT"),
        said("BUY", 10, trade_id="other", symbol="HYPE/USDT"),  # which nothing but the name has in common with them
        said("**Close-Long**", 30, symbol="hype-usdt", trade_id="asks"),
        said("moon", 35, trade_id="again"),
    )
    assert desk.db.transact(lambda c: settle.settle(c, START + 120 * MINUTE, suspect_price_pct=50)).exits == 1
    assert desk.one("SELECT count(*) FROM scorekeeper.trade WHERE signal_id IS NOT NULL") == 0
    desk.track(120)
    assert desk.exits() == {"held": (30, 105, "signal"), "plain": (30, 105, "signal")}
    assert desk.one("SELECT count(*) FROM scorekeeper.report_unread_words") == 0
    desk.check()


def test_what_is_noted_between_two_settlements_waits_and_is_no_difference(desk: Desk) -> None:
    desk.take(said("BUY", 10, trade_id="open"))
    desk.track(30)
    desk.take(said("CLOSE", 30, trade_id="close"))
    desk.check()
    desk.db.transact(lambda c: settle.match_exits(c, START + 30.5 * MINUTE))
    assert desk.one("SELECT signal_at FROM scorekeeper.trade") == START + 30 * MINUTE
    desk.check()
    desk.track(31)
    assert desk.exits() == {"open": (30, 105, "signal")}
    desk.check()

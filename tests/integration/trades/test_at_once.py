"""Settlements, answers, closes, voids, scores and arrivals at the same time: each waits where it has to."""

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from sqlalchemy import Connection, text

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.inbox import standing, store_decisions
from scorekeeper.market import CandlePage, MarketError, sealed_candles
from scorekeeper.market.base import CANDLE_COLUMNS
from scorekeeper.market.replay import ReplayMarket
from scorekeeper.metrics import query, rollups, score_update, voiding
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from scorekeeper.store.sql import statement
from scorekeeper.trades import close_requests, fetch, settle
from scorekeeper.verify.trades import check_trades
from tests.lives import UniverseMarket

MINUTE = timedelta(minutes=1)
START = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
CONTEXT = DecisionContext(START + timedelta(days=99), "v1", 60, ZoneInfo("UTC"), None)
SUSPECT_PCT = 5.0


def decide(connection: Connection, *decisions: dict[str, Any]) -> list[standing.Verdict]:
    whole = [
        {"symbol": "BTC/USDT", "type": "BUY", "price": 100.0, "timestamp": START.isoformat()} | d for d in decisions
    ]
    return store_decisions.record(
        connection, [parse_decision(d, context=CONTEXT) for d in whole], source_name="test", source_sha256=None,
        received_at=START, fee_bps=10,
    )  # fmt: skip


def store(connection: Connection, first: int, until: int, price: float = 100.0) -> int:
    """Seal the minutes [first, until) after START, all at one price."""
    prices = {START + i * MINUTE: price for i in range(first, until)}
    return store_prices(connection, prices, until=START + until * MINUTE)


def store_prices(
    connection: Connection, prices: dict[datetime, float], *, until: datetime, symbol: str = "BTC/USDT"
) -> int:
    """Seal from the first of `prices` until `until`; what has no price had no candle."""
    rows = [(pd.Timestamp(minute), *[price] * 4, 1.0) for minute, price in prices.items()]
    answer = CandlePage(pd.DataFrame(rows, columns=CANDLE_COLUMNS), until)
    return sealed_candles.store_page(connection, symbol, min(prices), answer, until)


def settle_at(connection: Connection, minute: int) -> settle.Settled:
    return settle.settle(connection, START + minute * MINUTE, suspect_price_pct=SUSPECT_PCT)


def one(connection: Connection, query: str) -> Any:
    return connection.execute(text(query)).scalar_one()


class Waiter:
    """Work in a transaction of its own, which has to wait for the one that is open meanwhile."""

    def __init__(self, db: Database, work: Callable[[Connection], Any]) -> None:
        self._answers: list[Any] = []

        def run() -> None:
            with db.begin() as connection:
                self._answers.append(work(connection))

        self._thread = threading.Thread(target=run)
        self._thread.start()
        self._thread.join(0.3)
        assert self._thread.is_alive(), "it did not wait"

    def answer(self) -> Any:
        """What it came to, once it need not wait any more."""
        self._thread.join(30)
        return self._answers.pop()


def test_a_decision_that_arrives_during_a_close_is_judged_by_its_price_first(db: Database) -> None:
    with db.begin() as connection:
        store(connection, 0, 90)
    with db.begin() as connection:
        known = {"as_of": START + 90 * MINUTE}
        settle.open_settlement(connection)
        given = {**known, "suspect_price_pct": SUSPECT_PCT, "asked": None}
        connection.execute(statement("trades/set_reference_prices"), given)
        with db.begin() as arriving:
            decide(arriving, {"trade_id": "wild", "price": 50.0})
        assert connection.execute(statement("trades/close_due_trades"), known).rowcount == 0
        assert connection.execute(statement("trades/set_horizon_returns"), known).rowcount == 0
        connection.execute(statement("trades/advance_settled"))
    with db.begin() as connection:
        assert settle_at(connection, 90) == settle.Settled(1, 1)
        assert one(connection, "SELECT price_suspect FROM scorekeeper.decision") is True
        rollups.score_stale_days(connection, START + 90 * MINUTE)
        assert query.system_metrics(connection)["completed_trades"] == 0


@pytest.mark.parametrize(
    ("kept", "price", "outcomes"),
    [
        (True, 100.0, ["duplicate", "accepted"]),
        (True, 101.0, ["conflict", "accepted"]),
        (False, 101.0, ["accepted", "accepted"]),
    ],
)
def test_a_decision_written_at_the_same_time_is_judged_by_its_outcome(
    db: Database, kept: bool, price: float, outcomes: list[str]
) -> None:
    with db.engine.connect() as connection:
        decide(connection, {"trade_id": "b"})
        late = Waiter(db, lambda c: decide(c, {"trade_id": "b", "price": price}, {"trade_id": "a"}))
        connection.commit() if kept else connection.rollback()
    assert [verdict.outcome for verdict in late.answer()] == outcomes
    with db.begin() as connection:
        for table in ("decision", "trade", "event"):
            assert (
                one(connection, f"SELECT string_agg(trade_id, '' ORDER BY trade_id) FROM scorekeeper.{table}") == "ab"
            )


def test_candles_that_arrive_during_a_settlement_count_in_the_next_one(db: Database) -> None:
    with db.begin() as connection:
        store(connection, 0, 10)
        decide(connection, {"trade_id": "t", "stop_loss": 99.0})
    with db.begin() as settling:
        assert settle_at(settling, 20).closed == 0
        waiter = Waiter(db, lambda c: store(c, 10, 20, price=98.5))
    assert waiter.answer() == 10
    with db.begin() as connection:
        assert settle_at(connection, 20).closed == 1
        assert one(connection, "SELECT exit_reason FROM scorekeeper.trade") == "stop_loss"


def test_a_close_that_a_settlement_overtakes_finds_the_trade_closed(db: Database) -> None:
    with db.begin() as connection:
        store(connection, 0, 90)
        decide(connection, {"trade_id": "t"})
    with db.begin() as settling:
        assert settle_at(settling, 90).closed == 1
        waiter = Waiter(db, lambda c: close_requests.request_close(c, "t", START + 90 * MINUTE))
    assert waiter.answer() == "closed"
    with db.begin() as connection:
        assert one(connection, "SELECT exit_reason FROM scorekeeper.trade") == "expired"
        assert one(connection, "SELECT close_requested_at FROM scorekeeper.trade") is None


def test_a_score_that_meets_a_settlement_at_work_counts_what_it_closes(db: Database) -> None:
    with db.begin() as connection:
        store(connection, 0, 60)
        decide(connection, {"trade_id": "first", "max_hold_minutes": 5}, {"trade_id": "second", "max_hold_minutes": 70})
        assert settle_at(connection, 60).closed == 1  # the day is on the list, and nobody has scored it yet
    with db.begin() as connection:
        store(connection, 60, 90)
    with db.begin() as settling:
        assert settle_at(settling, 90).closed == 1
        waiter = Waiter(db, lambda c: rollups.score_stale_days(c, START + 90 * MINUTE))
    waiter.answer()
    with db.begin() as connection:
        rollups.score_stale_days(connection, START + 90 * MINUTE)
        scored = (
            "SELECT trades FROM scorekeeper.daily_score WHERE version IS NULL AND symbol IS NULL AND NOT after_fees"
        )
        assert one(connection, scored) == 2
        assert connection.execute(text("SELECT * FROM scorekeeper.stale_day")).all() == []


def test_voids_and_tracks_at_once_leave_no_voided_trade_in_a_figure(db: Database) -> None:
    names = [f"t{i:02d}" for i in range(20)]
    with db.begin() as connection:
        store(connection, 0, 200)
        decide(connection, *({"trade_id": name, "max_hold_minutes": 5 + i} for i, name in enumerate(names)))
    failed: list[BaseException] = []

    def attempt(work: Callable[[int], None]) -> threading.Thread:
        def run() -> None:
            try:
                for number in range(len(names)):
                    work(number)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def void(number: int) -> None:
        with db.begin() as connection:
            voiding.void_decision(connection, names[number], "a test", START + 200 * MINUTE)

    def track(number: int) -> None:
        with db.begin() as connection:
            settle_at(connection, 6 + number)
        with db.begin() as connection:
            score_update.update_score(connection, START + (6 + number) * MINUTE)

    for thread in (attempt(void), attempt(track)):
        thread.join(60)
        assert not thread.is_alive()
    assert failed == []
    with db.begin() as connection:
        settle_at(connection, 200)
        score_update.update_score(connection, START + 200 * MINUTE)
        assert query.system_metrics(connection, at=START + 200 * MINUTE)["completed_trades"] == 0
        assert connection.execute(text("SELECT * FROM scorekeeper.daily_score")).all() == []


def test_a_price_from_before_minutes_that_nobody_knows_is_no_reference(db: Database) -> None:
    with db.begin() as connection:
        store(connection, 0, 10, price=50.0)
        fetch.restart_after_gap(
            connection, "BTC/USDT", START + 100 * MINUTE, START + 130 * MINUTE, suspect_price_pct=SUSPECT_PCT
        )
        store(connection, 100, 130, price=200.0)
        at = (START + 100 * MINUTE).isoformat()
        decide(connection, {"trade_id": "t", "timestamp": at, "price": 200.0, "max_hold_minutes": 5})
        assert settle_at(connection, 130).closed == 1
        assert one(connection, "SELECT reference_price FROM scorekeeper.decision") == 200.0


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_a_price_of_more_than_a_week_ago_is_no_reference_whoever_came_first(
    db: Database, order: tuple[str, str]
) -> None:
    later = START + timedelta(days=9)
    opened = {"old": START + 2 * MINUTE, "new": later}
    for name in order:
        with db.begin() as connection:
            decide(connection, {"trade_id": name, "timestamp": opened[name].isoformat(), "price": 120.0})
            # The range reaches as far back as the decision that it is fetched for.
            before = {START: 100.0} if name == "old" else {later: 120.0}
            store_prices(connection, before | {later + 30 * MINUTE: 120.0}, until=later + 90 * MINUTE)
            settle.settle(connection, later + 90 * MINUTE, suspect_price_pct=SUSPECT_PCT)
    with db.begin() as connection:
        assert one(connection, "SELECT reference_price FROM scorekeeper.decision WHERE trade_id = 'new'") == 120.0


def test_a_back_fill_that_breaks_off_leaves_the_price_before_to_come(db: Database, tmp_path: Path) -> None:
    """The last price before a decision lies pages back: until it is there, a later one does not stand for it."""
    rows = [
        f"{(START + i * MINUTE).timestamp() * 1000:.0f},{p},{p},{p},{p},1" for i, p in ((0, 50), (250, 51), (400, 52))
    ]
    (tmp_path / "BTC-USDT.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    as_of = START + 500 * MINUTE
    market = UniverseMarket(ReplayMarket(str(tmp_path), 5), page_minutes=60)

    def fetch_more() -> None:
        with db.begin() as connection:
            (need,) = fetch.select_needs(connection, as_of)
        asyncio.run(fetch.fetch_symbol(db, market, need, as_of, suspect_price_pct=SUSPECT_PCT))

    def settled() -> list[Any]:
        with db.begin() as connection:
            settle_at(connection, 500)
            rows = connection.execute(text("SELECT reference_price FROM scorekeeper.decision ORDER BY trade_id"))
            return list(rows.scalars())

    with db.begin() as connection:
        decide(connection, {"trade_id": "a", "timestamp": (START + 300 * MINUTE).isoformat(), "price": 51.0})
    fetch_more()
    assert settled() == [51.0]
    with db.begin() as connection:
        for name, minute in (("b", 100), ("c", 200)):
            decide(connection, {"trade_id": name, "timestamp": (START + minute * MINUTE).isoformat(), "price": 50.0})
    market.failing = {"BTC/USDT": 3}  # the fourth page gets no answer
    with pytest.raises(MarketError):
        fetch_more()
    assert settled() == [51.0, None, None]
    market.failing = {}
    fetch_more()
    assert settled() == [51.0, 50.0, 50.0]


def test_a_decision_at_the_start_of_what_is_kept_after_a_gap_waits_for_no_price(db: Database, tmp_path: Path) -> None:
    """The market keeps nothing before it, so the next price stands for the one before at once."""
    rows = [f"{(START + i * MINUTE).timestamp() * 1000:.0f},{p},{p},{p},{p},1" for i, p in ((0, 50), (100, 52))]
    (tmp_path / "BTC-USDT.csv").write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    market = UniverseMarket(ReplayMarket(str(tmp_path), 5))

    def track(opened: float, minute: int) -> list[Any]:
        at, as_of = (START + opened * MINUTE).isoformat(), START + minute * MINUTE
        asked: sealed_candles.Asked = {}
        with db.begin() as connection:
            decide(connection, {"trade_id": f"at {opened}", "timestamp": at, "price": 51, "max_hold_minutes": 2_000})
            (need,) = fetch.select_needs(connection, as_of)
        asyncio.run(fetch.fetch_symbol(db, market, need, as_of, suspect_price_pct=SUSPECT_PCT, asked=asked))
        with db.begin() as connection:
            settle.settle(connection, as_of, suspect_price_pct=SUSPECT_PCT, asked=asked)
            rows = connection.execute(text("SELECT reference_price FROM scorekeeper.decision ORDER BY opened_at"))
            return list(rows.scalars())

    assert track(2, 10) == [50]
    market.kept = START + 100 * MINUTE
    assert track(100.5, 130) == [50, 52]


class LateTracks:
    """Tracks at minute 3 of a replay in which BTC has a candle before the one in which late decisions open."""

    def __init__(self, db: Database, folder: Path) -> None:
        for name, prices in (("BTC", {0: 50, 1: 51, 2: 52}), ("ETH", {1: 61, 2: 62})):
            rows = [f"{(START + i * MINUTE).timestamp() * 1000:.0f},{p},{p},{p},{p},1" for i, p in prices.items()]
            (folder / f"{name}-USDT.csv").write_text("\n".join(["timestamp,open,high,low,close,volume", *rows, ""]))
        self._db = db
        self.market = UniverseMarket(ReplayMarket(str(folder), 5))
        self._settings = load_settings(market=self.market.name, scorekeeper_home=folder)

    def arrive(self, trade_id: str, symbol: str, minutes: float) -> None:
        at = (START + minutes * MINUTE).isoformat()
        said = {"trade_id": trade_id, "symbol": f"{symbol}/USDT", "timestamp": at, "price": None, "type": "HOLD"}
        with self._db.begin() as connection:
            decide(connection, said)

    def fetch(self) -> fetch.Prices:
        prices = asyncio.run(
            fetch.fetch_prices(
                self._db, self._settings, START + 3 * MINUTE, now=START + timedelta(days=99), tell=lambda *_: None,
                opened_by=lambda *_, **__: self.market,
            )
        )  # fmt: skip
        assert len(prices.failed) == len(self.market.failing)
        return prices

    def settle(self, asked: sealed_candles.Asked) -> dict[str, float | None]:
        """The reference prices after a settlement. Verify finds them right."""
        with self._db.begin() as connection:
            settle.settle(connection, START + 3 * MINUTE, suspect_price_pct=SUSPECT_PCT, asked=asked)
            # Also where a price stands that the market found none before.
            assert list(check_trades(connection)) == []
            rows = connection.execute(text("SELECT trade_id, reference_price FROM scorekeeper.decision"))
            return {row.trade_id: row.reference_price for row in rows}

    def track(self) -> dict[str, float | None]:
        return self.settle(self.fetch().asked)


def test_a_market_that_fails_before_a_back_fill_leaves_its_prices_to_come(db: Database, tmp_path: Path) -> None:
    """A late decision opened in the first minute of the range, and the market does not answer when it comes."""
    life = LateTracks(db, tmp_path)
    life.arrive("b", "BTC", 2)
    life.arrive("e", "ETH", 1.5)
    assert life.track() == {"b": 51, "e": 61}
    life.arrive("late b", "BTC", 1)
    life.arrive("late e", "ETH", 0.5)
    life.market.failing = {"BTC/USDT": 0, "ETH/USDT": 0}
    assert life.track() == {"b": 51, "e": 61, "late b": None, "late e": None}
    life.market.failing = {}
    assert life.track() == {"b": 51, "e": 61, "late b": 50, "late e": 61}


def test_a_decision_that_comes_after_the_market_was_asked_waits_for_its_price(db: Database, tmp_path: Path) -> None:
    """It opened in the first minute of a range: of one that this fetch began, and of one from before."""
    life = LateTracks(db, tmp_path)
    life.arrive("b", "BTC", 2)
    life.arrive("e", "ETH", 1.5)
    asked = life.fetch().asked
    life.arrive("late b", "BTC", 1)
    life.arrive("late e", "ETH", 0.5)
    assert life.settle(asked) == {"b": 51, "e": None, "late b": None, "late e": None}
    asked = life.fetch().asked
    # The tracker has asked for nothing. What it lets wait, the settlement after the fetch need not.
    assert life.settle({}) == {"b": 51, "e": None, "late b": 50, "late e": None}
    assert life.settle(asked) == {"b": 51, "e": 61, "late b": 50, "late e": 61}
    fetched = life.fetch()
    assert fetched.asked == {}
    life.arrive("later", "BTC", 0.5)
    assert life.settle(fetched.asked)["later"] is None
    assert life.track()["later"] == 50


def test_stored_candles_that_were_not_settled_count_before_their_range_ends(db: Database) -> None:
    with db.begin() as connection:
        store(connection, 0, 10)
        decide(connection, {"trade_id": "t", "stop_loss": 99.0}, {"trade_id": "short hold", "max_hold_minutes": 15})
        settle_at(connection, 10)
        store(connection, 10, 20, price=98.5)  # killed before it was settled
        late = {"trade_id": "late", "timestamp": (START + 2 * MINUTE).isoformat(), "max_hold_minutes": 3}
        decide(connection, late)
    with db.begin() as connection:
        fetch.restart_after_gap(
            connection, "BTC/USDT", START + 100 * MINUTE, START + 130 * MINUTE, suspect_price_pct=SUSPECT_PCT
        )
        exits = connection.execute(text("SELECT trade_id, exit_reason FROM scorekeeper.trade ORDER BY trade_id")).all()
    assert [tuple(row) for row in exits] == [("late", "expired"), ("short hold", "expired"), ("t", "stop_loss")]


@pytest.mark.parametrize(
    ("asked", "answer", "exit_time"),
    [
        (START + timedelta(seconds=30), "requested", START + MINUTE),  # in the minute of the entry: at the next open
        (START + timedelta(minutes=7, seconds=59), "requested", START + 7 * MINUTE),
        (START - MINUTE, "not open yet", None),
    ],
)
def test_a_close_acts_at_its_minute_but_never_before_the_entry(
    db: Database, asked: datetime, answer: str, exit_time: datetime | None
) -> None:
    with db.begin() as connection:
        decide(connection, {"trade_id": "t", "timestamp": (START + timedelta(seconds=10)).isoformat()})
        assert close_requests.request_close(connection, "t", asked) == answer
        store(connection, 0, 10)
        settle_at(connection, 10)
        assert one(connection, "SELECT exit_time FROM scorekeeper.trade") == exit_time


def test_a_version_whose_only_trade_is_voided_gets_a_last_equity_row_of_nothing(db: Database) -> None:
    with db.begin() as connection:
        decide(connection, {"trade_id": "t"}, {"trade_id": "u", "version": "v2", "max_hold_minutes": 5})
        store(connection, 0, 30)
        settle_at(connection, 30)
        score_update.update_score(connection, START + 30 * MINUTE)
        for name in ("t", "u"):
            voiding.void_decision(connection, name, "a test", START + 30 * MINUTE)
        for minute in (31, 32):
            score_update.update_score(connection, START + minute * MINUTE)
        rows = connection.execute(
            text("SELECT version, as_of, open_trades, equity_pct FROM scorekeeper.report_equity ORDER BY 1, 2")
        ).all()
    first, last = START + 30 * MINUTE, START + 31 * MINUTE
    assert [tuple(row) for row in rows] == [
        ("v1", first, 1, 0.0), ("v1", last, 0, 0.0), ("v2", first, 0, 0.0),
    ]  # fmt: skip

"""Prices of an exchange, through ccxt, over HTTP: what is complete, what is sealed, and every fault on the way."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import store_decisions
from scorekeeper.market import (
    MarketError,
    UnknownSymbolError,
    binding,
    exchange_client,
    exchange_quirks,
    open_market,
    sealed_candles,
)
from scorekeeper.market.exchange import ExchangeMarket
from scorekeeper.metrics import rollups
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.trades import check_trades
from tests.levels import long
from tests.loopback import MINUTE, Exchange, make_klines, open_exchange
from tests.reference import floor_minute

START = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
NOW = START + 120 * MINUTE
CONTEXT = DecisionContext(NOW + timedelta(days=1), "v1", 60, ZoneInfo("UTC"), None)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a moment: how often it is asked again is what counts here."""
    monkeypatch.setattr(exchange_client, "LONGEST_WAIT_SECONDS", 0.05)


@pytest.fixture
def loop_exchange() -> Iterator[Exchange]:
    start = START - 30 * MINUTE
    with open_exchange(NOW, {"BTCUSDT": make_klines(start, 600), "ETHUSDT": make_klines(start, 600, 50.0)}) as served:
        yield served


def market_of(served: Exchange, cache: Path) -> ExchangeMarket:
    market = open_market("ccxt:binance", 5, cache=cache, exchange_options=served.options)
    assert isinstance(market, ExchangeMarket)
    return market


def answer_of(served: Exchange, cache: Path, since: datetime, until: datetime, as_of: datetime = NOW) -> Any:
    async def ask() -> Any:
        async with market_of(served, cache) as market:
            return await market.candles("BTC/USDT", since, until, as_of)

    return asyncio.run(ask())


@pytest.mark.parametrize(("length", "minutes"), [("1h", 60), ("4h", 240), ("1d", 1_440)])
def test_longer_candles_are_asked_for_sealed_and_filled_back_at_their_own_grid(
    db: Database, tmp_path: Path, length: str, minutes: int
) -> None:
    bar = minutes * MINUTE
    first = datetime(2024, 1, 1, tzinfo=UTC)
    now = first + 400 * bar + bar / 3
    decided = [first + 380 * bar + bar / 2, first + 6 * bar + bar / 2]
    with open_exchange(now, {"BTCUSDT": make_klines(first, 600, minutes=minutes)}) as served:
        served.interval, served.minutes, served.page = length, minutes, 100

        async def fetch_all(as_of: datetime) -> fetch.Prices:
            settings = load_settings(
                market="ccxt:binance", scorekeeper_home=tmp_path, candle_length=length,
                exchange_options=served.options, candle_grace_minutes=5,
            )  # fmt: skip
            return await fetch.fetch_prices(db, settings, as_of, now=served.clock, tell=lambda *_: None)

        for place, opened in enumerate(decided):
            decide(db, {"timestamp": opened.isoformat(), "trade_id": f"t{place}", "max_hold_minutes": 10 * minutes,
                        "price": 100.0 + (opened - first) / bar // 1 / 100, "stop_loss": 90})  # fmt: skip
            as_of = floor_minute(served.clock)
            prices = asyncio.run(fetch_all(as_of))
            assert (prices.failed, prices.unknown, prices.gone) == ([], [], [])
            with db.begin() as connection:
                settle.settle(connection, as_of, suspect_price_pct=5)
        found = candles(db)
        # From the last candle that was complete at the earliest decision to the last complete one, none twice.
        assert sorted(found) == [first + k * bar for k in range(5, 400)]
        for name, opened in zip(("t0", "t1"), decided, strict=True):
            trade, place = trades(db)[name], (opened - first) // bar + 9
            assert trade.exit_time == opened + 10 * bar
            assert (trade.exit_price, trade.price_age_seconds) == (found[first + place * bar], minutes * 30)
        with db.begin() as connection:
            assert list(check_trades(connection)) == []
            sealed = connection.execute(text("SELECT sealed_until FROM scorekeeper.candle_coverage")).scalar_one()
        # No candle ends before the next one does, so nothing more is to be known by now.
        assert sealed == as_of
        with pytest.raises(ScorekeeperError, match=f"by CANDLE_LENGTH={length}, not"), db.begin() as connection:
            binding.check_market(connection, "ccxt:binance")


def decide(db: Database, *decisions: dict[str, Any]) -> None:
    whole = [
        {"symbol": "BTC/USDT", "type": "BUY", "price": 100.3, "timestamp": START.isoformat(), "trade_id": f"t{i}"} | d
        for i, d in enumerate(decisions)
    ]
    with db.begin() as connection:
        store_decisions.record(
            connection, [parse_decision(d, context=CONTEXT) for d in whole], source_name="test", source_sha256=None,
            received_at=NOW, fee_bps=10,
        )  # fmt: skip


def track(db: Database, served: Exchange, cache: Path, as_of: datetime | None = None) -> dict[str, str]:
    """One run at the exchange's minute; symbols that failed, with why."""
    as_of = as_of or served.clock.replace(second=0, microsecond=0)
    failed = {}

    async def fetch_all() -> None:
        async with market_of(served, cache) as market:
            with db.begin() as connection:
                binding.bind_market(connection, market.name, as_of)
                needs = fetch.select_needs(connection, as_of)
            for need in needs:
                try:
                    await fetch.fetch_symbol(db, market, need, as_of, suspect_price_pct=5)
                except ScorekeeperError as trouble:
                    failed[need.symbol] = str(trouble)

    asyncio.run(fetch_all())
    with db.begin() as connection:
        settle.settle(connection, as_of, suspect_price_pct=5)
        rollups.score_stale_days(connection, as_of)
        settle.mark_open_trades(connection, as_of)
        binding.advance_as_of(connection, as_of)
    return failed


def trades(db: Database) -> dict[str, Any]:
    with db.begin() as connection:
        return {row.trade_id: row for row in connection.execute(text("SELECT * FROM scorekeeper.trade"))}


def candles(db: Database) -> dict[datetime, float]:
    with db.begin() as connection:
        rows = connection.execute(text("SELECT minute_at, close FROM scorekeeper.candle ORDER BY minute_at"))
        return {row.minute_at: row.close for row in rows}


def count_revisions(db: Database) -> int:
    with db.begin() as connection:
        return int(connection.execute(text("SELECT count(*) FROM scorekeeper.candle_revision")).scalar_one())


def test_complete_candles_by_the_exchanges_clock_are_sealed_and_forming_ones_not(
    loop_exchange: Exchange, tmp_path: Path
) -> None:
    loop_exchange.clock = NOW + timedelta(seconds=30)
    answer = answer_of(loop_exchange, tmp_path, START, NOW + MINUTE, as_of=NOW + 5 * MINUTE)
    assert answer.sealed_until == NOW
    assert answer.candles["minute_at"].iloc[-1] == NOW - MINUTE


def test_nothing_after_as_of_is_used(loop_exchange: Exchange, tmp_path: Path) -> None:
    as_of = START + 10 * MINUTE
    answer = answer_of(loop_exchange, tmp_path, START, as_of, as_of=as_of)
    assert answer.sealed_until == as_of
    assert answer.candles["minute_at"].iloc[-1] == as_of - MINUTE


def test_a_trade_closes_by_the_exchanges_candles(db: Database, loop_exchange: Exchange, tmp_path: Path) -> None:
    decide(db, {}, {"stop_loss": 99.9, "timestamp": (START + timedelta(seconds=30)).isoformat()})
    assert track(db, loop_exchange, tmp_path) == {}
    found = trades(db)
    assert (found["t0"].exit_time, found["t0"].exit_reason) == (START + 60 * MINUTE, "expired")
    assert found["t0"].exit_price == pytest.approx(100.0 + 89 / 100 + 0.1)
    assert (found["t1"].exit_reason, found["t1"].exit_time) == ("stop_loss", START + 2 * MINUTE)


def test_weeks_of_history_come_in_pages_and_go_on_where_they_stopped(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = NOW - timedelta(days=5)
    with open_exchange(NOW, {"BTCUSDT": make_klines(start - 10 * MINUTE, 5 * 1440 + 20)}) as served:
        decide(db, {"timestamp": start.isoformat(), "price": 100.1}, {"timestamp": NOW.isoformat(), "price": 172.1})
        real = sealed_candles.store_page
        stored: list[datetime] = []

        def stop_after_three(*words: Any, **named: Any) -> int:
            if len(stored) == 3:
                raise MarketError("the plug was pulled")
            stored.append(named["since"])
            return real(*words, **named)

        monkeypatch.setattr(sealed_candles, "store_page", stop_after_three)
        assert "BTC/USDT" in track(db, served, tmp_path)
        before = len(candles(db))
        asked = served.requests["/klines"]
        monkeypatch.setattr(sealed_candles, "store_page", real)
        assert track(db, served, tmp_path) == {}
        assert len(candles(db)) == 5 * 1440 + 1
        assert served.requests["/klines"] - asked <= (5 * 1440 - before) // 990 + 2
        assert trades(db)["t0"].exit_time == start + 60 * MINUTE


def test_an_earlier_decision_extends_the_range_backwards_in_one_piece(db: Database, tmp_path: Path) -> None:
    start = NOW - timedelta(days=3)
    with open_exchange(NOW, {"BTCUSDT": make_klines(start - 10 * MINUTE, 3 * 1440 + 20)}) as served:
        decide(db, {"timestamp": (NOW - 70 * MINUTE).isoformat(), "price": 142.5})
        track(db, served, tmp_path)
        decide(db, {"timestamp": start.isoformat(), "price": 100.1, "trade_id": "early"})
        assert track(db, served, tmp_path) == {}
        assert trades(db)["early"].exit_time == start + 60 * MINUTE
        assert len(candles(db)) == 3 * 1440 + 1


# 31, 32: passing trouble is asked again; lasting trouble leaves trades open
@pytest.mark.parametrize("status", [429, 502, *long(418, 500, 503)])
def test_passing_trouble_is_asked_again(db: Database, loop_exchange: Exchange, tmp_path: Path, status: int) -> None:
    loop_exchange.fail_next = [status, status]
    loop_exchange.retry_after = 0
    decide(db, {})
    assert track(db, loop_exchange, tmp_path) == {}
    assert trades(db)["t0"].exit_reason == "expired"


def test_html_with_status_200_leaves_trades_open_and_is_named(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    decide(db, {})
    track(db, loop_exchange, tmp_path, START + 10 * MINUTE)
    loop_exchange.html = True
    with pytest.raises(MarketError):
        answer_of(loop_exchange, tmp_path, START, NOW)
    assert "BTC/USDT" in track(db, loop_exchange, tmp_path)
    assert trades(db)["t0"].exit_time is None
    with db.begin() as connection:
        mark_at = connection.execute(text("SELECT mark_at FROM scorekeeper.report_open_trades")).scalar_one()
    assert mark_at == START + 10 * MINUTE  # the age of the price shows
    loop_exchange.html = False
    track(db, loop_exchange, tmp_path)
    assert trades(db)["t0"].exit_time == START + 60 * MINUTE


@pytest.mark.parametrize(
    "body", ["<html>Just a moment...</html>", "", "null", "{}", '"no"', '{"result": null}', "[null]", '{"error": []}']
)
def test_what_is_no_list_of_candles_is_not_taken_for_a_silence(
    db: Database, loop_exchange: Exchange, tmp_path: Path, body: str
) -> None:
    decide(db, {})
    track(db, loop_exchange, tmp_path, START + 10 * MINUTE)
    loop_exchange.klines_body = body
    assert "BTC/USDT" in track(db, loop_exchange, tmp_path)
    assert max(candles(db)) == START + 9 * MINUTE
    loop_exchange.klines_body = None
    assert track(db, loop_exchange, tmp_path) == {}
    assert trades(db)["t0"].exit_price == pytest.approx(100.0 + 89 / 100 + 0.1)


def test_an_answer_that_has_stood_still_is_not_taken_for_a_silence(loop_exchange: Exchange, tmp_path: Path) -> None:
    old = make_klines(START - 300 * MINUTE, 100)
    loop_exchange.klines_body = json.dumps(
        [[k[0], *map(str, k[1:6]), k[0] + 59_999, "0", 1, "0", "0", "0"] for k in old]
    )
    with pytest.raises(MarketError, match="no candles that were asked for"):
        answer_of(loop_exchange, tmp_path, START, NOW)


def test_an_exchange_that_does_not_answer_in_time_is_given_up_after_some_attempts(
    loop_exchange: Exchange, tmp_path: Path
) -> None:
    loop_exchange.hang_seconds = 1.2
    with pytest.raises(MarketError, match="RequestTimeout"):
        answer_of(loop_exchange, tmp_path, START, NOW)


# 33: a price that is none
@pytest.mark.parametrize("price", [None, "NaN", 0, -1, "inf"])
def test_a_price_that_is_none_is_rejected_and_marks_nothing(
    db: Database, loop_exchange: Exchange, tmp_path: Path, price: Any
) -> None:
    bad_at = START + 20 * MINUTE
    stamp = int(bad_at.timestamp() * 1000)
    loop_exchange.changed[("BTCUSDT", stamp)] = (stamp, 100, 101, 99, price, 1)
    decide(db, {})
    track(db, loop_exchange, tmp_path)
    assert max(candles(db)) == bad_at - MINUTE
    assert trades(db)["t0"].exit_time is None
    del loop_exchange.changed[("BTCUSDT", stamp)]
    assert track(db, loop_exchange, tmp_path) == {}
    assert trades(db)["t0"].exit_time == START + 60 * MINUTE


# 34, 35, 36
def test_an_expiry_in_the_forming_candle_waits_for_its_close(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    decide(db, {"timestamp": (START + timedelta(seconds=30)).isoformat()})
    loop_exchange.clock = START + 60 * MINUTE + timedelta(seconds=20)
    track(db, loop_exchange, tmp_path)
    assert trades(db)["t0"].exit_time is None
    loop_exchange.clock += MINUTE
    track(db, loop_exchange, tmp_path)
    closed = trades(db)["t0"]
    assert (closed.exit_time, closed.price_age_seconds) == (START + timedelta(minutes=60, seconds=30), 30)


def test_away_for_six_hours_it_closes_at_the_price_of_the_expiry(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    decide(db, {})
    loop_exchange.clock = START + 10 * MINUTE
    track(db, loop_exchange, tmp_path)
    loop_exchange.clock = START + 370 * MINUTE
    track(db, loop_exchange, tmp_path)
    closed = trades(db)["t0"]
    assert (closed.exit_time, closed.exit_price) == (START + 60 * MINUTE, pytest.approx(100 + 89 / 100 + 0.1))


def test_no_candle_at_the_expiry_takes_the_last_one_with_its_age(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    for minute in range(50, 75):
        stamp = int((START + minute * MINUTE).timestamp() * 1000)
        loop_exchange.changed[("BTCUSDT", stamp)] = None
    decide(db, {})
    loop_exchange.clock = START + 62 * MINUTE
    track(db, loop_exchange, tmp_path)
    assert trades(db)["t0"].exit_time is None  # the exchange may be late: it is given its five minutes
    loop_exchange.clock = START + 65 * MINUTE
    track(db, loop_exchange, tmp_path)
    closed = trades(db)["t0"]
    assert (closed.exit_time, closed.price_age_seconds) == (START + 60 * MINUTE, 600)


# 37: overlaps, repeats, changes
def test_repeated_and_overlapping_pages_give_one_candle_a_minute(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    loop_exchange.repeat = True
    loop_exchange.page = 7
    decide(db, {})
    track(db, loop_exchange, tmp_path)
    found = candles(db)
    assert list(found) == [START + (i - 1) * MINUTE for i in range(121)]
    assert count_revisions(db) == 0


def test_what_changes_in_a_sealed_minute_is_kept_as_a_revision_and_changes_nothing(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    decide(db, {"max_hold_minutes": 300})
    loop_exchange.clock = START + 20 * MINUTE
    track(db, loop_exchange, tmp_path)
    before = candles(db)
    stamp = int((START + 18 * MINUTE).timestamp() * 1000)
    loop_exchange.changed[("BTCUSDT", stamp)] = (stamp, 100, 101, 1, 100, 1)
    for minute in (21, 22):
        loop_exchange.clock = START + minute * MINUTE
        track(db, loop_exchange, tmp_path)
    assert {minute: close for minute, close in candles(db).items() if minute in before} == before
    assert count_revisions(db) == 1


def test_what_comes_after_the_grace_is_a_revision(db: Database, loop_exchange: Exchange, tmp_path: Path) -> None:
    decide(db, {}, {"max_hold_minutes": 300})
    loop_exchange.clock = START + 58 * MINUTE
    track(db, loop_exchange, tmp_path)
    late = [int((START + minute * MINUTE).timestamp() * 1000) for minute in range(58, 80)]
    loop_exchange.changed = dict.fromkeys(("BTCUSDT", stamp) for stamp in late)
    loop_exchange.clock = START + 66 * MINUTE
    track(db, loop_exchange, tmp_path)
    assert trades(db)["t0"].price_age_seconds == 120
    loop_exchange.changed = {}
    loop_exchange.clock = START + 67 * MINUTE
    track(db, loop_exchange, tmp_path)
    assert trades(db)["t0"].price_age_seconds == 120
    assert count_revisions(db) > 0


# 38, 39, 40: listings
def test_an_unknown_symbol_is_named_and_stops_no_other(db: Database, loop_exchange: Exchange, tmp_path: Path) -> None:
    decide(db, {"symbol": "NOSUCH/USDT"}, {}, {"symbol": "ETH/USDT", "price": 50.3})
    loop_exchange.invalid = {"ETHUSDT"}
    failed = track(db, loop_exchange, tmp_path)
    assert failed.keys() == {"NOSUCH/USDT", "ETH/USDT"}
    assert "does not list" in failed["NOSUCH/USDT"]
    assert trades(db)["t1"].exit_reason == "expired"


def test_a_new_listing_is_found_by_loading_the_list_once_more(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    decide(db, {})
    track(db, loop_exchange, tmp_path)
    assert loop_exchange.requests["/exchangeInfo"] == 1
    track(db, loop_exchange, tmp_path)
    assert loop_exchange.requests["/exchangeInfo"] == 1  # kept for an hour
    loop_exchange.klines["NEWUSDT"] = make_klines(START - 30 * MINUTE, 600)
    decide(db, {"symbol": "NEW/USDT", "trade_id": "new"}, {"symbol": "NOSUCH/USDT", "trade_id": "no"})
    assert track(db, loop_exchange, tmp_path).keys() == {"NOSUCH/USDT"}
    assert loop_exchange.requests["/exchangeInfo"] == 2
    assert trades(db)["new"].exit_reason == "expired"


def test_one_symbol_that_fails_stops_no_other_and_is_named(
    db: Database, loop_exchange: Exchange, tmp_path: Path
) -> None:
    loop_exchange.broken = {"ETHUSDT"}
    decide(db, {}, {"symbol": "ETH/USDT", "price": 50.3})
    failed = track(db, loop_exchange, tmp_path)
    assert list(failed) == ["ETH/USDT"]
    assert (trades(db)["t0"].exit_reason, trades(db)["t1"].exit_time) == ("expired", None)


def test_a_symbol_spelled_as_the_exchange_spells_it_is_found(loop_exchange: Exchange, tmp_path: Path) -> None:
    async def ask() -> tuple[str, str]:
        async with market_of(loop_exchange, tmp_path) as market:
            with pytest.raises(UnknownSymbolError):
                await market._listing.find("BTC/EUR")
            return await market._listing.find("BTCUSDT"), await market._listing.find("BTC/USDT")

    assert asyncio.run(ask()) == ("BTC/USDT", "BTC/USDT")


def test_an_exchange_that_keeps_little_says_so_and_older_trades_stay_open(
    db: Database, loop_exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(exchange_quirks.KEPT_CANDLES, "binance", 90)
    decide(db, {}, {"timestamp": (START + 59 * MINUTE).isoformat(), "max_hold_minutes": 30, "trade_id": "young"})
    assert track(db, loop_exchange, tmp_path) == {}
    assert trades(db)["t0"].exit_time is None
    assert trades(db)["young"].exit_reason == "expired"
    with db.begin() as connection:
        assert [(s, n) for s, n, _ in fetch.select_stuck(connection, NOW)] == [("BTC/USDT", 1)]
    loop_exchange.clock = NOW + 300 * MINUTE  # away so long that even the range itself cannot be joined
    decide(db, {"timestamp": (NOW + 290 * MINUTE).isoformat(), "max_hold_minutes": 5, "price": 104, "trade_id": "new"})
    assert track(db, loop_exchange, tmp_path) == {}
    assert trades(db)["new"].exit_reason == "expired"


def test_a_name_that_no_exchange_has_is_refused(tmp_path: Path) -> None:
    for name in ("ccxt:nosuch", "nosuch", "ccxt:", "replay:"):
        with pytest.raises(ScorekeeperError, match="MARKET="):
            open_market(name, 5, cache=tmp_path, exchange_options={})

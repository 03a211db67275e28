"""Symbols and candle files from end to end: what waits for the market's list, and what one bad file does not stop."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.inbox import ingest
from scorekeeper.market import open_market
from scorekeeper.market.symbol_list import find_symbol
from scorekeeper.metrics import score_update
from scorekeeper.operations import health
from scorekeeper.publish import publish
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.tracker import PerformanceTracker
from scorekeeper.trades import settle
from scorekeeper.trades.fetch import SYMBOLS_AT_ONCE, Prices, fetch_prices
from scorekeeper.verify.run import verify
from tests.loopback import make_klines, open_exchange

START = datetime(2025, 5, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
END = START + 180 * MINUTE
HEADER = "timestamp,open,high,low,close,volume\n"


@pytest.fixture
def market(settings: Settings) -> Path:
    folder = settings.inbox_dir.parent / "market"
    folder.mkdir()
    return folder


def write_candles(path: Path, minutes: int, unit: int = 1000) -> None:
    stamps = (int((START + k * MINUTE).timestamp()) * unit for k in range(minutes))
    path.write_text(HEADER + "".join(f"{s},{100 + k},{101 + k},{100 + k},{101 + k},1\n" for k, s in enumerate(stamps)))


def take(db: Database, settings: Settings, *decisions: dict[str, Any]) -> ingest.Summary:
    rows = [{"type": "BUY", "price": 110, "timestamp": (START + 10 * MINUTE).isoformat(), **one} for one in decisions]
    name = f"d{len(list(settings.inbox_dir.parent.rglob('d*.jsonl')))}.jsonl"
    (settings.inbox_dir / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=10))


def track(db: Database, settings: Settings, folder: Path, as_of: datetime = END) -> Prices:
    own = settings.model_copy(update={"market": f"replay:{folder}"})
    prices = asyncio.run(
        fetch_prices(
            db,
            own,
            as_of,
            now=datetime.now(UTC) + MINUTE,
            tell=lambda *_: None,
        )
    )
    db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=settings.suspect_price_pct))
    db.transact(lambda c: score_update.update_score(c, as_of))
    lines(db, settings)
    return prices


def lines(db: Database, settings: Settings) -> list[dict[str, Any]]:
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    return [json.loads(line) for line in settings.dataset_path.read_text().splitlines()]


def rows(db: Database, query: str) -> list[tuple[Any, ...]]:
    with db.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


SYMBOL = (
    "SELECT d.raw_symbol, d.symbol, t.symbol, t.exit_time IS NOT NULL FROM scorekeeper.decision AS d "
    "INNER JOIN scorekeeper.trade AS t ON d.trade_id = t.trade_id ORDER BY d.raw_symbol"
)


def test_a_word_waits_for_the_markets_list_and_means_for_good_what_that_lists(
    db: Database, settings: Settings, market: Path
) -> None:
    for stem in ("币安人生-USDT", "XYZ-TSLA-USDC-USDC", "AAPL", "HYPE-USDT", "W-USDT"):
        write_candles(market / f"{stem}.csv", 180)
    words = ["币安人生/USDT", "币安人生USDT", "XYZ-TSLA/USDC:USDC", "AAPL", "hypeusdt", "HYPE_USDT", "WBTC"]
    taken = take(db, settings, *({"symbol": word} for word in words))
    assert taken.decisions == len(words)
    assert taken.unresolved == ["AAPL", "HYPE_USDT", "WBTC", "hypeusdt", "币安人生USDT"]
    # The two that say it themselves are published at once; what is not settled before it is known does not close.
    assert {line["symbol"] for line in lines(db, settings)} == {"币安人生/USDT", "XYZ-TSLA/USDC:USDC"}
    prices = track(db, settings, market)
    assert (prices.unknown, prices.failed) == (["WBTC"], [])
    assert rows(db, SYMBOL) == [
        ("AAPL", "AAPL", "AAPL", True), ("HYPE_USDT", "HYPE/USDT", "HYPE/USDT", True), ("WBTC", "WBTC", "WBTC", False),
        ("XYZ-TSLA/USDC:USDC", "XYZ-TSLA/USDC:USDC", "XYZ-TSLA/USDC:USDC", True),
        ("hypeusdt", "HYPE/USDT", "HYPE/USDT", True), ("币安人生/USDT", "币安人生/USDT", "币安人生/USDT", True),
        ("币安人生USDT", "币安人生/USDT", "币安人生/USDT", True),
    ]  # fmt: skip
    published = settings.log_path.read_bytes(), settings.dataset_path.read_bytes()
    assert {line["symbol"] for line in lines(db, settings)} == {
        "币安人生/USDT", "XYZ-TSLA/USDC:USDC", "AAPL", "HYPE/USDT", "WBTC"
    }  # fmt: skip
    # What is known now is read at once; what was published stays, whatever is listed later.
    write_candles(market / "W-BTC.csv", 180)
    taken = take(db, settings, {"symbol": "hypeusdt", "price": 111}, {"symbol": "WBTC", "price": 111})
    assert (taken.unresolved, taken.unlisted) == (["WBTC"], ["WBTC"])
    fresh = rows(db, "SELECT symbol FROM scorekeeper.decision WHERE price = 111 AND raw_symbol = 'hypeusdt'")
    assert fresh == [("HYPE/USDT",)]
    assert len(rows(db, "SELECT trade_id FROM scorekeeper.held_decision")) == 1
    track(db, settings, market, END + MINUTE)
    assert rows(db, "SELECT symbol FROM scorekeeper.decision WHERE raw_symbol = 'WBTC' ORDER BY price") == [
        ("WBTC",), ("W/BTC",)
    ]  # fmt: skip
    assert settings.log_path.read_bytes().startswith(published[0])
    assert settings.dataset_path.read_bytes().startswith(published[1])
    before = settings.log_path.read_bytes(), settings.dataset_path.read_bytes()
    publish.rebuild(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert before == (settings.log_path.read_bytes(), settings.dataset_path.read_bytes())
    assert verify(db, settings) == []
    with db.begin() as connection:
        assert [find_symbol(connection, word) for word in ("hype-usdt", "HYPEUSDT", "币安人生USDT", "AAPL")] == [
            "HYPE/USDT", "HYPE/USDT", "币安人生/USDT", "AAPL"
        ]  # fmt: skip


def test_a_redelivered_decision_meets_itself_whether_its_symbol_was_known_or_not(
    db: Database, settings: Settings, market: Path
) -> None:
    write_candles(market / "HYPE-USDT.csv", 180)
    assert take(db, settings, {"symbol": "HYPEUSDT"}).decisions == 1
    track(db, settings, market)
    again = take(db, settings, {"symbol": "HYPEUSDT"}, {"symbol": "AAPL"})
    assert (again.decisions, again.duplicates) == (1, 1)


def test_a_tracker_on_its_own_reads_by_custom_and_beside_a_market_as_that_does(
    db: Database, settings: Settings, market: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    opened = (datetime.now(UTC) - 2 * MINUTE).isoformat()
    decision = {"type": "BUY", "price": 110, "timestamp": opened}
    tracker = PerformanceTracker()
    assert tracker.record_decision({**decision, "symbol": "HYPEUSDT", "price": 1})
    assert [line["symbol"] for line in lines(db, settings)] == ["HYPE/USDT"]
    write_candles(market / "HYPE-USDT-USDT.csv", 180)
    take(db, settings, {"symbol": "HYPEUSDT"})
    track(db, settings, market)
    assert tracker.record_decision({**decision, "symbol": "HYPEUSDT", "price": 2})
    assert tracker.record_decision({**decision, "symbol": "MSFT", "price": 3})
    tracker.close()
    assert [line["symbol"] for line in lines(db, settings) if line["status"] == "active"] == [
        "HYPE/USDT", "HYPE/USDT:USDT", "HYPE/USDT:USDT"
    ]  # fmt: skip
    assert rows(db, "SELECT raw_symbol FROM scorekeeper.decision NATURAL JOIN scorekeeper.held_decision") == [("MSFT",)]


def test_an_exchanges_list_reads_its_own_names_and_parts_nothing_else(tmp_path: Path) -> None:
    with open_exchange(END, {"BTCUSDT": make_klines(START, 5)}) as served:

        async def read(*words: str) -> dict[str, str]:
            async with open_market("ccxt:binance", 5, cache=tmp_path, exchange_options=served.options) as market:
                return await market.read_spellings(words)

        listed = asyncio.run(read("BTCUSDT", "BTC-USDT", "BINANCE:BTCUSDT", "KRAKEN:BTCUSDT", "WBTC", "AAPL"))
    assert listed == dict.fromkeys(("BTCUSDT", "BTC-USDT", "BINANCE:BTCUSDT"), "BTC/USDT")


def test_a_bad_file_stops_no_other_symbol_and_status_says_what_to_mend(
    db: Database, settings: Settings, market: Path
) -> None:
    write_candles(market / "ZZZ-USDT.csv", 180)
    bad = [f"A{k:02d}" for k in range(SYMBOLS_AT_ONCE + 5)]
    for name in bad:
        write_candles(market / f"{name}-USDT.csv", 120, unit=10**9)
    (market / "GZ-USDT.csv.gz").write_bytes(b"\x1f\x8b\x08\x00" + b"\xff" * 50)
    (market / "DIR-USDT.csv").mkdir()
    names = ["ZZZ", *bad, "GZ", "DIR"]
    take(db, settings, *({"symbol": f"{name}/USDT", "trade_id": name} for name in names))
    prices = track(db, settings, market)
    failed = [line.partition(" ")[0] for line in prices.failed]
    assert failed == [f"{name}/USDT" for name in sorted([*bad, "GZ", "DIR"])]
    assert all(str(market) in line for line in prices.failed)
    assert rows(db, "SELECT trade_id FROM scorekeeper.trade WHERE exit_time IS NOT NULL") == [("ZZZ",)]
    with db.begin() as connection:
        (check,) = [one for one in health.check_database(connection, settings, lambda: END) if one.name == "prices"]
    assert f"A00/USDT: {market}/A00-USDT.csv: line 2: timestamp: " in check.says
    assert (check.state, "ZZZ" in check.says, "void" in check.do, "repair that file" in check.do) == (
        "red",
        False,
        False,
        True,
    )
    for name in bad:
        write_candles(market / f"{name}-USDT.csv", 180)
    assert track(db, settings, market, END + MINUTE).failed[0].startswith("DIR/USDT")
    assert len(rows(db, "SELECT trade_id FROM scorekeeper.trade WHERE exit_time IS NOT NULL")) == 1 + len(bad)


def test_a_file_that_grows_gives_the_score_of_one_that_was_whole(
    db: Database, settings: Settings, market: Path
) -> None:
    write_candles(market / "BTC-USDT.csv", 60)
    late = {"symbol": "BTC/USDT", "price": 160, "timestamp": (START + 65 * MINUTE).isoformat(), "trade_id": "late"}
    take(db, settings, {"symbol": "BTC/USDT", "trade_id": "early", "max_hold_minutes": 20}, late)
    said: list[str] = []
    own = settings.model_copy(update={"market": f"replay:{market}"})
    now = datetime.now(UTC) + MINUTE
    prices = asyncio.run(
        fetch_prices(
            db,
            own,
            END,
            now=now,
            tell=lambda level, words: said.append(f"{level} {words}"),
        )
    )
    assert prices.ends == [f"BTC/USDT: {market}/BTC-USDT.csv ends at 2025-05-01 01:00 UTC"]
    assert any(line.startswith(f"{logging.WARNING} BTC/USDT: ") for line in said)
    track(db, settings, market)
    assert rows(db, "SELECT trade_id FROM scorekeeper.trade WHERE exit_time IS NOT NULL") == [("early",)]
    with db.begin() as connection:
        (check,) = [one for one in health.check_database(connection, settings, lambda: END) if one.name == "prices"]
    assert (check.state, "ends at 2025-05-01 01:00 UTC" in check.says, "void" in check.do) == ("warning", True, False)
    write_candles(market / "BTC-USDT.csv", 200)
    assert track(db, settings, market, END + MINUTE).ends == []
    assert rows(db, "SELECT exit_time, exit_price FROM scorekeeper.trade WHERE trade_id = 'late'") == [
        (START + 125 * MINUTE, 225.0)
    ]  # fmt: skip
    assert verify(db, settings) == []

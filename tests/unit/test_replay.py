"""A folder of candle files as a market."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scorekeeper.market.replay import ReplayMarket

NOON = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)


def test_a_symbol_without_a_single_candle_is_asked_for_whenever_it_was_decided(tmp_path: Path) -> None:
    (tmp_path / "BTC-USDT.csv").write_text("timestamp,open,high,low,close,volume\n")
    market = ReplayMarket(str(tmp_path), 5)
    decided_at = NOON + timedelta(microseconds=1)
    assert asyncio.run(market.first_minute("BTC/USDT", decided_at)) == NOON
    answer = asyncio.run(market.candles("BTC/USDT", NOON, NOON + timedelta(hours=1), NOON + timedelta(minutes=30)))
    assert (len(answer.candles), answer.sealed_until) == (0, NOON + timedelta(minutes=25))

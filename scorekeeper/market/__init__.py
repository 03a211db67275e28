"""Where prices come from.

base.py has the interface, Market. exchange.py and replay.py implement it. sealed_candles.py stores candles, binding.py
the market that a database keeps to, and symbol_list.py the symbols that spellings mean.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from scorekeeper.errors import ScorekeeperError
from scorekeeper.market.base import MINUTE, Bars, CandleFileError, CandlePage, Market, MarketError, UnknownSymbolError

__all__ = [
    "MINUTE", "Bars", "CandleFileError", "CandlePage", "Market", "MarketError", "UnknownSymbolError", "open_market",
]  # fmt: skip


def open_market(
    name: str,
    grace_minutes: int,
    *,
    cache: Path,
    exchange_options: dict[str, Any],
    now: datetime | None = None,
    candle_length: str = "1m",
    calendar: str = "",
    layout: str = "scorekeeper",
) -> Market:
    """The market that `MARKET` names: `replay:DIR` or `ccxt:EXCHANGE`.

    `cache`: the folder for an exchange's list of markets. `now`: see ReplayMarket. `exchange_options`: see
    ExchangeClient. `candle_length`, `calendar` and `layout` as the settings CANDLE_LENGTH, CALENDAR and REPLAY_LAYOUT
    have them: an exchange that ccxt knows never closes. Raises ScorekeeperError for any other name.
    """
    kind, _, rest = name.partition(":")
    # Imported here: pandas loads only where prices are fetched, and ccxt only for an exchange.
    if kind == "replay" and rest:
        from scorekeeper.market.replay import ReplayMarket

        return ReplayMarket(rest, grace_minutes, now, bars=Bars.of(candle_length, calendar), layout=layout)
    if kind == "ccxt" and rest:
        from scorekeeper.market.exchange import ExchangeMarket

        return ExchangeMarket(rest, grace_minutes, cache, exchange_options, bars=Bars.of(candle_length))
    raise ScorekeeperError(
        f"MARKET={name}: write ccxt:EXCHANGE (such as ccxt:binance), or replay:DIR, a folder of files like BTC-USDT.csv"
    )

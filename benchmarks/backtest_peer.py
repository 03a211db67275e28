"""freqtrade's backtesting of the decisions of benchmarks.backtest, without a network: a process of its own.

It wants another pandas than the product does, so it runs in the project of the oracles:

    ENTRIES=FOLDER uv run --project tests/oracles python -m benchmarks.backtest_peer FOLDER

FOLDER holds its candles as feather files, and the minutes to enter at. Prints one JSON object: its trades.
"""

import json
import logging
import sys
from pathlib import Path
from typing import Any

from freqtrade.configuration import Configuration
from freqtrade.enums import RunMode
from freqtrade.exchange import Exchange
from freqtrade.optimize.backtesting import Backtesting

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def main(folder: Path) -> None:
    """Run it once."""
    logging.disable(logging.INFO)
    given: dict[str, Any] = {
        "exchange": {"name": "binance", "pair_whitelist": list(PAIRS)}, "pairlists": [{"method": "StaticPairList"}],
        "dataformat_ohlcv": "feather", "timeframe": "1m", "stake_currency": "USDT", "stake_amount": 100,
        "dry_run_wallet": 1_000_000, "max_open_trades": len(PAIRS), "fee": 0.001, "dry_run": True,
        "entry_pricing": {"price_side": "same", "use_order_book": False},
        "exit_pricing": {"price_side": "same", "use_order_book": False},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(given), encoding="utf-8")
    options = {
        "config": [str(folder / "config.json")], "datadir": str(folder), "user_data_dir": str(folder),
        "strategy": "Entering", "strategy_path": str(Path(__file__).with_name("freqtrade")), "export": "none",
        "backtest_cache": "none",
    }  # fmt: skip
    config = Configuration(options, RunMode.BACKTEST).get_config()
    exchange = Exchange(config, validate=False)
    exchange._markets = {pair: _list(pair) for pair in PAIRS}
    exchange._api.set_markets(exchange._markets)
    testing = Backtesting(config, exchange)
    testing.start()
    found = testing.results["strategy"]["Entering"]
    print(json.dumps({"trades": found["total_trades"]}))


def _list(pair: str) -> dict[str, Any]:
    """A spot market as ccxt has it."""
    base, quote = pair.split("/")
    return {
        "id": base + quote, "symbol": pair, "base": base, "quote": quote, "baseId": base, "quoteId": quote,
        "type": "spot", "spot": True, "margin": False, "swap": False, "future": False, "option": False,
        "contract": False, "active": True, "linear": None, "inverse": None, "settle": None, "contractSize": None,
        "taker": 0.001, "maker": 0.001, "precision": {"amount": 1e-5, "price": 0.01},
        "limits": {name: {"min": None, "max": None} for name in ("amount", "price", "cost", "leverage", "market")},
        "info": {},
    }  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))

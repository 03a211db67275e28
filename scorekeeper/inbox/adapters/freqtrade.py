"""freqtrade: the trades of a backtest, of its API, of `trade list --print-json`, and of the table of a dry run.

Its trades have ended where its own engine ended them: they are imported with their exits, not followed. Read:
freqtrade/freqtrade, tests/testdata/backtest_results/backtest-result_new.json at commit
4254d8665861df31fe757f5b957d1194dd7562fb, and freqtrade/persistence/trade_model.py.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from scorekeeper.inbox.adapters.base import Exit, Found, Lost, Part, given, number_above_zero


class Freqtrade:
    """See Adapter."""

    name = "freqtrade"
    system = "freqtrade"
    dated_by_file = False

    def recognises(self, document: object) -> bool:
        """See Adapter. A backtest, the API's answer with or about one, a list of trades, or one trade."""
        document = _unwrap(document)
        if isinstance(document, list):
            return bool(document) and all(map(_is_trade, document))
        if not isinstance(document, dict):
            return False
        return _is_trade(document) or _is_backtest(document) or _is_answer(document)

    def read(self, document: Any) -> Iterator[Part]:
        """See Adapter. The version of a decision is the strategy's name."""
        document = _unwrap(document)
        if _is_backtest(document):
            for name, result in document["strategy"].items():
                for trade in result["trades"]:
                    yield _read_trade(trade, name, result.get("timeframe"))
            return
        trades = document if isinstance(document, list) else document["trades"] if _is_answer(document) else [document]
        for trade in trades:
            yield _read_trade(trade, None, None)


def _unwrap(document: Any) -> Any:
    """The backtest within the API's answer about it."""
    inner = document.get("backtest_result") if isinstance(document, dict) else None
    return inner if _is_backtest(inner) else document


def _is_trade(document: object) -> bool:
    return isinstance(document, dict) and {"pair", "open_rate"} <= document.keys() and _opened(document) is not None


def _is_backtest(document: object) -> bool:
    strategies = document.get("strategy") if isinstance(document, dict) else None
    return isinstance(strategies, dict) and bool(strategies) and all(map(_has_trades, strategies.values()))


def _is_answer(document: object) -> bool:
    return isinstance(document, dict) and "trades_count" in document and _has_trades(document)


def _has_trades(document: object) -> bool:
    return isinstance(document, dict) and isinstance(document.get("trades"), list)


def _opened(trade: dict[str, Any]) -> object:
    return _utc(trade.get("open_timestamp")) or _zoned(trade.get("open_date"))


def _read_trade(trade: object, strategy: str | None, timeframe: object) -> Part:
    if not _is_trade(trade):
        return Lost("a trade without pair, rate or time of its entry", "it cannot be told what was opened")
    assert isinstance(trade, dict)
    is_short, rate = _is_true(trade.get("is_short")) or _says_short(trade), trade["open_rate"]
    stop = number_above_zero(trade.get("initial_stop_loss_abs") or trade.get("initial_stop_loss"))
    price = number_above_zero(rate)
    on_losing_side = stop is not None and price is not None and (stop > price if is_short else stop < price)
    interval = timeframe or trade.get("timeframe")
    decision = given(
        {
            "symbol": trade["pair"],
            "type": "SHORT" if is_short else "BUY",
            "price": rate,
            "timestamp": _opened(trade),
            "version": strategy or trade.get("strategy"),
            "interval": f"{interval}m" if isinstance(interval, int) else interval,
            "reason": trade.get("enter_tag") or trade.get("buy_tag"),
            "stop_loss": stop if on_losing_side else None,
            "position_size": number_above_zero(trade.get("amount_requested") or trade.get("amount")),
            "leverage": trade.get("leverage") if trade.get("leverage") not in (None, 1, 1.0) else None,
        }
    )
    return Found(decision, _read_exit(trade, price, -1 if is_short else 1))


def _read_exit(trade: dict[str, Any], price: float | None, side: int) -> Exit | None:
    """How a trade ended; None while it is open."""
    rate, time = trade.get("close_rate"), _utc(trade.get("close_timestamp")) or _zoned(trade.get("close_date"))
    if _is_true(trade.get("is_open")) or rate is None or time is None:
        return None
    best, worst = (trade.get("max_rate"), trade.get("min_rate")) if side > 0 else (
        trade.get("min_rate"), trade.get("max_rate"),
    )  # fmt: skip
    return Exit(rate, time, _move(price, best, side, max), _move(price, worst, side, min))


def _move(price: float | None, rate: object, side: int, bound: Any) -> float | None:
    """The move of a side from the entry price in percent; `bound` makes it no less, or no more, than 0."""
    reached = number_above_zero(rate)
    return None if price is None or reached is None else float(bound(side * (reached / price - 1) * 100, 0.0))


def _is_true(value: object) -> bool:
    """A truth as JSON, a database or a table of pandas writes it: False in a CSV is a word."""
    return value.strip().lower() in ("true", "1", "1.0") if isinstance(value, str) else bool(value)


def _says_short(trade: dict[str, Any]) -> bool:
    """What tells a short trade without the column `is_short`: the direction, as its messages and tables have it."""
    return any(str(trade.get(name)).strip().lower() == "short" for name in ("direction", "trade_direction", "side"))


def _zoned(date: object) -> object:
    """A date as text with its zone: freqtrade's times are UTC, and some do not say so."""
    return f"{date}+00:00" if isinstance(date, str) and not re.search(r"[+Zz]|-[0-9:]{5}$", date[10:]) else date


def _utc(stamp: object) -> str | None:
    """Epoch milliseconds as ISO 8601, so that a whole number and one with .0 are the same text.

    No trade is of 1970: a smaller number, such as seconds, is none.
    """
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not 10**11 < stamp < 10**14:
        return None
    return datetime.fromtimestamp(stamp / 1000, UTC).isoformat()

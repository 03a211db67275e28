"""Prices that the tracker's caller provides."""

import logging
from decimal import Decimal
from numbers import Real
from typing import Protocol

from scorekeeper.decisions.prices import is_price

logger = logging.getLogger("PerformanceTracker")


class QuoteProvider(Protocol):
    """Knows current prices."""

    def get_current_price(self, symbol: str) -> float:
        """The current price of a symbol such as BTC/USDT."""
        ...


def read_quote(provider: QuoteProvider, symbol: str) -> float | None:
    """The provider's price of a symbol, in quote currency. None, and a warning in the log, if there is no usable one.

    A provider that fails on BTC/USDT is asked for BTCUSDT.
    """
    price: object
    try:
        price = provider.get_current_price(symbol)
    except Exception:
        try:
            price = provider.get_current_price(symbol.replace("/", ""))
        except Exception as exc:
            logger.warning("no price for %s: %s", symbol, exc)
            return None
    if isinstance(price, bool) or not isinstance(price, Real | Decimal) or not is_price(float(price)):
        logger.warning("no usable price for %s: %r", symbol, price)
        return None
    return float(price)

"""The calendar of a market. Its code lies below this package, because a decision's expiry depends on it too."""

from scorekeeper.trading_calendar import Session, TradingCalendar

__all__ = ["Session", "TradingCalendar"]

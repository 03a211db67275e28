"""Trailing stops by hand: a trade at 100, what the minutes after it did, and how it must end.

25 percent and these prices are exact in binary, so that every level is a round number: a long's is 75 at the entry and
90 after a high of 120; a short's is 125 at the entry and 100 after a low of 80.
"""

from dataclasses import dataclass
from datetime import datetime

from tests.reference import MINUTE, RefCandle, RefDecision
from tests.universes import FEE_BPS, START

ENTRY, PCT, HOLD_MINUTES = 100.0, 25.0, 10


@dataclass(frozen=True)
class Case:
    """`candles`: (minutes after START, open, high, low, close).

    `ends`: (minutes after START, or after the entry if it expires, price, reason, ambiguous, MFE, MAE).
    """

    name: str
    direction: int
    candles: tuple[tuple[int, float, float, float, float], ...]
    ends: tuple[int, float, str, bool, float, float]
    stop_loss: float | None = None
    take_profit: float | None = None
    opened_after_seconds: int = 0

    @property
    def opened_at(self) -> datetime:
        return START + self.opened_after_seconds * MINUTE / 60

    def ref_candles(self) -> list[RefCandle]:
        return [RefCandle(START + at * MINUTE, o, h, low, c, 1.0) for at, o, h, low, c in self.candles]

    def ref_decision(self) -> RefDecision:
        return RefDecision(
            trade_id=self.name,
            symbol="BTC/USDT",
            version="v1",
            direction=self.direction,
            price=ENTRY,
            opened_at=self.opened_at,
            expires_at=self.opened_at + HOLD_MINUTES * MINUTE,
            stop_loss=self.stop_loss,
            take_profit=self.take_profit,
            trailing_stop_pct=PCT,
            fee_bps=FEE_BPS,
            close_requested_at=None,
            signals={},
        )


UP, DOWN = (0, 100.0, 120.0, 88.0, 118.0), (0, 100.0, 112.0, 80.0, 82.0)
CASES = [
    Case("long, at the level of its entry", 1, ((0, 100, 100, 75, 80),), (1, 75, "trailing_stop", False, 0, -25)),
    Case("short, at the level of its entry", -1, ((0, 100, 125, 100, 120),), (1, 125, "trailing_stop", False, 0, -25)),
    Case(
        "long, a candle's own high comes too late for its low",
        1, (UP, (1, 118, 118, 90, 95)), (2, 90, "trailing_stop", False, 20, -12),
    ),
    Case(
        "short, a candle's own low comes too late for its high",
        -1, (DOWN, (1, 82, 100, 82, 95)), (2, 100, "trailing_stop", False, 20, -12),
    ),
    Case(
        "long, just above the level",
        1, (UP, (1, 118, 118, 90.5, 95)), (10, 95, "expired", False, 20, -12),
    ),
    Case(
        "long, a lower high does not bring the level down, nor do silent minutes",
        1, (UP, (1, 118, 119, 95, 97), (5, 97, 98, 90, 91)), (6, 90, "trailing_stop", False, 20, -12),
    ),
    Case(
        "short, a higher low does not bring the level up, nor do silent minutes",
        -1, (DOWN, (1, 82, 95, 81, 94), (5, 94, 100, 94, 99)), (6, 100, "trailing_stop", False, 20, -12),
    ),
    Case(
        "long, every new high brings the level up",
        1, (UP, (1, 118, 140, 110, 139), (2, 139, 139, 104, 110)), (3, 105, "trailing_stop", False, 40, -12),
    ),
    Case(
        "short, every new low brings the level down",
        -1, (DOWN, (1, 82, 90, 60, 61), (2, 61, 76, 61, 70)), (3, 75, "trailing_stop", False, 40, -12),
    ),
    Case(
        "long, opens below the level: filled at the open",
        1, (UP, (1, 85, 86, 80, 82)), (2, 85, "trailing_stop", False, 20, -15),
    ),
    Case(
        "short, opens above the level: filled at the open",
        -1, (DOWN, (1, 105, 110, 104, 108)), (2, 105, "trailing_stop", False, 20, -12),
    ),
    Case(
        "long, the stop is the tighter one",
        1, ((0, 100, 110, 95, 96),), (1, 95, "stop_loss", False, 0, -5), stop_loss=95,
    ),
    Case(
        "long, the level overtakes the stop",
        1, ((0, 100, 140, 98, 139), (1, 139, 139, 95, 96)), (2, 105, "trailing_stop", False, 40, -2), stop_loss=95,
    ),
    Case(
        "short, the level overtakes the stop",
        -1, ((0, 100, 102, 60, 61), (1, 61, 110, 61, 105)), (2, 75, "trailing_stop", False, 40, -2), stop_loss=105,
    ),
    Case(
        "long, level and stop are equal: the stop",
        1, ((0, 100, 120, 91, 118), (1, 118, 118, 89, 95)), (2, 90, "stop_loss", False, 20, -10), stop_loss=90,
    ),
    Case(
        "short, level and stop are equal: the stop",
        -1, ((0, 100, 125, 100, 120),), (1, 125, "stop_loss", False, 0, -25), stop_loss=125,
    ),
    Case(
        "long, level and target in one candle: the level, flagged",
        1, (UP, (1, 118, 131, 89, 100)), (2, 90, "trailing_stop", True, 20, -12), take_profit=130,
    ),
    Case(
        "long, level and target in one candle that opens beyond the target: the target, flagged",
        1, (UP, (1, 131, 132, 80, 100)), (2, 130, "take_profit", True, 30, -12), take_profit=130,
    ),
    Case(
        "short, level and target in one candle: the level, flagged",
        -1, (DOWN, (1, 82, 101, 69, 90)), (2, 100, "trailing_stop", True, 20, -12), take_profit=70,
    ),
    Case(
        "short, level and target in one candle that opens at the target: the target, flagged",
        -1, (DOWN, (1, 70, 101, 69, 90)), (2, 70, "take_profit", True, 30, -12), take_profit=70,
    ),
    Case(
        "long, the target alone",
        1, (UP, (1, 118, 130, 110, 129)), (2, 130, "take_profit", False, 30, -12), take_profit=130,
    ),
    Case(
        "long, the candle that contains the entry moves no level",
        1, ((0, 100, 400, 10, 100), (1, 100, 104, 76, 101)), (10, 101, "expired", False, 4, -24),
        opened_after_seconds=30,
    ),
]  # fmt: skip

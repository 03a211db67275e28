"""What a decision is. Its fields are the columns of its row; see columns.py. How it is read: parse.py."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from scorekeeper.decisions.agents import AgentSignal
from scorekeeper.decisions.fields import Note
from scorekeeper.decisions.hold import Hours
from scorekeeper.decisions.reading_rules import STANDARD, Reading


class Decision(msgspec.Struct, frozen=True, gc=False):
    """A decision as it is stored. Times are UTC, prices are in quote currency, confidence is 0 to 100.

    `direction`: +1 opens a long trade, -1 a short one, 0 none. `understood`: whether the word lists hold the action.
    `trailing_stop_pct`: how many percent (between 0 and 100) the stop stays behind the best price of the trade.
    `notes`: which fields could not be read, or had to be interpreted. `reading`: the rules by which it was read.
    `exit_side`: None if it closes no trade; else which open trades of its symbol and version it closes: the long ones
    (+1), the short ones (-1) or both (0). `closes`: the ids of the trades that it closes in place of those.
    `given_id`: the `trade_id` that an exit decision came with. If a trade has that id, the exit closes that one alone.
    """

    trade_id: str
    content_sha256: bytes
    symbol: str
    raw_symbol: str
    bar_interval: str | None
    action: str
    direction: int
    price: float | None
    confidence: float | None
    opened_at: datetime
    expires_at: datetime
    version: str
    reason: str | None
    stop_loss: float | None
    take_profit: float | None
    trailing_stop_pct: float | None
    position_size: float | None
    extra: dict[str, Any] | None
    signals: tuple[AgentSignal, ...]
    understood: bool
    notes: tuple[Note, ...]
    reading: Reading
    exit_side: int | None = None
    closes: tuple[str, ...] | None = None
    given_id: str | None = None


class DecisionContext(msgspec.Struct, frozen=True):
    """What a decision does not say itself: when it arrived, the defaults of that time, and how words are read.

    `default_hold_minutes`: how long a decision holds that does not say so. `hours`: the sessions of a market that
    closes; minutes are then minutes of trading. `default_hold_sessions`: with `hours`, in place of the minutes (None:
    not). `fallback_opened_at`: the time of a decision
    without a timestamp; None: such a decision is refused. `positions`: whether a decision that opens a long trade first
    closes the open short ones, and the other way round (the setting SIGNALS=positions).
    """

    received_at: datetime
    default_version: str
    default_hold_minutes: float
    timezone: ZoneInfo
    fallback_opened_at: datetime | None
    reading: Reading = STANDARD
    positions: bool = False
    default_hold_sessions: int | None = None
    hours: Hours | None = None

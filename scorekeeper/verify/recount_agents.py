"""The agents' rollups, counted again from single signals in plain loops. See recount.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from scorekeeper.verify.recount import EXACT_DIGITS, exact, total


@dataclass(frozen=True)
class JudgedSignal:
    """An agent's signal on a decision that counts, and the outcome.

    `direction`: +1, 0 or -1. `confidence`: 0..100 or None. `horizon_return_pct`: percent, None until it is known.
    `backed`: direction times the direction of the closed trade. `pnl_pct`: that trade's gross P&L in percent. Both are
    None without a closed trade.
    """

    direction: int
    confidence: float | None
    horizon_return_pct: float | None
    backed: int | None
    pnl_pct: float | None


def count_agent_day(signals: Sequence[JudgedSignal]) -> dict[str, Any]:
    """The exact rollup row of one agent's signals on one day: the columns of agent_daily_score after its key."""
    known = [(s, s.horizon_return_pct) for s in signals if s.horizon_return_pct is not None]
    calls = [(s, h) for s, h in known if s.direction]
    sure = [(exact(s.confidence), s.direction * h > 0) for s, h in calls if s.confidence is not None and h]
    bins = [[one for one in sure if low <= one[0] and (one[0] < low + 10 or low == 90)] for low in range(0, 100, 10)]
    row: dict[str, Any] = {
        "signals": len(known),
        "calls": len(calls),
        "correct": sum(s.direction * h > 0 for s, h in calls),
        "incorrect": sum(s.direction * h < 0 for s, h in calls),
        "brier_calls": len(sure),
        "bin_calls": [len(one) for one in bins],
        "bin_correct": [sum(right for _, right in one) for one in bins],
    }
    with localcontext(prec=EXACT_DIGITS):
        row["sum_call_return_pct"] = total([s.direction * h for s, h in calls])
        row["sum_brier"] = sum(((c / 100 - right) ** 2 for c, right in sure), Decimal(0))
        row["bin_confidence"] = [sum((c for c, _ in one), Decimal(0)) for one in bins]
    for word, way in (("supported", 1), ("opposed", -1), ("abstained", 0)):
        results = [s.pnl_pct for s in signals if s.backed == way and s.pnl_pct is not None]
        row[f"{word}_winners"] = sum(pnl > 0 for pnl in results)
        row[f"{word}_losers"] = sum(pnl < 0 for pnl in results)
    return row

"""The agents' rollups and metrics, counted again from single signals in plain loops. See recount.py."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from scorekeeper.verify.recount import EXACT_DIGITS, exact, mean, total, wilson


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


def count_agent(signals: Sequence[JudgedSignal]) -> dict[str, Any]:
    """The figures of an agent, each straight from its definition in docs/metrics.md."""
    row = count_agent_day(signals)
    calls = [s.direction * s.horizon_return_pct for s in signals if s.direction and s.horizon_return_pct is not None]
    scored = row["correct"] + row["incorrect"]
    return {
        **{name: value for name, value in row.items() if not name.startswith(("sum_", "brier_", "bin_"))},
        "abstentions": row["signals"] - row["calls"],
        "coverage": 100 * row["calls"] / row["signals"] if row["signals"] else None,
        "accuracy": 100 * row["correct"] / scored if scored else None,
        "accuracy_ci95": wilson(row["correct"], scored),
        "avg_call_return_pct": mean(calls),
        "total_call_return_pct": math.fsum(calls) if calls else None,
        **_count_calibration(signals),
    }


def _count_calibration(signals: Sequence[JudgedSignal]) -> dict[str, Any]:
    calls = [(s.confidence, s.direction * s.horizon_return_pct) for s in signals if s.horizon_return_pct is not None]
    sure = [(c, float(gain > 0)) for c, gain in calls if c is not None and gain]
    if not sure:
        return {"brier": None, "brier_skill": None, "ece": None}
    brier = math.fsum((c / 100 - y) ** 2 for c, y in sure) / len(sure)
    right = math.fsum(y for _, y in sure) / len(sure)
    bins: dict[int, list[float]] = {}
    for c, y in sure:
        bins.setdefault(9 if c == 100 else int(c // 10), []).extend((c / 100, -y))
    return {
        "brier": brier,
        "brier_skill": 1 - brier / (right * (1 - right)) if right not in (0, 1) else None,
        "ece": math.fsum(abs(math.fsum(gaps)) for gaps in bins.values()) / len(sure),
    }

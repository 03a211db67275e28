"""What trades earned in money, and what their net figures hold, counted again from single trades in plain loops."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class TermedTrade:
    """A closed trade that counts, with its terms: the columns of the table trade of the same names."""

    exit_time: datetime
    exit_reason: str
    pnl_pct: float
    net_pnl_pct: float
    entry_fee_bps: float | None
    target_fee_bps: float | None
    share_fee_pct: float | None
    min_fee: float | None
    spread_bps: float | None
    funding_bps_per_day: float | None
    position_value: float | None


def count_terms(trades: Sequence[TermedTrade]) -> Mapping[str, Any]:
    """`net_holds` and `money` of an answer, without what depends on the account's equity; each only if it is there."""
    held = {
        "maker_fee": sum(
            t.entry_fee_bps is not None or (t.exit_reason == "take_profit" and t.target_fee_bps is not None)
            for t in trades
        ),
        "fee_per_share": sum(t.share_fee_pct is not None for t in trades),
        "minimum_fee": sum(t.min_fee is not None and t.position_value is not None for t in trades),
        "spread": sum(t.spread_bps is not None for t in trades),
        "funding": sum(t.funding_bps_per_day is not None for t in trades),
    }
    found: dict[str, Any] = {}
    if any(held.values()):
        found["net_holds"] = {kind: number for kind, number in held.items() if number}
    sized = sorted((t for t in trades if t.position_value is not None), key=lambda t: t.exit_time)
    if sized:
        found["money"] = _count_money(sized)
    return found


def _count_money(sized: Sequence[TermedTrade]) -> dict[str, Any]:
    values = [Fraction(repr(t.position_value)) for t in sized]
    gross = [v * Fraction(repr(t.pnl_pct)) / 100 for v, t in zip(values, sized, strict=True)]
    net = [v * Fraction(repr(t.net_pnl_pct)) / 100 for v, t in zip(values, sized, strict=True)]
    level = peak = deepest = Fraction(0)
    for place, (trade, gain) in enumerate(zip(sized, net, strict=True)):
        level += gain
        if place + 1 < len(sized) and sized[place + 1].exit_time == trade.exit_time:
            continue  # trades that close at the same time are one step
        peak = max(peak, level)
        deepest = max(deepest, peak - level)
    lost = math.fsum(float(gain) for gain in net if gain < 0)
    won = math.fsum(float(gain) for gain in net if gain > 0)
    whole = sum(values)
    return {
        "trades": len(sized),
        "traded_value": float(whole),
        "gross_pnl": float(sum(gross)),
        "costs": float(sum(gross) - sum(net)),
        "net_pnl": float(sum(net)),
        "weighted_pnl_pct": float(100 * sum(gross) / whole),
        "weighted_net_pnl_pct": float(100 * sum(net) / whole),
        "weighted_win_rate": float(100 * sum(v for v, t in zip(values, sized, strict=True) if t.pnl_pct > 0) / whole),
        "profit_factor": won / -lost if lost else None,
        "max_drawdown": float(deepest),
        "current_drawdown": float(peak - level),
    }

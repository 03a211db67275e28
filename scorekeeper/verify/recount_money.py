"""What trades earned in money, and what their net figures hold, counted again trade by trade."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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


_NONE = Fraction(0)


def _sums() -> dict[str, Fraction]:
    return dict.fromkeys(("value", "won_value", "gross", "net", "won", "lost"), _NONE)


@dataclass
class TermsTally:
    """What is known so far of the trades of one selection that have terms, in order of exit_time."""

    held: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("maker_fee", "fee_per_share", "minimum_fee", "spread", "funding"), 0)
    )
    trades: int = 0
    sums: dict[str, Fraction] = field(default_factory=_sums)
    level: Fraction = _NONE
    peak: Fraction = _NONE
    deepest: Fraction = _NONE
    last: datetime | None = None

    def add(self, t: TermedTrade) -> None:
        """The next trade."""
        at_target = t.exit_reason == "take_profit" and t.target_fee_bps is not None
        for kind, is_held in (
            ("maker_fee", t.entry_fee_bps is not None or at_target),
            ("fee_per_share", t.share_fee_pct is not None),
            ("minimum_fee", t.min_fee is not None and t.position_value is not None),
            ("spread", t.spread_bps is not None),
            ("funding", t.funding_bps_per_day is not None),
        ):
            self.held[kind] += is_held
        if t.position_value is None:
            return
        if t.exit_time != self.last:
            self._step()  # trades that close at the same time are one step
        value = Fraction(repr(t.position_value))
        gross, net = (value * Fraction(repr(pct)) / 100 for pct in (t.pnl_pct, t.net_pnl_pct))
        for name, more in (
            ("value", value), ("won_value", value if t.pnl_pct > 0 else _NONE), ("gross", gross), ("net", net),
            ("won", max(net, _NONE)), ("lost", min(net, _NONE)),
        ):  # fmt: skip
            self.sums[name] += more
        self.trades, self.level, self.last = self.trades + 1, self.level + net, t.exit_time

    def _step(self) -> None:
        self.peak = max(self.peak, self.level)
        self.deepest = max(self.deepest, self.peak - self.level)

    def count(self) -> Mapping[str, Any]:
        """`net_holds` and `money` of an answer, without what depends on the account's equity; each if it is there."""
        self._step()
        found: dict[str, Any] = {}
        if any(self.held.values()):
            found["net_holds"] = {kind: number for kind, number in self.held.items() if number}
        if self.trades:
            value, won_value, gross, net, won, lost = self.sums.values()
            found["money"] = {
                "trades": self.trades,
                "traded_value": float(value),
                "gross_pnl": float(gross),
                "costs": float(gross - net),
                "net_pnl": float(net),
                "weighted_pnl_pct": float(100 * gross / value),
                "weighted_net_pnl_pct": float(100 * net / value),
                "weighted_win_rate": float(100 * won_value / value),
                "profit_factor": float(won) / -float(lost) if lost else None,
                "max_drawdown": float(self.deepest),
                "current_drawdown": float(self.peak - self.level),
            }
        return found

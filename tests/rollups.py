"""The rollup rows, in plain loops: what of one UTC day and one scope adds up to the metrics.

A double counts as the decimal that it is written as; sums of those are exact.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.reference import RefDecision, RefExit, RefScored

Row = dict[str, Any]
MICROSECOND = timedelta(microseconds=1)


def exact(number: float) -> Fraction:
    return Fraction(Decimal(repr(float(number))))


def utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def scopes(decision: RefDecision) -> Iterator[tuple[str | None, str | None]]:
    """(version, symbol), None: all."""
    for version in (None, decision.version):
        for symbol in (None, decision.symbol):
            yield version, symbol


def daily_rows(scored: list[RefScored]) -> dict[tuple[Any, ...], Row]:
    """By (day, version, symbol, after fees)."""
    groups: defaultdict[tuple[Any, ...], list[tuple[RefDecision, RefExit]]] = defaultdict(list)
    for one in scored:
        if one.exit is None or one.suspect or one.voided:
            continue
        for version, symbol in scopes(one.decision):
            for after_fees in (False, True):
                key = (utc_day(one.exit.exit_time), version, symbol, after_fees)
                groups[key].append((one.decision, one.exit))
    return {key: daily_row(group, after_fees=key[3]) for key, group in groups.items()}


def daily_row(group: list[tuple[RefDecision, RefExit]], *, after_fees: bool) -> Row:
    group = sorted(group, key=lambda trade: (trade[1].exit_time, trade[0].trade_id.encode()))
    gains = [exact(end.net_pnl_pct if after_fees else end.pnl_pct) for _, end in group]
    held = [Fraction((end.exit_time - one.opened_at) // MICROSECOND, 10**6) for one, end in group]

    def total(of: Callable[[int], Fraction], when: Callable[[Fraction], bool] = lambda gain: True) -> Fraction:
        return sum((of(k) for k, gain in enumerate(gains) if when(gain)), Fraction(0))

    def total_at(moment: datetime) -> Fraction:
        return sum((gains[k] for k, (_, end) in enumerate(group) if end.exit_time == moment), Fraction(0))

    running, level = [], Fraction(0)
    for moment in sorted({end.exit_time for _, end in group}):
        level += total_at(moment)
        running.append((moment, level))
    peak, fall = Fraction(0), Fraction(0)
    for _, level in running:
        peak = max(peak, level)
        fall = max(fall, peak - level)
    highest = max(level for _, level in running)
    ways = "".join("w" if gain > 0 else "l" if gain < 0 else "-" for gain in gains)
    row = {
        "trades": len(group),
        "winners": ways.count("w"),
        "losers": ways.count("l"),
        "sum_pct": total(lambda k: gains[k]),
        "sum_squares": total(lambda k: gains[k] ** 2),
        "sum_winners_pct": total(lambda k: gains[k], lambda gain: gain > 0),
        "sum_losers_pct": total(lambda k: gains[k], lambda gain: gain < 0),
        "hold_seconds": total(lambda k: held[k]),
        "hold_seconds_winners": total(lambda k: held[k], lambda gain: gain > 0),
        "hold_seconds_losers": total(lambda k: held[k], lambda gain: gain < 0),
        "sum_mfe_pct": total(lambda k: exact(group[k][1].mfe_pct)),
        "sum_mae_pct": total(lambda k: exact(group[k][1].mae_pct)),
        "sum_given_back_pct": total(lambda k: exact(group[k][1].mfe_pct) - gains[k], lambda gain: gain > 0),
        "path_high_pct": highest,
        "path_high_at": max(moment for moment, level in running if level == highest),
        "path_low_pct": min(level for _, level in running),
        "path_fall_pct": fall,
        "first_exit_at": group[0][1].exit_time,
    }
    for name, letter in (("wins", "w"), ("losses", "l")):
        row[f"leading_{name}"] = len(ways) - len(ways.lstrip(letter))
        row[f"trailing_{name}"] = len(ways) - len(ways.rstrip(letter))
        row[f"longest_{name}"] = max(n for n in range(len(ways) + 1) if letter * n in ways)
    return row


def agent_rows(scored: list[RefScored]) -> dict[tuple[Any, ...], Row]:
    """By (day, version, symbol, agent)."""
    groups: defaultdict[tuple[Any, ...], list[RefScored]] = defaultdict(list)
    for one in scored:
        if one.suspect or one.voided or (one.horizon_return_pct is None and one.exit is None):
            continue
        for version, symbol in scopes(one.decision):
            for agent in one.decision.signals:
                groups[utc_day(one.decision.expires_at), version, symbol, agent].append(one)
    return {key: agent_row(group, agent=key[3]) for key, group in groups.items()}


def agent_row(group: list[RefScored], agent: str) -> Row:
    row: Row = dict.fromkeys(("signals", "calls", "correct", "incorrect", "brier_calls"), 0)
    row |= {"sum_call_return_pct": Fraction(0), "sum_brier": Fraction(0)}
    row |= {"bin_calls": [0] * 10, "bin_correct": [0] * 10, "bin_confidence": [Fraction(0)] * 10}
    for word in ("supported", "opposed", "abstained"):
        row |= {f"{word}_winners": 0, f"{word}_losers": 0}
    for one in group:
        direction, confidence = one.decision.signals[agent]
        if one.horizon_return_pct is not None:
            row["signals"] += 1
        if one.horizon_return_pct is not None and direction != 0:
            gain = direction * exact(one.horizon_return_pct)
            row["calls"] += 1
            row["correct"] += gain > 0
            row["incorrect"] += gain < 0
            row["sum_call_return_pct"] += gain
            if confidence is not None and gain != 0:
                row["brier_calls"] += 1
                row["sum_brier"] += (exact(confidence) / 100 - (1 if gain > 0 else 0)) ** 2
                k = min(9, int(confidence // 10))
                row["bin_calls"][k] += 1
                row["bin_correct"][k] += gain > 0
                row["bin_confidence"][k] += exact(confidence)
        if one.exit is not None and one.exit.pnl_pct != 0:
            word = {1: "supported", -1: "opposed", 0: "abstained"}[direction * one.decision.direction]
            row[f"{word}_{'winners' if one.exit.pnl_pct > 0 else 'losers'}"] += 1
    return row

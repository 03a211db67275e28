"""Sums that add up: of one UTC day, of a period of days in order, of an agent's signals.

Sums are exact, in percent of the entry price and in seconds. Figures are composed from them (formulas.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec

from scorekeeper.metrics.daily_series import NO_DAYS, PowerSums, power_sums
from scorekeeper.metrics.exact import EXACT
from scorekeeper.metrics.series_days import EVERY_DAY, SeriesDays, count_days, fold_days

_COUNTS = ("trades", "winners", "losers")
_SUMS = (
    "sum_pct", "sum_squares", "sum_winners_pct", "sum_losers_pct", "hold_seconds", "hold_seconds_winners",
    "hold_seconds_losers", "sum_mfe_pct", "sum_mae_pct", "sum_given_back_pct",
)  # fmt: skip
_KINDS = ("wins", "losses")


class DaySums(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The sums of the trades of one scope that closed on one UTC day, with what joins its path and streaks to others.

    The path is the running sum of P&L, from 0 at the start of the day, one step per exit_time: its highest and lowest
    level, and its largest fall. Streaks are runs of winners or losers: at the start, at the end, and the longest.
    """

    day: date
    trades: int
    winners: int
    losers: int
    sum_pct: Decimal
    sum_squares: Decimal
    sum_winners_pct: Decimal
    sum_losers_pct: Decimal
    hold_seconds: Decimal
    hold_seconds_winners: Decimal
    hold_seconds_losers: Decimal
    sum_mfe_pct: Decimal
    sum_mae_pct: Decimal
    sum_given_back_pct: Decimal
    path_high_pct: Decimal
    path_high_at: datetime
    path_low_pct: Decimal
    path_fall_pct: Decimal
    first_exit_at: datetime
    leading_wins: int
    trailing_wins: int
    longest_wins: int
    leading_losses: int
    trailing_losses: int
    longest_losses: int


class PeriodSums(DaySums, frozen=True, kw_only=True):
    """The same sums over a period: all days with trades from `first_day` to `day`; and the power sums of the series."""

    first_day: date
    daily: PowerSums

    def count_days(self, days: SeriesDays) -> int:
        """The days of the daily series from the first day to the last, idle days included."""
        return count_days(self.first_day, self.day, days)


class AgentSums(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sums of an agent's signals on some days. The ten bins hold the calls that Brier counts, by confidence."""

    agent: str
    signals: int
    calls: int
    correct: int
    incorrect: int
    brier_calls: int
    supported_winners: int
    supported_losers: int
    opposed_winners: int
    opposed_losers: int
    abstained_winners: int
    abstained_losers: int
    sum_call_return_pct: Decimal
    sum_brier: Decimal
    bin_correct: tuple[int, ...]
    bin_confidence: tuple[Decimal, ...]


AGENT_COUNTS = tuple(field.name for field in msgspec.structs.fields(AgentSums) if field.type is int)


def extend(
    before: PeriodSums | None, days: Sequence[DaySums], series: SeriesDays = EVERY_DAY
) -> PeriodSums | None:
    """The sums of `before` and of the days after it, in order; None where there is neither.

    `series`: the days of the daily series. None of them may hold P&L of both (see last_boundary).
    """
    if not days:
        return before
    with localcontext(EXACT):
        sums: dict[str, Any] = {
            name: sum(map(attrgetter(name), days), start if before is None else getattr(before, name))
            for names, start in ((_COUNTS, 0), (_SUMS, Decimal(0)))
            for name in names
        }
        daily = power_sums(fold_sums(days, series), NO_DAYS if before is None else before.daily)
        path = _extend_path(before, days)
    streaks: dict[str, Any] = {}
    for kind in _KINDS:
        streaks |= _extend_streaks(before, days, kind)
    return PeriodSums(
        first_day=days[0].day if before is None else before.first_day,
        day=days[-1].day,
        first_exit_at=days[0].first_exit_at if before is None else before.first_exit_at,
        daily=daily,
        **sums,
        **path,
        **streaks,
    )


def fold_sums(days: Iterable[DaySums], series: SeriesDays) -> list[Decimal]:
    """The sums of P&L, in percent, of the days of the daily series that have trades."""
    return list(fold_days(((day.day, day.sum_pct) for day in days), series).values())


def _extend_path(before: PeriodSums | None, days: Sequence[DaySums]) -> dict[str, Any]:
    """The path of `before` and of the days after it: highest and lowest level, largest fall."""
    first, zero = days[0] if before is None else before, Decimal(0)
    level, fall = (zero, zero) if before is None else (before.sum_pct, before.path_fall_pct)
    high, high_at, low = first.path_high_pct, first.path_high_at, first.path_low_pct
    peak = zero if before is None else max(zero, high)
    for day in days:
        fall = max(fall, peak - (level + day.path_low_pct), day.path_fall_pct)
        low = min(low, level + day.path_low_pct)
        if level + day.path_high_pct >= high:
            high, high_at = level + day.path_high_pct, day.path_high_at
            peak = max(zero, high)
        level += day.sum_pct
    return {"path_high_pct": high, "path_high_at": high_at, "path_low_pct": low, "path_fall_pct": fall}


def _extend_streaks(before: PeriodSums | None, days: Sequence[DaySums], kind: str) -> dict[str, int]:
    """The streaks of `before` and of the days after it; `kind`: wins or losses."""
    names = f"leading_{kind}", f"trailing_{kind}", f"longest_{kind}"
    past, leading, trailing, longest = (0, 0, 0, 0) if before is None else attrgetter("trades", *names)(before)
    for trades, at_first, at_last, within in map(attrgetter("trades", *names), days):
        if leading == past:  # all trades so far are of that kind
            leading += at_first
        longest = max(longest, trailing + at_first, within)
        trailing = trailing + trades if within == trades else at_last
        past += trades
    return dict(zip(names, (leading, trailing, longest), strict=True))


def agent_sums(row: Mapping[Any, Any]) -> AgentSums:
    """The sums of an agent from a row of the database."""
    return AgentSums(
        agent=row["agent"],
        **{name: int(row[name]) for name in AGENT_COUNTS},
        sum_call_return_pct=row["sum_call_return_pct"],
        sum_brier=row["sum_brier"],
        bin_correct=tuple(map(int, row["bin_correct"])),
        bin_confidence=tuple(row["bin_confidence"]),
    )


def add_agents(*ranges: Iterable[AgentSums]) -> list[AgentSums]:
    """The sums of each agent over several ranges of days, in order of the agents' names."""
    found: dict[str, AgentSums] = {}
    for sums in chain.from_iterable(ranges):
        found[sums.agent] = _add(found[sums.agent], sums) if sums.agent in found else sums
    return [found[agent] for agent in sorted(found)]


def _add(one: AgentSums, other: AgentSums) -> AgentSums:
    with localcontext(EXACT):
        return AgentSums(
            agent=one.agent,
            **{name: getattr(one, name) + getattr(other, name) for name in AGENT_COUNTS},
            sum_call_return_pct=one.sum_call_return_pct + other.sum_call_return_pct,
            sum_brier=one.sum_brier + other.sum_brier,
            bin_correct=tuple(a + b for a, b in zip(one.bin_correct, other.bin_correct, strict=True)),
            bin_confidence=tuple(a + b for a, b in zip(one.bin_confidence, other.bin_confidence, strict=True)),
        )

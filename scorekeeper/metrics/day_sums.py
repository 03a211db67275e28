"""What composes: of one UTC day, of many days in order, of what an agent said. Exact sums, percent and seconds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from operator import attrgetter
from typing import Any

import msgspec

from scorekeeper.metrics.daily_series import EXACT, NO_DAYS, PowerSums, power_sums

_COUNTS = ("trades", "winners", "losers")
_SUMS = (
    "sum_pct", "sum_squares", "sum_winners_pct", "sum_losers_pct", "hold_seconds", "hold_seconds_winners",
    "hold_seconds_losers", "sum_mfe_pct", "sum_mae_pct", "sum_given_back_pct",
)  # fmt: skip
_KINDS = ("wins", "losses")


class DaySums(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What composes of one UTC exit day of one scope: exact sums (percent, seconds), path pieces, streaks."""

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
    """What DaySums says of a day, of all days with trades from `first_day` to `day`; and their daily sums."""

    first_day: date
    daily: PowerSums

    @property
    def calendar_days(self) -> int:
        """From the first day to the last, idle ones with them."""
        return (self.day - self.first_day).days + 1


class AgentSums(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What composes of what an agent said on some days; ten bins by confidence, of the calls that Brier counts."""

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


def extend(before: PeriodSums | None, days: Sequence[DaySums]) -> PeriodSums | None:
    """What `before` and the days after it, in order, come to; None for nothing."""
    if not days:
        return before
    with localcontext(EXACT):
        sums: dict[str, Any] = {
            name: sum(map(attrgetter(name), days), start if before is None else getattr(before, name))
            for names, start in ((_COUNTS, 0), (_SUMS, Decimal(0)))
            for name in names
        }
        daily = power_sums(map(attrgetter("sum_pct"), days), NO_DAYS if before is None else before.daily)
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


def _extend_path(before: PeriodSums | None, days: Sequence[DaySums]) -> dict[str, Any]:
    """The running sum, which starts at 0 and takes one step per exit_time: highest, lowest, largest fall."""
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
    names = f"leading_{kind}", f"trailing_{kind}", f"longest_{kind}"
    past, leading, trailing, longest = (0, 0, 0, 0) if before is None else attrgetter("trades", *names)(before)
    for trades, at_first, at_last, within in map(attrgetter("trades", *names), days):
        if leading == past:  # of that kind all of them, so far
            leading += at_first
        longest = max(longest, trailing + at_first, within)
        trailing = trailing + trades if within == trades else at_last
        past += trades
    return dict(zip(names, (leading, trailing, longest), strict=True))


def agent_sums(row: Mapping[Any, Any]) -> AgentSums:
    """A row of summed counts, as Postgres adds them up."""
    return AgentSums(
        agent=row["agent"],
        **{name: int(row[name]) for name in AGENT_COUNTS},
        sum_call_return_pct=row["sum_call_return_pct"],
        sum_brier=row["sum_brier"],
        bin_correct=tuple(map(int, row["bin_correct"])),
        bin_confidence=tuple(row["bin_confidence"]),
    )


def add_agents(*parts: Iterable[AgentSums]) -> list[AgentSums]:
    """The sums of each agent over all parts, by name."""
    found: dict[str, AgentSums] = {}
    for one in (one for part in parts for one in part):
        found[one.agent] = _add(found[one.agent], one) if one.agent in found else one
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

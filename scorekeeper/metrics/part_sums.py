"""What a part of a breakdown comes to in a stretch of days: sums that add up with those of the days before and after.

The P&L of each day is kept beside them, since the 5 % tail of the daily series is taken over all days.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from operator import attrgetter
from typing import Any

import msgspec

from scorekeeper.metrics.daily_series import PowerSums, power_sums
from scorekeeper.metrics.day_sums import AgentSums, DaySums, PeriodSums, add_agents, extend
from scorekeeper.metrics.exact import EXACT
from scorekeeper.metrics.formulas import compose_period
from scorekeeper.metrics.series_days import EVERY_DAY, SeriesDays, count_days, fold_days


class Stretch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The sums of the trades that closed in a stretch of UTC days, on one basis.

    `sums`: as of one day, which is the last one with trades; the path starts at 0 with the stretch. `daily`: each day
    with trades, in order, and its P&L in percent. `powers`: the power sums of these, a day each.
    """

    sums: DaySums
    daily: list[tuple[date, Decimal]]
    powers: PowerSums


class PartTrades(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The trades of a part (None: those without a value) in a stretch of days, gross and after fees."""

    part: str | None
    gross: Stretch
    net: Stretch


class PartSignals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the agents had said of a part's decisions in a stretch of days."""

    part: str | None
    agents: list[AgentSums]


PARTS: Mapping[str, msgspec.json.Decoder[list[Any]]] = {
    "system": msgspec.json.Decoder(list[PartTrades]), "agent": msgspec.json.Decoder(list[PartSignals]),
}  # fmt: skip


def of_days(days: Sequence[DaySums]) -> Stretch:
    """Days with trades, in order, as a stretch."""
    whole = _join(days)
    return Stretch(whole, [(day.day, day.sum_pct) for day in days], power_sums(day.sum_pct for day in days))


def join(stretches: Sequence[Stretch]) -> Stretch:
    """Stretches of different days, in order, as one."""
    if len(stretches) == 1:
        return stretches[0]
    return Stretch(
        _join([one.sums for one in stretches]),
        [day for one in stretches for day in one.daily],
        _add_powers([one.powers for one in stretches]),
    )


def merge_trades(lists: Iterable[Iterable[PartTrades]]) -> list[PartTrades]:
    """The parts of stretches of different days, in order of the days, as those of one stretch."""
    found: defaultdict[str | None, list[PartTrades]] = defaultdict(list)
    for parts in lists:
        for one in parts:
            found[one.part].append(one)
    return [
        PartTrades(part, join([one.gross for one in some]), join([one.net for one in some]))
        for part, some in found.items()
    ]


def merge_signals(lists: Iterable[Iterable[PartSignals]]) -> list[PartSignals]:
    """The same of what the agents had said."""
    found: defaultdict[str | None, list[list[AgentSums]]] = defaultdict(list)
    for parts in lists:
        for one in parts:
            found[one.part].append(one.agents)
    return [PartSignals(part, add_agents(*some)) for part, some in found.items()]


def compose_stretches(stretches: Sequence[Stretch], series: SeriesDays) -> tuple[int, dict[str, Any]]:
    """The days of the daily series, and the figures of the system over stretches of different days, in order."""
    if not stretches:
        return 0, compose_period(None, [], series)
    whole = join(stretches)
    first, last = whole.daily[0][0], whole.daily[-1][0]
    folded = list(fold_days(whole.daily, series).values())
    period = PeriodSums(
        **msgspec.structs.asdict(whole.sums), first_day=first,
        daily=whole.powers if series is EVERY_DAY else power_sums(folded),
    )  # fmt: skip
    return count_days(first, last, series), compose_period(period, folded, series)


def _join(days: Sequence[DaySums]) -> DaySums:
    whole = extend(None, days)
    assert whole is not None, "a stretch has trades"
    return DaySums(*(getattr(whole, name) for name in DaySums.__struct_fields__))


def _add_powers(some: Sequence[PowerSums]) -> PowerSums:
    with localcontext(EXACT):
        days, *powers = (sum(map(attrgetter(name), some)) for name in PowerSums.__struct_fields__)
        return PowerSums(days, *map(Decimal, powers))

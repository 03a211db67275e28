"""The system's rollups and figures, counted again from trades that pass by once, in order: sums instead of lists.

It gives what the plain counts of recount.py give from a list; a test compares both. Sums are whole numbers: a gain
times 10 to the power of `Chunk.digits`, so that they are exact.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import accumulate
from operator import sub
from typing import Any

from scorekeeper.verify.recount import EXACT_DIGITS

_MICROSECOND = timedelta(microseconds=1)
_WON, _LOST, _EVEN = "W", "L", "0"


@dataclass(frozen=True)
class Basis:
    """The gains of a chunk's trades on one basis as whole numbers, and how each went: W, L or 0."""

    gains: list[int]
    ways: str


@dataclass(frozen=True)
class Chunk:
    """Some closed trades of one UTC day, in order of exit_time and trade_id; `held` in microseconds."""

    digits: int
    exits: list[datetime]
    held: list[int]
    best: list[int]
    worst: list[int]
    bases: tuple[Basis, ...]

    def choose(self, places: Sequence[int]) -> "Chunk":
        """Those at `places`."""
        exits, held, best, worst = self.exits, self.held, self.best, self.worst
        bases = tuple(
            Basis([one.gains[place] for place in places], "".join([one.ways[place] for place in places]))
            for one in self.bases
        )
        return Chunk(
            self.digits, [exits[place] for place in places], [held[place] for place in places],
            [best[place] for place in places], [worst[place] for place in places], bases,
        )  # fmt: skip


def make_chunk(
    exits: Sequence[datetime],
    opened: Sequence[datetime],
    best: Sequence[float],
    worst: Sequence[float],
    bases: Sequence[Sequence[float]],
    digits: int,
) -> Chunk:
    """The chunk of trades, a column of each; `bases`: the gains on each basis.

    It has at least so many `digits` after the point, more if a number needs them.
    """
    split = [list(map(_split, values)) for values in (best, worst, *bases)]
    digits = max(digits, max(own for column in split for _, own in column))
    powers = [10**power for power in range(digits - min(own for column in split for _, own in column) + 1)]
    whole = [[number * powers[digits - own] for number, own in column] for column in split]
    held = [(end - start) // _MICROSECOND for start, end in zip(opened, exits, strict=True)]
    ways = ["".join([_WON if one > 0 else _LOST if one < 0 else _EVEN for one in gains]) for gains in whole[2:]]
    return Chunk(digits, list(exits), held, whole[0], whole[1], tuple(map(Basis, whole[2:], ways)))


def _split(value: float) -> tuple[int, int]:
    """A double as its shortest digits say it: a whole number, and how many of its digits are after the point."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, after = mantissa.partition(".")
    return int(whole + after), len(after) - int(exponent or 0)


@dataclass
class _Streak:
    """Runs of one way: at the beginning, at the end, and the longest."""

    leading: int = 0
    trailing: int = 0
    longest: int = 0

    def add(self, way: str, ways: str, before: int) -> None:
        """More trades; `before`: how many there were."""
        first, last = len(ways) - len(ways.lstrip(way)), len(ways) - len(ways.rstrip(way))
        inside = max(map(len, "".join([one if one == way else " " for one in ways]).split()), default=0)
        self.join(_Streak(first, last, inside), before, len(ways))

    def join(self, later: "_Streak", before: int, count: int) -> None:
        """The runs of `count` later trades."""
        self.longest = max(self.longest, later.longest, self.trailing + later.leading)
        if self.leading == before:
            self.leading += later.leading
        self.trailing = self.trailing + count if later.trailing == count else later.trailing


@dataclass
class Tally:
    """What is known of the trades of one selection and basis so far. Sums and levels have `digits` after the point."""

    digits: int = 0
    trades: int = 0
    winners: int = 0
    losers: int = 0
    sums: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("all", "won", "lost", "squares", "held", "held_won", "held_lost", "best", "worst", "given_back"), 0
        )
    )
    level: int = 0
    peak: int = 0
    fall: int = 0
    high: int | None = None
    high_at: datetime | None = None
    low: int | None = None
    first_exit_at: datetime | None = None
    wins: _Streak = field(default_factory=_Streak)
    losses: _Streak = field(default_factory=_Streak)
    _open: tuple[datetime, int] | None = None  # the level after the last exit_time, to which more trades may belong

    def add(self, chunk: Chunk, basis: Basis) -> None:
        """The next trades, all at or after the exit_time of those before."""
        self.grow(chunk.digits)
        gains, ways, held, sums = basis.gains, basis.ways, chunk.held, self.sums
        if self.first_exit_at is None:
            self.first_exit_at = chunk.exits[0]
        self.wins.add(_WON, ways, self.trades)
        self.losses.add(_LOST, ways, self.trades)
        won, lost = ([place for place, one in enumerate(ways) if one == way] for way in (_WON, _LOST))
        self.trades += len(gains)
        self.winners += len(won)
        self.losers += len(lost)
        gained, best_won = sum([gains[place] for place in won]), sum([chunk.best[place] for place in won])
        for name, value in (
            ("all", sum(gains)), ("won", gained), ("lost", sum([gains[place] for place in lost])),
            ("squares", sum([one * one for one in gains])), ("held", sum(held)),
            ("held_won", sum([held[place] for place in won])), ("held_lost", sum([held[place] for place in lost])),
            ("best", sum(chunk.best)), ("worst", sum(chunk.worst)), ("given_back", best_won - gained),
        ):  # fmt: skip
            sums[name] += value
        self._walk(chunk.exits, gains)

    def _walk(self, exits: Sequence[datetime], gains: Sequence[int]) -> None:
        """The path: a step for each exit_time, whatever the number of trades that closed at it."""
        levels = list(accumulate(gains, initial=self.level))[1:]
        self.level = levels[-1]
        if self._open is not None and self._open[0] != exits[0]:
            exits, levels = [self._open[0], *exits], [self._open[1], *levels]
        ends = [place for place in range(len(exits) - 1) if exits[place] != exits[place + 1]]
        self._open = exits[-1], levels[-1]
        self._take([exits[place] for place in ends], [levels[place] for place in ends])

    def _take(self, moments: Sequence[datetime], levels: Sequence[int]) -> None:
        if not levels:
            return
        high, low = max(levels), min(levels)
        if self.high is None or high >= self.high:
            self.high = high
            self.high_at = moments[len(levels) - 1 - levels[::-1].index(high)]
        self.low = low if self.low is None else min(low, self.low)
        peaks = list(accumulate(levels, max, initial=self.peak))[1:]
        self.peak = peaks[-1]
        self.fall = max(self.fall, max(map(sub, peaks, levels)))

    def close(self) -> None:
        """No more trades come at the last exit_time."""
        if self._open is not None:
            self._take([self._open[0]], [self._open[1]])
            self._open = None

    def follow(self, day: "Tally") -> None:
        """The next day as a whole, closed."""
        if not day.trades:
            return
        self.grow(day.digits)
        more, squared = 10 ** (self.digits - day.digits), 10 ** (2 * (self.digits - day.digits))
        for name, value in day.sums.items():
            self.sums[name] += value * (squared if name == "squares" else 1 if name.startswith("held") else more)
        self.wins.join(day.wins, self.trades, day.trades)
        self.losses.join(day.losses, self.trades, day.trades)
        self.trades += day.trades
        self.winners += day.winners
        self.losers += day.losers
        assert day.high is not None
        assert day.low is not None
        high, low = self.level + day.high * more, self.level + day.low * more
        # From the peak of before, which is no lower than where the day begins; or within the day.
        self.fall = max(self.fall, self.peak - low, day.fall * more)
        if self.high is None or high >= self.high:
            self.high, self.high_at = high, day.high_at
        self.low, self.peak = low if self.low is None else min(low, self.low), max(self.peak, high)
        self.level += day.level * more
        self.first_exit_at = self.first_exit_at or day.first_exit_at

    def grow(self, digits: int) -> None:
        """Have at least so many digits."""
        if digits <= self.digits:
            return
        more = 10 ** (digits - self.digits)
        self.digits = digits
        for name in self.sums:
            if not name.startswith("held"):
                self.sums[name] *= more * more if name == "squares" else more
        self.level, self.peak, self.fall = self.level * more, self.peak * more, self.fall * more
        self.high = None if self.high is None else self.high * more
        self.low = None if self.low is None else self.low * more
        self._open = None if self._open is None else (self._open[0], self._open[1] * more)

    def decimal(self, name: str) -> Decimal:
        """A sum in percent, of squares in percent squared, of times in seconds."""
        digits = 6 if name.startswith("held") else 2 * self.digits if name == "squares" else self.digits
        return to_decimal(self.sums[name], digits)

    def as_day(self) -> dict[str, Any]:
        """The exact rollup row: the columns of daily_score after its key."""
        return {
            "trades": self.trades,
            "winners": self.winners,
            "losers": self.losers,
            "sum_pct": self.decimal("all"),
            "sum_squares": self.decimal("squares"),
            "sum_winners_pct": self.decimal("won"),
            "sum_losers_pct": self.decimal("lost"),
            "hold_seconds": self.decimal("held"),
            "hold_seconds_winners": self.decimal("held_won"),
            "hold_seconds_losers": self.decimal("held_lost"),
            "sum_mfe_pct": self.decimal("best"),
            "sum_mae_pct": self.decimal("worst"),
            "sum_given_back_pct": self.decimal("given_back"),
            "path_high_pct": None if self.high is None else to_decimal(self.high, self.digits),
            "path_high_at": self.high_at,
            "path_low_pct": None if self.low is None else to_decimal(self.low, self.digits),
            "path_fall_pct": to_decimal(self.fall, self.digits),
            "first_exit_at": self.first_exit_at,
            "leading_wins": self.wins.leading,
            "trailing_wins": self.wins.trailing,
            "longest_wins": self.wins.longest,
            "leading_losses": self.losses.leading,
            "trailing_losses": self.losses.trailing,
            "longest_losses": self.losses.longest,
        }

    def spread(self) -> float:
        """The standard deviation of the gains, without the rounding of sums; 0 for fewer than two."""
        if self.trades < 2:
            return 0.0
        off = Fraction(self.sums["squares"]) - Fraction(self.sums["all"] ** 2, self.trades)
        return math.sqrt(off / (self.trades - 1) / 10 ** (2 * self.digits))


def to_decimal(whole: int, digits: int) -> Decimal:
    with localcontext(prec=EXACT_DIGITS):
        return Decimal(whole).scaleb(-digits)

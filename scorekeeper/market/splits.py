"""Splits of shares, as SPLITS.csv in the folder of a replay market declares them.

A file of prices is adjusted for the splits up to some day, and a later download for more of them. Sealed candles keep
the units that they were sealed in: a symbol's basis, a day. What is adjusted for the splits up to that day has these
units.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from scorekeeper.decisions.symbols import spell
from scorekeeper.market.base import Bars, CandleFileError

if TYPE_CHECKING:
    import pandas as pd  # at run time it loads only where candles are there

FILE = "SPLITS.csv"
HEADER = ["symbol", "date", "ratio", "adjusted_on"]
UNADJUSTED = date(1, 1, 1)  # the basis of prices as they were traded before the first split
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Split:
    """`ratio` new shares for one old share, from the day `on`; `at`: from when on prices are in new units, UTC."""

    on: date
    at: datetime
    ratio: Fraction


@dataclass(frozen=True)
class Splits:
    """A symbol's splits, oldest first. `adjusted_on`: its file is adjusted for those up to that day."""

    splits: tuple[Split, ...]
    adjusted_on: date

    def scale(self, moment: datetime, basis: date, *, adjusted_on: date = UNADJUSTED) -> float:
        """What a price of a moment is multiplied by, to have the units of the basis.

        `adjusted_on`: the price is adjusted for the splits up to that day already. A decision's is not adjusted.
        """
        scale = Fraction(1)
        for split in self.splits:
            is_new, wanted_new = split.on <= adjusted_on or split.at <= moment, split.on <= basis
            if is_new != wanted_new:
                scale = scale / split.ratio if wanted_new else scale * split.ratio
        return float(scale)

    def units(self, basis: date) -> list[tuple[datetime, datetime | None, float]]:
        """(from, until, scale) of the times whose decisions' prices have other units than the basis."""
        moments = [FIRST, *(split.at for split in self.splits), None]
        pieces = pairwise(moments)
        found = [(since, until, self.scale(since, basis)) for since, until in pieces if since is not None]
        return [piece for piece in found if piece[2] != 1]

    def convert(self, candles: "pd.DataFrame", basis: date) -> "pd.DataFrame":
        """The candles of the symbol's file in the units of the basis: prices times a scale, volume divided by it."""
        if candles.empty:
            return candles
        edges = [FIRST, *(split.at for split in self.splits)]
        scales = [self.scale(edge, basis, adjusted_on=self.adjusted_on) for edge in edges]
        if all(scale == 1 for scale in scales):
            return candles
        import pandas as pd

        of = pd.Series(pd.DatetimeIndex(edges).searchsorted(candles["minute_at"], side="right") - 1, candles.index)
        scale = of.map(dict(enumerate(scales)))
        prices = {name: candles[name] * scale for name in ("open", "high", "low", "close")}
        return candles.assign(**prices, volume=candles["volume"] / scale)


def read_splits(folder: Path, bars: Bars) -> dict[str, Splits]:
    """The splits of SPLITS.csv by symbol; none without that file. Raises CandleFileError, which names the line."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as exc:
        raise CandleFileError(f"{path}: cannot be read: {exc}") from exc
    rows = list(csv.reader(text.splitlines())) or [[]]
    if [name.strip().lower() for name in rows[0] if name] != HEADER:
        raise CandleFileError(f"{path}: line 1: the header must be {','.join(HEADER)}")
    found: dict[str, tuple[list[Split], set[date]]] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        try:
            name, on, ratio, adjusted_on = (cell.strip() for cell in row[: len(HEADER)])
            split = _read_split(date.fromisoformat(on), ratio, bars)
            splits, days = found.setdefault(spell(name), ([], set()))
            splits.append(split)
            days.add(date.fromisoformat(adjusted_on) if adjusted_on else UNADJUSTED)
        except (ValueError, ZeroDivisionError) as exc:
            example = "NVDA,2024-06-10,10,2025-01-31"
            raise CandleFileError(f"{path}: line {line}: {exc}; write a line such as {example}") from None
        if len(days) > 1 or len({one.on for one in splits}) < len(splits):
            raise CandleFileError(f"{path}: line {line}: {name} has another adjusted_on before, or this split already")
    return {
        symbol: Splits(tuple(sorted(splits, key=lambda one: one.on)), days.pop())
        for symbol, (splits, days) in found.items()
    }


def _read_split(on: date, ratio: str, bars: Bars) -> Split:
    new, _, old = ratio.partition(":")
    share = Fraction(new) / Fraction(old or 1)
    if share <= 0 or share == 1:
        raise ValueError(f"{ratio!r} is no ratio of new to old shares such as 10, 3:2 or 1:10")
    at = datetime.combine(on, time(), tzinfo=UTC)
    if bars.calendar is not None:
        # New York's evening of the day before, after midnight UTC, still has the old units.
        at = datetime.combine(on, time(), tzinfo=ZoneInfo(bars.calendar.zone)).astimezone(UTC)
        session = next((one for one in bars.calendar.sessions(on - timedelta(days=1), on) if one.day == on), None)
        if session is None:
            raise ValueError(f"{on} is no session of CALENDAR={bars.calendar.name}")
        at = min(at, session.opens_at)  # a session may open on the evening before
    return Split(on, at, share)


def unit_rows(splits: Mapping[str, Splits], bases: Mapping[str, date]) -> list[dict[str, Any]]:
    """The rows of price_unit, for the table's own columns."""
    return [
        {
            "symbol": symbol, "decided_from": since.isoformat(), "decided_until": until and until.isoformat(),
            "scale": scale,
        }
        for symbol, own in sorted(splits.items())
        for since, until, scale in own.units(bases.get(symbol, own.adjusted_on))
    ]  # fmt: skip

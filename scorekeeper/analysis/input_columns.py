"""The input of an analysis: decisions, signals and trades as columns."""

import re
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.signedinteger[Any]]

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "H": 3_600, "d": 86_400, "D": 86_400, "w": 604_800, "W": 604_800}


@dataclass(frozen=True)
class DecisionColumns:
    """One entry per decision whose horizon return is known, in order of (opened_at, trade_id); times in seconds.

    `version` is an index into InputColumns.versions. `slot` numbers the combinations of symbol, interval length and
    bucket of time; it is -1 for a decision without an interval. Whole numbers have the shortest type that holds them.
    """

    opened: Floats
    expires: Floats
    direction: Ints
    return_pct: Floats
    version: Ints
    slot: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.opened)


@dataclass(frozen=True)
class SignalColumns:
    """One entry per signal, in order of (decision, agent): indices into DecisionColumns and InputColumns.agents.

    `confidence` is 0..100, NaN for none.
    """

    decision: Ints
    agent: Ints
    direction: Ints
    confidence: Floats

    def __len__(self) -> int:
        return len(self.decision)


@dataclass(frozen=True)
class TradeColumns:
    """One entry per closed trade, in order of (opened_at, trade_id); times in seconds, P&L in percent.

    `exit_day` is the UTC day of the exit, in days since 1970.
    """

    opened: Floats
    closed: Floats
    exit_day: Ints
    pnl_pct: Floats
    net_pnl_pct: Floats
    version: Ints

    def __len__(self) -> int:
        return len(self.opened)

    def of(self, which: NDArray[Any]) -> Self:
        """The trades that `which` selects, a mask or places: a copy."""
        return type(self)(
            self.opened[which], self.closed[which], self.exit_day[which], self.pnl_pct[which],
            self.net_pnl_pct[which], self.version[which],
        )  # fmt: skip


@dataclass(frozen=True)
class InputColumns:
    """Everything that counts at one as_of; suspect and voided decisions are left out."""

    versions: list[str]
    agents: list[str]
    decisions: DecisionColumns
    signals: SignalColumns
    trades: TradeColumns

    def of_version(self, number: int) -> Self:
        """The columns of one version. Agents and versions keep their numbers."""
        if len(self.versions) == 1:
            return self
        d, s = self.decisions, self.signals
        ours = d.version == number
        said = ours[s.decision]
        renumbered = np.cumsum(ours, dtype=np.int32) - 1
        return type(self)(
            self.versions,
            self.agents,
            DecisionColumns(
                d.opened[ours], d.expires[ours], d.direction[ours], d.return_pct[ours], d.version[ours], d.slot[ours],
            ),
            SignalColumns(renumbered[s.decision[said]], s.agent[said], s.direction[said], s.confidence[said]),
            self.trades.of(self.trades.version == number),
        )  # fmt: skip


def interval_seconds(words: str) -> int | None:
    """The length of an interval such as 15m, 4h or 1d; None for other words (1M has no fixed length).

    >>> interval_seconds("15m"), interval_seconds("1M")
    (900, None)
    """
    found = re.fullmatch(r"([0-9]{1,6})([smhHdDwW])", words.strip(), re.ASCII)
    return int(found[1]) * _SECONDS[found[2]] or None if found else None


def number_slots(opened: Floats, kind: Ints, symbol: Ints, seconds: Floats) -> NDArray[np.int64]:
    """The slot of each decision: one number per symbol, interval length and bucket floor(opened / length).

    `opened` and `kind` have one entry per decision. `symbol` and `seconds` have one per kind: the number of its symbol
    and the length of its interval, NaN for none, which gives slot -1. Slots are in order of symbol, length and bucket.
    """
    slots = np.full(len(opened), -1, dtype=np.int64)
    has = np.isfinite(seconds)[kind]
    if has.any():
        kind = kind[has]
        bucket = np.floor_divide(opened[has], seconds[kind]).astype(np.int64)
        bucket -= bucket.min()
        pairs = list(zip(symbol.tolist(), seconds.tolist(), strict=True))
        place = {pair: place for place, pair in enumerate(sorted({pair for pair in pairs if pair[1] > 0}))}
        buckets = int(bucket.max()) + 1
        assert len(place) * buckets < 1 << 63  # a time has some 2^31 seconds
        bucket += np.array([place.get(pair, 0) * buckets for pair in pairs], dtype=np.int64)[kind]
        slots[has] = bucket
    return slots


def shortest(numbers: int) -> type[np.signedinteger[Any]]:
    """The shortest type that holds whole numbers from 0 to below `numbers`, and -1.

    >>> shortest(128).__name__, shortest(129).__name__
    ('int8', 'int16')
    """
    return np.int8 if numbers <= 1 << 7 else np.int16 if numbers <= 1 << 15 else np.int32

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
    bucket of time; it is -1 for a decision without an interval.
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
        d, s, t = self.decisions, self.signals, self.trades
        ours, traded = d.version == number, t.version == number
        said = ours[s.decision]
        renumbered = np.cumsum(ours, dtype=np.int32) - 1
        return type(self)(
            self.versions,
            self.agents,
            DecisionColumns(
                d.opened[ours], d.expires[ours], d.direction[ours], d.return_pct[ours], d.version[ours], d.slot[ours],
            ),
            SignalColumns(renumbered[s.decision[said]], s.agent[said], s.direction[said], s.confidence[said]),
            TradeColumns(
                t.opened[traded], t.closed[traded], t.exit_day[traded], t.pnl_pct[traded], t.net_pnl_pct[traded],
                t.version[traded],
            ),
        )  # fmt: skip


def interval_seconds(words: str) -> int | None:
    """The length of an interval such as 15m, 4h or 1d; None for other words (1M has no fixed length).

    >>> interval_seconds("15m"), interval_seconds("1M")
    (900, None)
    """
    found = re.fullmatch(r"([0-9]{1,6})([smhHdDwW])", words.strip(), re.ASCII)
    return int(found[1]) * _SECONDS[found[2]] or None if found else None


def number_slots(opened: Floats, symbol: Ints, seconds: Floats) -> NDArray[np.int64]:
    """The slot of each decision: one number per symbol, interval length and bucket floor(opened / length).

    `seconds`: the interval lengths, NaN for none, which gives slot -1.
    """
    slots = np.full(len(opened), -1, dtype=np.int64)
    has = np.isfinite(seconds)
    bucket = np.floor_divide(opened[has], seconds[has]).astype(np.int64)
    if len(bucket):
        kinds, kind = np.unique(
            np.stack([symbol[has], seconds[has].astype(np.int64)], axis=1), axis=0, return_inverse=True
        )
        # Fewer than 2^63: a time has some 2^31 seconds.
        buckets = int(bucket.max()) - int(bucket.min()) + 1
        assert len(kinds) * buckets < 1 << 63
        # With an axis, the shape of `kind` is (n, 1) in numpy 2.0.
        _, slots[has] = np.unique(kind.reshape(-1) * buckets + (bucket - bucket.min()), return_inverse=True)
    return slots

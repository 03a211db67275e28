"""Which decision closes a trade, in plain Python: `verify` compares what the SQL stored with it."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class CloseRequest:
    """A decision that asks for a close, as stored.

    `side`: +1 closes long trades, -1 short ones, 0 both. `closes`: the trades it names, None for all of its version.
    `known_at`: when a settlement first applied it, None before. `named_is_known`: None if `given_id` is not a trade's
    id, else whether a settlement has looked at that trade.
    """

    trade_id: str
    version: str
    side: int
    asked_at: datetime
    closes: Sequence[str] | None
    given_id: str | None
    voided: bool
    known_at: datetime | None
    named_is_known: bool | None


@dataclass(frozen=True)
class StoredTrade:
    """A trade as stored, with the decision (`signal_id`) that asks for its close at `signal_at`.

    `scanned`: whether a settlement has looked at it. `by_market`: whether candles closed it, or will.
    """

    trade_id: str
    version: str
    direction: int
    opened_at: datetime
    expires_at: datetime
    scanned: bool
    signal_at: datetime | None
    signal_id: str | None
    exit_known_at: datetime | None
    by_market: bool


class CloseRequests:
    """All decisions that ask for a close of one symbol's trades."""

    def __init__(self, requests: Iterable[CloseRequest]) -> None:
        self._requests = sorted(requests, key=lambda one: (one.asked_at, one.trade_id.encode()))
        self._moments = [one.asked_at for one in self._requests]

    def __len__(self) -> int:
        return len(self._requests)

    def find_fault(self, trade: StoredTrade) -> str | None:
        """What is wrong with the trade's stored close request, or with the lack of one; None if it is right.

        A request that arrived after the last settlement is no fault. Nor is one that arrived, or was voided, after the
        trade had closed.
        """
        since, until = trade.opened_at, trade.expires_at + MINUTE
        near = self._requests[bisect_left(self._moments, since) : bisect_left(self._moments, until)]
        asking = [one for one in near if _acts_at(one, trade) is not None]
        return _check_stored(trade, asking) or _check_missed(trade, asking)


def _acts_at(one: CloseRequest, trade: StoredTrade) -> datetime | None:
    """When the request asks for this trade's close; None if it does not.

    Whether its `given_id` names another trade is not considered here.
    """
    if one.side not in (0, trade.direction):
        return None
    if trade.trade_id != one.given_id:
        if one.closes is not None and trade.trade_id not in one.closes:
            return None
        if one.closes is None and (one.version != trade.version or one.asked_at <= trade.opened_at):
            return None
    at = max(one.asked_at.replace(second=0, microsecond=0), trade.opened_at)
    return at if at < trade.expires_at else None


def _names_another(one: CloseRequest, trade: StoredTrade) -> bool:
    return one.named_is_known is not None and one.given_id != trade.trade_id


def _check_stored(trade: StoredTrade, asking: Sequence[CloseRequest]) -> str | None:
    if trade.signal_id is None:
        return None
    stored = next((one for one in asking if one.trade_id == trade.signal_id), None)
    if stored is None:
        return f"decision {trade.signal_id} does not ask for its close"
    if _acts_at(stored, trade) != trade.signal_at:
        return f"signal_at is {trade.signal_at}, recomputed {_acts_at(stored, trade)}"
    if trade.exit_known_at is None:
        if stored.voided and stored.known_at is not None:
            return f"decision {trade.signal_id} is voided, and still asks for its close"
        if _names_another(stored, trade) and stored.named_is_known:
            return f"decision {trade.signal_id} asks for the close of {stored.given_id} alone"
    return None


def _check_missed(trade: StoredTrade, asking: Sequence[CloseRequest]) -> str | None:
    if not trade.by_market or (trade.exit_known_at is None and not trade.scanned):
        return None
    for one in asking:
        if one.trade_id == trade.signal_id:
            return None
        if one.voided or one.known_at is None or _names_another(one, trade):
            continue
        if trade.exit_known_at is None or one.known_at < trade.exit_known_at:
            return f"decision {one.trade_id} asks for its close first, and is ignored"
    return None

"""The parts of a breakdown as filters: what selects the rows of each."""

from typing import Any

from scorekeeper.domain.breakdown import Breakdown


def narrow(by: Breakdown, part: str | None) -> dict[str, Any]:
    """The filters that select a part (as it is stored; None: what has none), of trades and of decisions.

    >>> narrow(Breakdown.CONFIDENCE, "8")
    {'confidence': 80}
    >>> narrow(Breakdown.INTERVAL, None)
    {'without': 'interval'}
    """
    if part is None:
        return {"without": by.value}
    if by is Breakdown.CONFIDENCE:
        return {"confidence": 10 * int(part)}
    if by in (Breakdown.WEEKDAY, Breakdown.HOUR):
        return {by.value: int(part)}
    return {"exit" if by is Breakdown.EXIT_REASON else by.value: part}

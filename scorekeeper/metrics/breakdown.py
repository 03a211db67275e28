"""The parts that figures are broken down into."""

from enum import StrEnum

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Breakdown(StrEnum):
    """What trades and decisions are told apart by; the last three are the decision's own, times in UTC."""

    SYMBOL = "symbol"
    INTERVAL = "interval"
    SIDE = "side"
    EXIT_REASON = "exit_reason"
    VERSION = "version"
    CONFIDENCE = "confidence"
    WEEKDAY = "weekday"
    HOUR = "hour"


def label_group(by: Breakdown, part: str | None) -> str | None:
    """A part's name for readers; None for decisions without what they are told apart by."""
    if part is None:
        return None
    if by is Breakdown.CONFIDENCE:
        low = 10 * int(part)
        return f"[{low}, {low + 10})" if low < 90 else "[90, 100]"
    if by is Breakdown.WEEKDAY:
        return _DAYS[int(part) - 1]
    return f"{part}:00" if by is Breakdown.HOUR else part

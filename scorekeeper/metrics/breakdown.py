"""The breakdowns of a score: what its trades and decisions are grouped by."""

from enum import StrEnum

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Breakdown(StrEnum):
    """What trades and decisions are grouped by; the last three are the decision's own, times in UTC."""

    SYMBOL = "symbol"
    INTERVAL = "interval"
    SIDE = "side"
    EXIT_REASON = "exit_reason"
    VERSION = "version"
    CONFIDENCE = "confidence"
    WEEKDAY = "weekday"
    HOUR = "hour"


def label_group(by: Breakdown, value: str | None) -> str | None:
    """A group's label for readers, from its value as SQL gives it. None: decisions without a value.

    >>> label_group(Breakdown.CONFIDENCE, "8"), label_group(Breakdown.CONFIDENCE, "9")
    ('[80, 90)', '[90, 100]')
    >>> label_group(Breakdown.WEEKDAY, "1"), label_group(Breakdown.HOUR, "09")
    ('Monday', '09:00')
    """
    if value is None:
        return None
    if by is Breakdown.CONFIDENCE:
        low = 10 * int(value)
        return f"[{low}, {low + 10})" if low < 90 else "[90, 100]"
    if by is Breakdown.WEEKDAY:
        return _DAYS[int(value) - 1]
    return f"{value}:00" if by is Breakdown.HOUR else value

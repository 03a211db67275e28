"""What the pages of lists have in common. No page itself."""

from typing import Any

from dashboard.data.filters import CHOICES, Filters
from dashboard.data.rows import Page
from scorekeeper.metrics.breakdown import Breakdown, label_group


def shown(found: Page[Any], filters: Filters, most: int) -> str:
    """Which rows of how many are shown: 1 to 50 of 1,204; of a later page it is not known how many come before."""
    all_of = f"{found.count:,}{'+' if found.is_more else ''}"
    if filters.after is None:
        return f"1 to {len(found.rows):,} of {all_of}" if found.rows else "0"
    return f"the next {min(most, len(found.rows)):,} of {all_of}"


def choices_of_parts() -> dict[str, list[tuple[str, str]]]:
    """The options of a filter bar for hours, weekdays, tenths of confidence and exits: value and words."""
    tenths = [(str(low), str(label_group(Breakdown.CONFIDENCE, str(low // 10)))) for low in range(0, 100, 10)]
    weekdays = [(str(day), str(label_group(Breakdown.WEEKDAY, str(day)))) for day in range(1, 8)]
    return {
        "hours": [(str(hour), f"{hour:02}:00 to {hour:02}:59") for hour in range(24)],
        "weekdays": weekdays,
        "tenths": tenths,
        "exits": [(word, word.replace("_", " ")) for word in CHOICES["exit"]],
    }

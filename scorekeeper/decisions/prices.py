"""What a price can be."""

from datetime import timedelta

# Wide enough for any market, and narrow enough that every ratio, percentage and square of prices is finite.
SMALLEST_PRICE = 1e-18
LARGEST_PRICE = 1e18
# How far back a price is looked for that a decision's own is held against: an older one says nothing of it.
LOOK_BACK = timedelta(days=7)


def is_price(value: float) -> bool:
    """Whether `value` can be a price (not: NaN, an infinity, 0, negative, or beyond the range)."""
    return SMALLEST_PRICE <= value <= LARGEST_PRICE

"""What a price can be."""

from datetime import timedelta

# Wide enough for every market. Narrow enough that each ratio, percentage and square of prices is finite.
SMALLEST_PRICE = 1e-18
LARGEST_PRICE = 1e18
# How far back the market's price may lie that a decision's own price is compared with.
LOOK_BACK = timedelta(days=7)


def is_price(value: float) -> bool:
    """Whether `value` can be a price: SMALLEST_PRICE to LARGEST_PRICE, so neither NaN nor infinite.

    >>> is_price(0.5), is_price(0.0), is_price(float("nan"))
    (True, False, False)
    """
    return SMALLEST_PRICE <= value <= LARGEST_PRICE

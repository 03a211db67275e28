"""What a trade costs beside its fee, and how large it is: the terms that are stored with the trade at ingest."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from scorekeeper.decisions.fields import Note, lenient, number_or_none
from scorekeeper.decisions.prices import LARGEST_PRICE, SMALLEST_PRICE

SizeUnit = Literal["unused", "units", "money"]
MOST_BPS = 10_000
# Fields of a decision that are terms. They also stay among the fields that are kept as they came.
_FIELDS = frozenset({"spread_bps", "funding_bps_per_day", "order_type"})


class Costs(msgspec.Struct, frozen=True, gc=False):
    """The terms of one trade beside `fee_bps`; None: none of it. Its fields are columns of its row.

    `entry_fee_bps`: the fee of the entry, in place of fee_bps (a limit order). `target_fee_bps`: the fee of an exit at
    the target, in place of fee_bps (a resting order). `share_fee_pct`: what each unit costs a side, in percent of the
    entry price. `min_fee`: the least that a side costs, in quote currency. `spread_bps`: the whole spread; a side pays
    half. A positive `funding_bps_per_day` is paid by long trades and received by short ones. `position_value`: the size
    at entry, in quote currency, above 0. A split changes none of them.
    """

    entry_fee_bps: float | None = None
    target_fee_bps: float | None = None
    share_fee_pct: float | None = None
    min_fee: float | None = None
    spread_bps: float | None = None
    funding_bps_per_day: float | None = None
    position_value: float | None = None


class CostRules(msgspec.Struct, frozen=True):
    """What the settings say of all trades: see Costs. `size`: what a decision's position_size is.

    `fee_per_share`: what each unit costs a side, in quote currency.
    """

    maker_fee_bps: float | None = None
    fee_per_share: float | None = None
    min_fee: float | None = None
    spread_bps: float | None = None
    funding_bps_per_day: float | None = None
    size: SizeUnit = "unused"


NO_COSTS = Costs()
NO_RULES = CostRules()


def read_costs(
    document: Mapping[str, Any], price: float | None, position_size: float | None, rules: CostRules, notes: list[Note]
) -> Costs:
    """The terms of a decision's trade; NO_COSTS for one without a price. A field that cannot be read is left out.

    >>> rules = CostRules(maker_fee_bps=2, spread_bps=4, size="money")
    >>> costs = read_costs({"order_type": "limit", "spread_bps": 6}, 50.0, 1_000.0, rules, [])
    >>> costs.entry_fee_bps, costs.target_fee_bps, costs.spread_bps, costs.position_value
    (2, 2, 6.0, 1000.0)
    """
    if price is None or (rules is NO_RULES and _FIELDS.isdisjoint(document)):
        return NO_COSTS
    spread = lenient(notes, number_or_none, document, "spread_bps", low=0, high=MOST_BPS)
    funding = lenient(notes, number_or_none, document, "funding_bps_per_day", low=-MOST_BPS, high=MOST_BPS)
    order = document.get("order_type")
    rests = isinstance(order, str) and order.strip().lower() in ("limit", "post_only", "maker")
    return Costs(
        entry_fee_bps=rules.maker_fee_bps if rests else None,
        target_fee_bps=rules.maker_fee_bps,
        share_fee_pct=None if rules.fee_per_share is None else rules.fee_per_share * 100 / price,
        min_fee=rules.min_fee,
        spread_bps=rules.spread_bps if spread is None else spread,
        funding_bps_per_day=rules.funding_bps_per_day if funding is None else funding,
        position_value=_value(position_size, price, rules.size),
    )


def _value(position_size: float | None, price: float, size: SizeUnit) -> float | None:
    if position_size is None or size == "unused":
        return None
    value = position_size * price if size == "units" else position_size
    return value if SMALLEST_PRICE <= value <= LARGEST_PRICE else None

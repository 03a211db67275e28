"""What the closed trades earned in money, and what their net figures hold. Only where trades have such terms.

Sizes never change the figures in percent: those count each trade as one unit.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection

from scorekeeper.metrics.names import MONEY_NAMES
from scorekeeper.store.sql import statement

# What net figures can hold beside the fee, by its key under `net_holds`.
COST_KINDS = ("maker_fee", "fee_per_share", "minimum_fee", "spread", "funding")


def read_money(connection: Connection, scope: Mapping[str, Any], account_equity: float | None) -> dict[str, Any]:
    """`net_holds` and `money` of a scope, each only if it has trades with such terms.

    `net_holds`: how many closed trades the net figures hold each cost of, beside the fee. `account_equity`: what the
    account held before the first trade, in quote currency.
    """
    return compose_terms(
        connection.execute(statement("metrics/count_terms"), scope).mappings().one(),
        lambda: connection.execute(statement("metrics/sum_money"), scope).mappings().one(),
        account_equity,
    )


def compose_terms(
    terms: Mapping[Any, Any], read_sums: Callable[[], Mapping[Any, Any]], account_equity: float | None
) -> dict[str, Any]:
    """The same, of what count_terms has counted; `read_sums` is asked for only if there are sizes."""
    answer: dict[str, Any] = {}
    if held := {kind: terms[kind] for kind in COST_KINDS if terms[kind]}:
        answer["net_holds"] = held
    if terms["sized"]:
        answer["money"] = compose_money(read_sums(), account_equity)
    return answer


def compose_money(sums: Mapping[Any, Any], account_equity: float | None) -> dict[str, Any]:
    """The figures in money, in quote currency, of trades with a size: those of names.MONEY_NAMES, in that order.

    With v the value of a trade at entry (position_value), g and n its P&L before and after costs as a share:

    - traded_value = sum(v); gross_pnl = sum(v * g); net_pnl = sum(v * n); costs = gross_pnl - net_pnl.
    - weighted_pnl_pct = 100 * gross_pnl / traded_value; weighted_net_pnl_pct: the same of net_pnl.
    - weighted_win_rate = 100 * sum of v over g > 0 / traded_value.
    - profit_factor = sum(v * n) over n > 0 / |sum(v * n) over n < 0|.
    - max_drawdown, current_drawdown: the fall of the running sum of v * n below its earlier peak, one step per
      exit_time; the largest, and now.
    - equity = account_equity + net_pnl; return_pct = 100 * net_pnl / account_equity.
    """
    value, gross, net = (Fraction(sums[name]) for name in ("traded_value", "gross_pnl", "net_pnl"))
    lost = Fraction(sums["net_lost"] or Decimal(0))
    start = None if account_equity is None else Fraction(account_equity)
    figures = (
        int(sums["trades"]),
        float(value),
        float(gross),
        float(gross - net),
        float(net),
        float(100 * gross / value),
        float(100 * net / value),
        float(100 * Fraction(sums["value_won"] or 0) / value),
        float(Fraction(sums["net_won"] or 0) / -lost) if lost else None,
        float(sums["max_drawdown"]),
        float(sums["current_drawdown"]),
        account_equity,
        None if start is None else float(start + net),
        None if start is None else float(100 * net / start),
    )
    return dict(zip(MONEY_NAMES, figures, strict=True))


def say_net_holds(holds: Mapping[str, int]) -> str:
    """What figures after fees hold beside the fee, as a sentence.

    >>> say_net_holds({"maker_fee": 2, "funding": 1})
    'After fees also holds: maker fee (2 trades), funding (1 trade).'
    """
    kinds = (f"{kind.replace('_', ' ')} ({n:,} {'trade' if n == 1 else 'trades'})" for kind, n in holds.items())
    return f"After fees also holds: {', '.join(kinds)}."


def money_unit(name: str) -> str:
    """The unit of a figure in money: %, or none (quote currency, a count or a ratio)."""
    return "%" if name.endswith("_pct") or name == "weighted_win_rate" else ""

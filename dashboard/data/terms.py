"""What figures after fees hold beside the fee, and the figures in money, from the views that a reader may read."""

from typing import Any

from sqlalchemy import Connection

from dashboard.data.answer import parameters
from dashboard.data.filters import Filters
from scorekeeper.metrics.money import compose_terms
from scorekeeper.store.sql import statement


def read_terms(connection: Connection, filters: Filters, account_equity: float | None) -> dict[str, Any]:
    """`net_holds` and `money` of the filters' scope, as `metrics --json` has them, each only if there is any."""
    if not connection.execute(statement("dashboard/select_has_terms")).scalar_one():
        return {}
    given = parameters(filters) | {"by": None}
    return compose_terms(
        connection.execute(statement("dashboard/count_terms"), given).mappings().one(),
        lambda: connection.execute(statement("dashboard/sum_money"), given).mappings().one(),
        account_equity,
    )

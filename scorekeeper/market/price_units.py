"""The units of a symbol's prices across splits: kept in the database, so that sealed candles never change theirs."""

from sqlalchemy import Connection

from scorekeeper.market.base import Market
from scorekeeper.store.sql import json_rows, statement


def keep_units(connection: Connection, market: Market) -> None:
    """Let the market give its candles in the units that were sealed, and store which decisions have others.

    The first time that a symbol has splits, its candles keep the units that its file has then; where some are sealed
    already, the units of the last one. Works inside the caller's transaction and may be repeated. Raises
    CandleFileError.
    """
    declared = market.declared_bases()
    if not declared:
        return
    rows = [{"symbol": symbol, "adjusted_on": day.isoformat()} for symbol, day in sorted(declared.items())]
    connection.execute(statement("market/keep_price_bases"), {"rows": json_rows(rows)})
    bases = dict(connection.execute(statement("market/select_price_bases")).tuples().all())
    units = market.keep_bases(bases)
    given = {"symbols": sorted(declared), "rows": json_rows(units)}
    connection.execute(statement("market/replace_price_units"), given)

"""Decisions of which no statistics know yet, as in a backtest's database, are each looked up once."""

from pathlib import Path

from sqlalchemy import text

from benchmarks.burst import AS_OF, FILLS
from benchmarks.close import write_market
from scorekeeper.store.database import open_database
from scorekeeper.store.sql import statement
from scorekeeper.trades import settle
from tests.plans import explain, of_table

DECISIONS = 2_000
KNOWN = {"as_of": AS_OF, "symbols": 3}


def test_no_trade_of_a_first_burst_is_compared_with_each_other_one(database_url: str, tmp_path: Path) -> None:
    decisions, *market = FILLS.read_text(encoding="utf-8").split(";\n")[:3]
    with open_database(database_url, tmp_path) as db:
        write_market(db, market, KNOWN)
        with db.begin() as connection:
            connection.execute(text(decisions), KNOWN | {"first": 0, "last": DECISIONS - 1})
        with db.engine.connect() as connection:
            settle.open_settlement(connection)
            given = {"as_of": AS_OF, "suspect_price_pct": 5, "asked": "[]"}
            connection.execute(statement("trades/set_reference_prices"), given)
            plan = explain(connection, "trades/match_exits", as_of=AS_OF, settles=True)
            # An array of ids serves an index. As a filter it is gone through for each row.
            assert [node["Filter"] for node in of_table(plan, "trade") if "= ANY" in node.get("Filter", "")] == []
            assert max(node["Actual Rows"] for node in of_table(plan, "trade")) <= DECISIONS

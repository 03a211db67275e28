"""What a statement read, by its own account: EXPLAIN (ANALYZE, FORMAT JSON)."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from scorekeeper.store.sql import raw

Node = dict[str, Any]


def explain(connection: Connection, name: str, **parameters: object) -> list[Node]:
    """Run a statement; the nodes of its plan that were executed."""
    said = connection.execute(text("EXPLAIN (ANALYZE, FORMAT JSON) " + raw(name)), parameters)
    [plan] = said.scalar_one()
    return [node for node in _nodes(plan["Plan"]) if node["Actual Loops"]]


def of_table(plan: list[Node], table: str) -> list[Node]:
    """The nodes that read `table`, or a partition of it."""
    return [node for node in plan if node.get("Relation Name", "").startswith(table) and "Scan" in node["Node Type"]]


def rows_read(node: Node) -> float:
    """Rows that a node found, those that it threw away included."""
    thrown_away = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + thrown_away) * node["Actual Loops"])


def _nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)

"""The list of a decision's columns against the tables, and against the statements that are made from it."""

from sqlalchemy import text

from scorekeeper.decisions.columns import DECISION_COLUMNS, ELSEWHERE, READING, SIGNAL_COLUMNS
from scorekeeper.decisions.decision import Decision
from scorekeeper.store.database import Database
from scorekeeper.store.sql import raw

# Where it was read, and what became of it.
NOT_SAID = {
    "source_sha256", "source_name", "source_line", "received_at", "symbol", "late", "reference_price", "price_scale",
    "price_suspect", "horizon_price", "horizon_return_pct", "horizon_known_at", "voided_at", "void_reason", "tracked",
}  # fmt: skip


def columns_of(db: Database, table: str) -> set[str]:
    query = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'scorekeeper' AND table_name = :t"
    with db.begin() as connection:
        return set(connection.execute(text(query), {"t": table}).scalars())


def test_every_field_of_a_decision_is_a_column_of_a_table(db: Database) -> None:
    assert columns_of(db, "decision") == {*DECISION_COLUMNS, *NOT_SAID}
    assert columns_of(db, "agent_signal") == {*SIGNAL_COLUMNS, "trade_id"}
    stored = {READING if name == "reading" else name for name in Decision.__struct_fields__}
    assert stored == {*DECISION_COLUMNS, *ELSEWHERE, "symbol"}
    assert {"side", "closes", "given_id"} <= columns_of(db, "exit_request")


def test_statements_name_the_columns_from_the_one_list() -> None:
    listed = ", ".join(DECISION_COLUMNS)
    for name in ("inbox/copy_decisions", "operations/copy_past_decisions", "operations/record_decision"):
        assert f"symbol, {listed}" in raw(name), name
    assert ", ".join(f":{column}" for column in DECISION_COLUMNS) in raw("operations/record_decision")
    assert ", ".join(f"d.{column}" for column in DECISION_COLUMNS) in raw("verify/select_decisions_as_stored")

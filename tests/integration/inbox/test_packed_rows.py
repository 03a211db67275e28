"""Packed rows, against the same values as psycopg's own COPY writes them, in tables of the same columns."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from scorekeeper.decisions.agents import AgentSignal
from scorekeeper.decisions.columns import SIGNAL_COLUMNS, cost_values, decision_values, to_json
from scorekeeper.decisions.costs import NO_COSTS, Costs
from scorekeeper.decisions.decision import Decision
from scorekeeper.decisions.fields import Note
from scorekeeper.decisions.reading_rules import STANDARD, make_reading
from scorekeeper.inbox.packed_rows import Packer, pack_event, pack_held, pack_signals
from scorekeeper.store.copy_format import HEADER, TRAILER
from scorekeeper.store.database import Database
from scorekeeper.store.sql import raw

LINE = 2**40
TABLES = {
    "decision": "inbox/copy_decisions", "trade": "inbox/copy_trades", "agent_signal": "inbox/copy_agent_signals",
    "event": "inbox/copy_decision_events", "held_decision": "inbox/copy_held_decisions",
}  # fmt: skip
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
numbers = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308])
# Few of them, so that what is kept of one row is used for another.
confidences = st.sampled_from([None, 0.0, -0.0, 1.0, 55.5, 100.0])
moments = st.datetimes(datetime(1990, 1, 1), datetime(2120, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
extras = st.none() | st.dictionaries(words, words | numbers | st.lists(words, max_size=2), max_size=3)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


signals = st.builds(
    AgentSignal, agent=st.sampled_from(["a", "b", "日本"]), ordinal=st.integers(0, 199),
    signal=st.sampled_from(["BUY", "…"]), direction=st.sampled_from([-1, 0, 1]), confidence=confidences, extra=extras,
    understood=st.sampled_from([True, False, None]),
)  # fmt: skip
decisions = st.builds(
    Decision, trade_id=words, content_sha256=st.binary(min_size=32, max_size=32), symbol=words, raw_symbol=words,
    bar_interval=maybe(words), action=words, direction=st.sampled_from([-1, 0, 1]), price=numbers,
    confidence=confidences, opened_at=moments, expires_at=moments, version=words, reason=maybe(words),
    stop_loss=maybe(numbers), take_profit=maybe(numbers), trailing_stop_pct=maybe(numbers),
    position_size=maybe(numbers), extra=extras,
    signals=st.lists(signals, max_size=4).map(tuple), understood=st.booleans(),
    notes=st.lists(st.builds(Note, words, words), max_size=2).map(tuple),
    reading=st.sampled_from([STANDARD, make_reading({"MOON": "up"}, {})]), exit_side=st.none(), closes=st.none(),
    given_id=st.none(),
    costs=st.just(NO_COSTS) | st.builds(Costs, *(maybe(numbers) for _ in Costs.__struct_fields__)),
)  # fmt: skip


def plain_rows(table: str, decision: Decision, at: datetime | None, sha256: bytes | None) -> Iterator[tuple[Any, ...]]:
    """The values of the rows, as psycopg takes them."""
    d = decision
    if table == "decision":
        yield (sha256, "a file", LINE, at or d.opened_at, d.symbol, *decision_values(d))
    elif table == "trade" and d.direction:
        yield (
            d.trade_id, d.symbol, d.version, d.direction, d.price, d.opened_at, d.expires_at, d.stop_loss,
            d.take_profit, d.trailing_stop_pct, None if d.trailing_stop_pct is None else d.price, 12.5, None,
            *cost_values(d.costs),
        )  # fmt: skip
    elif table == "agent_signal":
        for signal in d.signals:
            said = {column: getattr(signal, column) for column in SIGNAL_COLUMNS}
            yield (d.trade_id, *(said | {"extra": to_json(signal.extra)}).values())
    elif table == "event":
        yield ("decision", d.trade_id)
    elif table == "held_decision":
        yield (d.trade_id,)


def packed_rows(table: str, decision: Decision, at: datetime | None, sha256: bytes | None) -> bytes:
    row, trade = Packer(at, 12.5).pack(decision, sha256, "a file", LINE)
    all_rows = {
        "decision": row, "trade": trade, "agent_signal": pack_signals(decision), "event": pack_event(decision.trade_id),
        "held_decision": pack_held(decision.trade_id),
    }  # fmt: skip
    return all_rows[table]


def copied(connection: Connection, table: str, given: list[tuple[Any, ...]] | bytes) -> list[str]:
    """The rows of a table of the same columns, without its constraints, once they are copied into it."""
    driver: Any = connection.connection.driver_connection
    driver.execute(f"CREATE TEMP TABLE copied (LIKE scorekeeper.{table} INCLUDING DEFAULTS INCLUDING IDENTITY)")
    into = raw(TABLES[table]).replace(f"scorekeeper.{table}", "copied").rstrip().removesuffix(";")
    with driver.cursor().copy(f"{into} (FORMAT binary)" if isinstance(given, bytes) else into) as copy:
        if isinstance(given, bytes):
            copy.write(HEADER + given + TRAILER)
        else:
            for row in given:
                copy.write_row(row)
    found = [str(row) for (row,) in connection.execute(text("SELECT cast(c AS text) FROM copied AS c ORDER BY c.ctid"))]
    driver.execute("DROP TABLE copied")
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batch=st.lists(decisions, min_size=1, max_size=6), at=maybe(moments),
    sha256=maybe(st.binary(min_size=32, max_size=32)),
)  # fmt: skip
def test_packed_rows_are_those_of_psycopg_to_the_bit(
    db: Database, batch: list[Decision], at: datetime | None, sha256: bytes | None
) -> None:
    with db.begin() as connection:
        for table in TABLES:
            plain = [row for one in batch for row in plain_rows(table, one, at, sha256)]
            packed = b"".join(packed_rows(table, one, at, sha256) for one in batch)
            assert copied(connection, table, packed) == copied(connection, table, plain), table


def test_a_moment_is_packed_to_the_microsecond() -> None:
    start = datetime(2000, 1, 1, tzinfo=UTC)
    for microseconds in (0, 1, -1, 10**15 + 7):
        moment = start + timedelta(microseconds=microseconds)
        assert Packer(moment, 0)._received_at == b"\0\0\0\x08" + microseconds.to_bytes(8, "big", signed=True)

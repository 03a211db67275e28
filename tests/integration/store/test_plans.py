"""With 100,000 open trades and as many decisions of the past, each statement reads what is new, due or a symbol's."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Connection, text

from benchmarks.close import AS_OF, DUE, SYMBOLS, build
from benchmarks.database import vacuum
from scorekeeper.metrics.rollups import insert_metrics_line
from scorekeeper.metrics.scorecard import store_scorecards
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.sql import json_rows, raw, statement
from scorekeeper.trades import settle
from tests.conftest import fresh_database
from tests.plans import Node, explain, of_table, rows_read

OPEN = 100_000
# Decided long ago: nearly all that has expired is none of what is undecided, which no column's statistics tell.
PAST = """
INSERT INTO scorekeeper.decision (
    trade_id, content_sha256, source_name, source_line, received_at, symbol, raw_symbol, action, direction, price,
    opened_at, expires_at, version, reference_price, price_suspect, horizon_price, horizon_return_pct, horizon_known_at,
    tracked
)
SELECT
    'past-' || n, sha256(convert_to('past-' || n, 'UTF8')), 's', 1, a.at, 'S' || n % :symbols || '/USDT', 'S', 'HOLD',
    0, 100,
    a.at - interval '1 hour', a.at, 'v1', 100, false, 100, 0, a.at, true
FROM generate_series(1, :rows) AS n
CROSS JOIN LATERAL (SELECT cast(:as_of AS timestamptz) - n * interval '1 minute' AS at) AS a
"""
# Ten of one symbol arrive: they have not been looked at, nor met a price.
ARRIVE = """
WITH fresh AS (
    UPDATE scorekeeper.decision SET reference_price = NULL, price_suspect = NULL, tracked = false
    WHERE trade_id IN (
        SELECT trade_id FROM scorekeeper.trade WHERE symbol = 'S7/USDT' AND due_at > :later ORDER BY trade_id LIMIT 10
    )
    RETURNING trade_id
)
UPDATE scorekeeper.trade AS t SET scanned = false FROM fresh WHERE t.trade_id = fresh.trade_id
"""
NEW = 10
# So many of all symbols at once that the statistics, which are of before, know nothing of them.
BURST = """
WITH fresh AS (
    UPDATE scorekeeper.decision SET reference_price = NULL, price_suspect = NULL, tracked = false
    WHERE trade_id IN (SELECT trade_id FROM scorekeeper.trade WHERE due_at > :later ORDER BY trade_id LIMIT 5000)
    RETURNING trade_id
)
UPDATE scorekeeper.trade AS t SET scanned = false FROM fresh WHERE t.trade_id = fresh.trade_id
"""
SAID = """
INSERT INTO scorekeeper.agent_signal (trade_id, agent, ordinal, signal, direction, confidence)
SELECT trade_id, 'Agent', 0, 'BUY', 1, 70 FROM scorekeeper.decision WHERE trade_id LIKE 'past-%'
"""


# Every decision of the past has asked for a close, some by name; of what is new one names a trade, one asks for a side.
ASKED = """
INSERT INTO scorekeeper.exit_request (trade_id, symbol, version, side, asked_at, closes, given_id, known_at)
SELECT
    d.trade_id, d.symbol, d.version, n % 3 - 1, d.opened_at, CASE WHEN n % 4 = 1 THEN ARRAY['t' || n] END,
    CASE WHEN n % 4 = 2 THEN 't' || n END, d.opened_at
FROM scorekeeper.decision AS d CROSS JOIN LATERAL (SELECT cast(substr(d.trade_id, 6) AS integer) AS n) AS x
WHERE d.trade_id LIKE 'past-%'
"""
ASK = """
UPDATE scorekeeper.exit_request AS e SET
    known_at = NULL, symbol = a.symbol, side = a.side, closes = a.closes, given_id = NULL,
    asked_at = cast(:as_of AS timestamptz) - interval '1 minute'
FROM (
    SELECT 'past-1' AS trade_id, min(symbol) AS symbol, 0 AS side, ARRAY[min(trade_id)] AS closes
    FROM scorekeeper.trade WHERE symbol = 'S8/USDT'
    UNION ALL VALUES ('past-2', 'S9/USDT', 1, cast(NULL AS text[]))
) AS a
WHERE e.trade_id = a.trade_id
"""
OF_A_SIDE = """
SELECT count(*) FROM scorekeeper.trade WHERE symbol = 'S9/USDT' AND direction = 1 AND opened_at < :at
"""


CLOSE_ALL = """
UPDATE scorekeeper.trade SET
    exit_time = opened_at + interval '1 minute', exit_price = entry_price, exit_reason = 'manual',
    exit_known_at = opened_at + interval '5 minutes', price_source = 'market', ambiguous_exit = false, pnl_pct = 0,
    net_pnl_pct = 0, mfe_pct = 0, mae_pct = 0
"""
OUTCOMES = """
INSERT INTO scorekeeper.event (kind, trade_id)
SELECT 'outcome', t.trade_id
FROM (SELECT trade_id, row_number() OVER (ORDER BY trade_id) AS place FROM scorekeeper.trade) AS t
WHERE t.place BETWEEN :first AND :last ORDER BY t.place
"""
DECIDED = "INSERT INTO scorekeeper.event (kind, trade_id) SELECT 'decision', trade_id FROM scorekeeper.trade"
# Trades that closed in this transaction, of which no statistics know yet, with their horizons.
JUST_CLOSED = """
WITH closed AS (
    INSERT INTO scorekeeper.event (kind, trade_id, horizon_known)
    SELECT 'outcome', trade_id, true FROM scorekeeper.trade ORDER BY trade_id LIMIT :last
    RETURNING trade_id
)
INSERT INTO settled_decision SELECT trade_id FROM closed
"""
# A row for each of many days: the least that a rollup holds of one.
ROLLED_UP = {
    "daily_score": """
INSERT INTO scorekeeper.daily_score
SELECT (r).* FROM (
    SELECT jsonb_populate_record(NULL::scorekeeper.daily_score, z.zeros || jsonb_build_object(
        'day', date '2020-01-01' + n, 'after_fees', basis, 'trades', 1, 'path_high_at', now(), 'first_exit_at', now()
    )) AS r
    FROM generate_series(1, 5000) AS n CROSS JOIN (VALUES (false), (true)) AS b (basis)
    CROSS JOIN (
        SELECT jsonb_object_agg(attname, 0) AS zeros FROM pg_attribute
        WHERE attrelid = 'scorekeeper.daily_score'::regclass AND attnum > 0
            AND attname NOT IN ('version', 'symbol', 'day', 'after_fees', 'path_high_at', 'first_exit_at')
    ) AS z
) AS made
""",
    "agent_daily_score": """
INSERT INTO scorekeeper.agent_daily_score
SELECT (r).* FROM (
    SELECT jsonb_populate_record(NULL::scorekeeper.agent_daily_score, z.zeros || jsonb_build_object(
        'day', date '2020-01-01' + n, 'agent', 'A', 'signals', 1
    )) AS r
    FROM generate_series(1, 5000) AS n
    CROSS JOIN (
        SELECT jsonb_object_agg(
            attname, CASE WHEN attname LIKE 'bin\\_%' THEN to_jsonb(array_fill(0, ARRAY[10])) ELSE to_jsonb(0) END
        ) AS zeros
        FROM pg_attribute
        WHERE attrelid = 'scorekeeper.agent_daily_score'::regclass AND attnum > 0
            AND attname NOT IN ('version', 'symbol', 'day', 'agent')
    ) AS z
) AS made
""",
}

# The same days again of a version, and of symbols of all and of it.
IN_OTHER_SCOPES = """
INSERT INTO scorekeeper.{table}
SELECT (jsonb_populate_record(r, jsonb_build_object('version', v.version, 'symbol', s.symbol))).*
FROM scorekeeper.{table} AS r
CROSS JOIN (VALUES (null), ('v1')) AS v (version)
CROSS JOIN (VALUES (null), ('A'), ('B'), ('C')) AS s (symbol)
WHERE v.version IS NOT NULL OR s.symbol IS NOT NULL
"""


KEPT = """
INSERT INTO scorekeeper.scorecard (version, as_of, answer, before_day, before)
VALUES ('v1', now(), '{}', :before, '{}')
"""


@pytest.fixture(scope="module")
def crowd(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database for all tests of this module, which roll back what they do."""
    home: Path = tmp_path_factory.mktemp("crowd")
    with fresh_database(cluster) as url, open_database(url, home) as db:
        build(db, OPEN, Console(quiet=True))
        with db.begin() as connection:
            connection.execute(text(PAST), {"as_of": AS_OF, "symbols": SYMBOLS, "rows": OPEN})
            connection.execute(text(ARRIVE), {"later": AS_OF})
        vacuum(db)
        yield db


@pytest.fixture
def connection(crowd: Database) -> Iterator[Connection]:
    with crowd.engine.connect() as connection:
        settle.open_settlement(connection)
        yield connection
        connection.rollback()
    with crowd.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tidy:
        # A plan depends on the room that rows which were rolled back still take.
        tidy.execute(text("VACUUM scorekeeper.daily_score, scorekeeper.agent_daily_score"))


def indexes(plan: list[Node], table: str) -> set[str]:
    """The indexes by which a table was read, and by them alone."""
    assert "Seq Scan" not in {node["Node Type"] for node in of_table(plan, table)}
    return {node["Index Name"] for node in plan if node.get("Index Name", "").startswith(f"{table}_")}


def most_read(plan: list[Node], table: str) -> float:
    return max(rows_read(node) for node in of_table(plan, table))


def count(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def meet_prices(connection: Connection) -> None:
    """As settle does before it closes."""
    given = {"as_of": AS_OF, "suspect_price_pct": 5, "asked": "[]"}
    connection.execute(statement("trades/set_reference_prices"), given)


def test_closing_reads_the_trades_that_the_new_candles_touch_and_no_other(connection: Connection) -> None:
    meet_prices(connection)
    plan = explain(connection, "trades/close_due_trades", as_of=AS_OF)
    assert count(connection, "settled_trade") == DUE
    lookups = {f"trade_{side}_{what}" for side in ("long", "short") for what in ("stop", "target", "best", "trailing")}
    assert indexes(plan, "trade") == {"trade_pkey", "trade_unscanned", "trade_due", "trade_signalled", *lookups}
    assert most_read(plan, "trade") <= DUE + NEW
    assert sum(rows_read(node) for node in of_table(plan, "trade")) <= 3 * (DUE + NEW)  # found, read, written
    assert indexes(plan, "decision") == {"decision_pkey"}
    assert most_read(plan, "decision") <= DUE + NEW


def test_exits_read_what_new_decisions_ask_for_and_what_has_just_arrived(connection: Connection) -> None:
    connection.execute(text(ASKED))
    connection.execute(text(ASK), {"as_of": AS_OF})
    connection.execute(text("ANALYZE scorekeeper.exit_request"))
    of_a_side = connection.execute(text(OF_A_SIDE), {"at": AS_OF - timedelta(minutes=1)}).scalar_one()
    plan = explain(connection, "trades/match_exits", as_of=AS_OF, settles=True)
    assert count(connection, "scorekeeper.trade WHERE signal_id = 'past-1'") == 1
    found = 1 + of_a_side + NEW
    assert indexes(plan, "trade") <= {"trade_pkey", "trade_unscanned", "trade_open_side", "trade_by_signal"}
    assert most_read(plan, "trade") <= found
    assert "Seq Scan" not in {node["Node Type"] for node in of_table(plan, "exit_request")}
    assert most_read(plan, "exit_request") <= 2 * found


def test_closing_reads_only_newly_sealed_candles_and_those_of_its_trades(connection: Connection) -> None:
    meet_prices(connection)
    plan = explain(connection, "trades/close_due_trades", as_of=AS_OF)
    candles = of_table(plan, "candle_2026")
    assert {node["Node Type"] for node in candles} == {"Index Scan"}
    assert min(rows_read(node) for node in candles if node["Actual Loops"] == SYMBOLS) == SYMBOLS
    assert max(rows_read(node) / node["Actual Loops"] for node in candles) <= 60


def test_what_arrives_late_has_its_whole_past_looked_through_once(connection: Connection) -> None:
    def arrivals_read() -> float:
        plan = explain(connection, "trades/close_due_trades", as_of=AS_OF)
        return sum(rows_read(node) for node in plan if node.get("Index Name") == "trade_unscanned")

    meet_prices(connection)
    assert arrivals_read() == NEW
    connection.execute(text(raw("trades/advance_settled")))
    assert arrivals_read() == 0
    plan = explain(connection, "trades/close_due_trades", as_of=AS_OF)
    assert of_table(plan, "candle_2026") == []


def test_what_is_known_of_a_batch_is_looked_up_and_nothing_else_is_read(connection: Connection) -> None:
    some = connection.execute(text("SELECT trade_id, content_sha256 FROM scorekeeper.decision LIMIT 5000")).mappings()
    batch = [{"place": place} | dict(row) for place, row in enumerate(some, 1)]
    plan = explain(connection, "inbox/select_standing_decisions", rows=json_rows(batch))
    assert indexes(plan, "decision") == {"decision_pkey", "decision_longer"}  # the latter has the few longer ids alone
    assert most_read(plan, "decision") == len(batch) == 5_000


def test_horizon_returns_read_what_has_just_expired(connection: Connection) -> None:
    plan = explain(connection, "trades/set_horizon_returns", as_of=AS_OF)
    assert count(connection, "settled_decision") == SYMBOLS
    assert indexes(plan, "decision") == {"decision_undecided", "decision_pkey"}
    assert most_read(plan, "decision") <= SYMBOLS


def test_reference_prices_read_what_has_just_arrived(connection: Connection) -> None:
    plan = explain(connection, "trades/set_reference_prices", as_of=AS_OF, suspect_price_pct=5, asked="[]")
    assert indexes(plan, "decision") == {"decision_unreferenced", "decision_untracked", "decision_pkey"}
    assert most_read(plan, "decision") == NEW


def test_a_burst_that_no_statistics_know_of_is_not_compared_with_itself_row_by_row(connection: Connection) -> None:
    connection.execute(text(BURST), {"later": AS_OF})
    plan = explain(connection, "trades/set_reference_prices", as_of=AS_OF, suspect_price_pct=5, asked="[]")
    assert max(rows_read(node) for node in plan if node["Node Type"] == "CTE Scan") <= 2 * 5_000


def test_the_line_of_each_horizon_is_looked_up_by_itself(connection: Connection) -> None:
    connection.execute(text(DECIDED))
    connection.execute(text("ANALYZE scorekeeper.event"))
    connection.execute(text(JUST_CLOSED), {"last": 5_000})
    plan = explain(connection, "trades/insert_horizon_events")
    assert indexes(plan, "event") == {"event_once"}
    assert sum(rows_read(node) for node in of_table(plan, "event")) == 5_000


def test_the_symbols_to_fetch_are_found_in_a_step_each(connection: Connection) -> None:
    plan = explain(connection, "trades/select_symbols_to_fetch", as_of=AS_OF)
    assert of_table(plan, "trade") == []
    assert indexes(plan, "decision") == {"decision_undecided", "decision_unreferenced"}
    assert most_read(plan, "decision") <= SYMBOLS + 1  # the step that finds no next one


def test_marking_reads_one_index_once_and_no_decision(connection: Connection) -> None:
    plan = explain(connection, "trades/mark_open_trades", as_of=AS_OF)
    assert of_table(plan, "decision") == []
    trades = of_table(plan, "trade")
    assert {(node["Node Type"], node["Index Name"]) for node in trades} == {("Index Only Scan", "trade_marking")}
    assert sum(rows_read(node) for node in trades) <= OPEN + 2 * SYMBOLS


def test_scoring_what_agents_said_reads_the_decisions_of_the_day(connection: Connection) -> None:
    connection.execute(text(SAID))
    connection.execute(text("ANALYZE scorekeeper.agent_signal"))
    day = AS_OF.replace(hour=0) - timedelta(days=10)
    known = {"days": [day.date()], "since": day, "until": day + timedelta(days=1), "as_of": AS_OF}
    plan = explain(connection, "metrics/score_agent_days", **known)
    assert indexes(plan, "decision") == {"decision_by_expiry_day"}
    assert most_read(plan, "decision") == 24 * 60
    assert indexes(plan, "agent_signal") == {"agent_signal_pkey"}
    assert most_read(plan, "agent_signal") == 24 * 60
    days = [day.date() - timedelta(days=ago) for ago in range(1, 31)]
    known |= {"days": days, "since": day - timedelta(days=30), "until": day}
    plan = explain(connection, "metrics/score_agent_days", **known)
    compared = sum(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"] for node in plan)
    assert compared < len(days) * 24 * 60  # not each with each day


@pytest.mark.parametrize(("table", "rows"), [("daily_score", 2), ("agent_daily_score", 1)])
def test_a_days_rollup_is_made_again_without_reading_the_other_days(
    connection: Connection, table: str, rows: int
) -> None:
    connection.execute(text(ROLLED_UP[table]))
    connection.execute(text(f"ANALYZE scorekeeper.{table}"))
    connection.execute(text("INSERT INTO scorekeeper.scorecard (as_of, answer) VALUES (now(), '{}')"))
    days = [AS_OF.date() - timedelta(days=700)]
    for name in ("metrics/mark_scorecards_outdated", f"metrics/delete_{table}s"):
        plan = explain(connection, name, days=days, agent_days=days)
        assert most_read(plan, table) == rows


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("metrics/select_daily_scores", "daily_score"),
        ("metrics/sum_days", "daily_score"),
        ("metrics/select_lowest_day_sums", "daily_score"),
        ("metrics/select_agent_daily_scores", "agent_daily_score"),
    ],
)
def test_the_days_of_a_scope_are_read_and_no_others(
    connection: Connection, name: str, table: str, version: str | None
) -> None:
    connection.execute(text(ROLLED_UP[table]))
    connection.execute(text(IN_OTHER_SCOPES.format(table=table)))
    connection.execute(text(f"ANALYZE scorekeeper.{table}"))
    scope = {"version": version, "symbol": None, "after_fees": False}
    plan = explain(connection, name, **scope, from_day=None, to_day=None, all_days=True, most=5_000)
    assert most_read(plan, table) == 5_000
    assert "Seq Scan" not in {node["Node Type"] for node in of_table(plan, table)}


@pytest.mark.parametrize("table", ["daily_score", "agent_daily_score"])
def test_of_the_days_of_a_scope_the_last_ones_are_read_alone(connection: Connection, table: str) -> None:
    connection.execute(text(ROLLED_UP[table]))
    connection.execute(text(IN_OTHER_SCOPES.format(table=table)))
    connection.execute(text(f"ANALYZE scorekeeper.{table}"))
    last = date(2020, 1, 1) + timedelta(days=5_000)
    scope = {"version": "v1", "symbol": None, "after_fees": False}
    plan = explain(connection, f"metrics/select_{table}s", **scope, from_day=last - timedelta(days=7), to_day=None)
    assert most_read(plan, table) == 8
    if table == "daily_score":
        connection.execute(text("UPDATE scorekeeper.daily_score SET sum_pct = day - date '2020-01-01'"))
        # One more than asked for: it might equal the last one.
        assert most_read(explain(connection, "metrics/select_lowest_day_sums", **scope, most=251), table) == 252
        connection.execute(text(KEPT), {"before": last - timedelta(days=7)})
        assert most_read(explain(connection, "metrics/sum_days", **scope, all_days=False), table) == 8


def test_composing_reads_few_more_days_behind_many_than_behind_few(connection: Connection) -> None:
    connection.execute(text(ROLLED_UP["daily_score"]))
    gain = "day - date '2020-01-01'"
    connection.execute(
        text(f"UPDATE scorekeeper.daily_score SET sum_pct = {gain}, sum_squares = ({gain}) * ({gain})")
    )
    connection.execute(text(IN_OTHER_SCOPES.format(table="daily_score")))

    def read() -> int:
        found = text(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'daily_score'"
        )
        return int(connection.execute(found).scalar_one())

    def days_read() -> int:
        connection.execute(text("ANALYZE scorekeeper.daily_score"))
        store_scorecards(connection, AS_OF, from_scratch=True)
        connection.execute(text("UPDATE scorekeeper.scorecard SET outdated = true"))
        before = read()
        store_scorecards(connection, AS_OF)
        insert_metrics_line(connection, AS_OF, None)
        return read() - before

    many = days_read()
    connection.execute(text("DELETE FROM scorekeeper.daily_score WHERE day > date '2020-01-01' + 500"))
    few = days_read()
    # Of all and of the version, on both bases: a twentieth of the 4,500 other days, whose tail it is.
    assert 0 < many - few <= 2 * 2 * 4_500 / 20


def test_versions_with_news_are_found_by_the_events_since_the_last_line(connection: Connection) -> None:
    connection.execute(text(CLOSE_ALL))
    connection.execute(text(OUTCOMES), {"first": 1, "last": OPEN - NEW})
    connection.execute(text("INSERT INTO scorekeeper.event (kind, log_line) VALUES ('metrics', 'a line')"))
    connection.execute(text("ANALYZE scorekeeper.event, scorekeeper.trade"))
    connection.execute(text(OUTCOMES), {"first": OPEN - NEW + 1, "last": OPEN})
    last = explain(connection, "metrics/select_last_metrics_event")
    assert most_read(last, "event") == 1
    after = connection.execute(statement("metrics/select_last_metrics_event")).scalar_one()
    plan = explain(connection, "metrics/select_versions_to_report", as_of=AS_OF, after=after)
    assert most_read(plan, "event") == NEW
    assert most_read(plan, "trade") <= NEW

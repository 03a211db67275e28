"""With a history of closed trades each page reads what it shows; and a reader's rights are enough for all of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql
from rich.console import Console
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from benchmarks.database import address
from benchmarks.score import AS_OF, fill_history, score_all
from dashboard.data.agents import read_agent_days, read_agreement, read_tenths
from dashboard.data.answer import moments, parameters, read_answer
from dashboard.data.calendar import read_days
from dashboard.data.filters import Filters
from dashboard.data.health import read_alerts, read_checks, read_coverage, read_rejections, read_status
from dashboard.data.learned import read_learned, read_observed, read_weights
from dashboard.data.lists import DECISIONS, OPEN, TRADES, read_decisions, read_open_trades, read_trades
from dashboard.data.monitored import read_monitored
from dashboard.data.overview import read_analysis, read_equity, read_scope
from dashboard.data.parts import read_agent_parts, read_parts
from dashboard.data.token import begin_read, read_token
from dashboard.data.trade import read_trade
from dashboard.data.versions import read_versions
from scorekeeper.errors import ScorekeeperError
from scorekeeper.metrics.breakdown import Breakdown
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.sql import raw
from tests.conftest import fresh_database
from tests.learned_rows import insert_learned
from tests.plans import explain, of_table, rows_read

TRADES_THERE = 20_000
PAGE = 50
# A page's rows, and those that were passed over on the way: of ten symbols and two versions.
FEW = 20 * PAGE


@pytest.fixture(scope="module")
def history(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Twenty days of closed trades, scored; with the three roles."""
    folder = tmp_path_factory.mktemp("history")
    with fresh_database(cluster) as url, open_database(url, folder, migrate=False) as db:
        fill_history(db, TRADES_THERE, Console(quiet=True))
        with db.begin() as connection:
            connection.execute(
                text("INSERT INTO scorekeeper.market VALUES (true, 'replay:m', :at, :at, :at, NULL, :at)"),
                {"at": AS_OF},
            )
            insert_learned(connection, version="learned", with_decisions=False)
        score_all(db)
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE)")
        with psycopg.connect(address(db), autocommit=True) as bare:
            bare.execute(raw("store/roles") + raw("store/grants"))
        yield db
    with psycopg.connect(host=str(cluster.socket_folder), user=embedded.ROLE, dbname="postgres") as admin:
        for role in ("scorekeeper_owner", "scorekeeper_writer", "scorekeeper_reader"):
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def reading(history: Database) -> Iterator[Connection]:
    """A transaction as a page has it, by the rights of the reader."""
    with history.engine.connect() as connection, connection.begin():
        begin_read(connection)
        connection.exec_driver_sql("SET LOCAL ROLE scorekeeper_reader")
        yield connection


def page_of(listing: Any, filters: Filters, **more: Any) -> dict[str, Any]:
    """What the statement of a list's page takes."""
    sort = filters.sort or next(iter(listing.sorts))
    return {
        **parameters(filters), **moments(filters, AS_OF), **{name: getattr(filters, name) for name in listing.known},
        "after_fees": filters.after_fees, "sort": sort, "descending": listing.sorts[sort] == "desc", "after_id": None,
        "after_at": None, "after_value": None, "after_text": None, "most": PAGE + 1, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "more"),
    [
        (Filters(), {}),
        (Filters(version="v1"), {}),
        (Filters(symbol="S3/USDT"), {}),
        (Filters(version="v1", symbol="S3/USDT", side="long"), {}),
        (Filters(sort="pnl_pct"), {}),
        (Filters(sort="pnl_pct", fees="net"), {"sort": "net_pnl_pct"}),
        (Filters(), {"after_at": AS_OF - timedelta(days=9), "after_id": "z"}),
        (Filters(since=AS_OF - timedelta(days=9), until=AS_OF - timedelta(days=8)), {}),
        (Filters(as_of=AS_OF - timedelta(days=9)), {}),
    ],
    ids=["all", "version", "symbol", "filtered", "by P&L", "by P&L after fees", "deep", "period", "as of"],
)
def test_a_page_of_trades_reads_no_more_than_a_few_of_them(
    reading: Connection, filters: Filters, more: dict[str, Any]
) -> None:
    plan = explain(reading, "dashboard/select_trades", **page_of(TRADES, filters, **more))
    for table in ("trade", "decision"):
        assert sum(map(rows_read, of_table(plan, table))) <= FEW, table
    assert filters.as_of or not [node for node in plan if node["Node Type"] == "Sort"]


def test_pages_of_decisions_and_open_trades_and_the_counts_read_few_rows(reading: Connection) -> None:
    filters = Filters()
    asked: dict[str, dict[str, Any]] = {
        "select_decisions": page_of(DECISIONS, filters),
        "select_open_trades": page_of(OPEN, filters),
        "select_counts": {**parameters(filters), **moments(filters, AS_OF)},
        "select_token": {},
        "select_scope": {"most": 500},
        "select_last_as_of": {},
    }
    for name, given in asked.items():
        plan = explain(reading, f"dashboard/{name}", **given)
        for table in ("trade", "decision", "agent_signal", "event"):
            assert sum(map(rows_read, of_table(plan, table))) <= FEW, (name, table)


def test_an_earlier_moment_reads_the_rollups_and_a_day_of_rows(reading: Connection) -> None:
    at = AS_OF - timedelta(days=9)
    begin = at.replace(hour=0, minute=0)
    given = {**parameters(Filters(as_of=at)), "since": begin, "until": None, "by": None}
    plan = explain(reading, "dashboard/count_days", **given)
    assert sum(map(rows_read, of_table(plan, "trade"))) <= 1_100


def test_a_readers_rights_are_enough_for_every_page_and_for_nothing_else(reading: Connection) -> None:
    trade = read_trades(reading, Filters()).rows[0]
    for filters in (Filters(), Filters(version="v1", as_of=AS_OF - timedelta(days=3)), Filters(suspect="yes")):
        answer = read_answer(reading, filters, Breakdown.SIDE)
        assert answer["completed_trades"] > 5_000
        assert set(answer["agent_performance"]) == {f"Agent{n}" for n in range(5)}
        assert read_equity(reading, filters)[-1].level == pytest.approx(answer["total_pnl_pct"])
        assert sum(day.trades for day in read_days(reading, filters)) == answer["completed_trades"]
        assert read_decisions(reading, filters).rows
        assert read_open_trades(reading, filters).count == answer["active_trades"]
        assert read_tenths(reading, filters, "Agent1")
        assert read_agent_days(reading, filters, "Agent1")
        assert read_agreement(reading, filters)
        assert len(read_parts(reading, filters, Breakdown.HOUR)) == 24
        assert read_agent_parts(reading, filters, Breakdown.HOUR, "Agent1")
        assert read_analysis(reading, filters) is None
    assert read_trade(reading, Filters(), trade.trade_id) is not None
    assert read_versions(reading, Filters()).pairs == []
    assert read_scope(reading).versions == ["v0", "v1"]
    assert read_status(reading, exact=True).closed_trades == TRADES_THERE
    assert read_checks(reading, AS_OF, exact=True)
    assert (read_alerts(reading), read_rejections(reading), read_coverage(reading)) == ([], [], [])
    learned = read_learned(reading, Filters(), 10.0)
    assert learned is not None
    assert (learned.version, len(learned.agents), len(learned.blocks)) == ("learned", 3, 36)
    assert read_observed(reading, learned, Filters()) == {}
    assert set(read_weights(reading, learned)) == {one.agent for one in learned.agents}
    assert len(read_token(reading)) == 32
    with pytest.raises((DBAPIError, ScorekeeperError)), reading.begin_nested():
        reading.exec_driver_sql("SELECT count(*) FROM scorekeeper.trade")
    with pytest.raises((DBAPIError, ScorekeeperError)), reading.begin_nested():
        reading.exec_driver_sql("CREATE TABLE scorekeeper.mine (x int)")


def test_every_commit_that_a_page_could_show_changes_the_token(history: Database) -> None:
    seen = set()
    changes = (
        "UPDATE scorekeeper.market SET last_as_of = last_as_of + interval '1 minute'",
        "INSERT INTO scorekeeper.event (kind, trade_id) SELECT 'decision', min(trade_id) FROM scorekeeper.decision",
        "INSERT INTO scorekeeper.alert (name, subject, begun_at) VALUES ('a', '', now())",
        "INSERT INTO scorekeeper.analysis (as_of, document) VALUES (now(), '{}')",
        "INSERT INTO scorekeeper.stale_day VALUES ('system', '2025-01-01')",
        "INSERT INTO scorekeeper.learning_progress VALUES ('v1', '2025-05-02', '2025-05-02', 4, '2025-05-01')",
        "INSERT INTO scorekeeper.stale_learning VALUES ('v1', '2025-05-01')",
        "INSERT INTO scorekeeper.price_trouble VALUES ('S1/USDT', 'failed', 'no answer', now())",
        "UPDATE scorekeeper.decision SET tracked = false WHERE trade_id = 'old-00000001'",
    )
    with history.engine.connect() as connection, connection.begin() as transaction:
        seen.add(read_token(connection))
        for number, change in enumerate(changes, 2):
            connection.exec_driver_sql(change)
            seen.add(read_token(connection))
            assert len(seen) == number, change
        assert read_token(connection) in seen
        transaction.rollback()


def test_what_monitoring_reads_does_not_grow_with_history(reading: Connection) -> None:
    seen = read_monitored(reading)  # by the reader's rights
    assert seen.last_as_of == AS_OF
    asked = {"select_monitored": {"most": FEW}, "select_monitored_symbols": {"most": FEW}}
    names = ("select_activity", "select_alert_counts", "select_waiting_files", "select_published_lines")
    for name in (*asked, *names, "select_monitored_score"):
        plan = explain(reading, f"dashboard/{name}", **asked.get(name, {}))
        for table in ("trade", "decision", "agent_signal", "event", "candle", "equity", "file_arrival", "daily_score"):
            assert sum(map(rows_read, of_table(plan, table))) <= FEW, (name, table)

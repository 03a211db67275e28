"""Several systems in one database: each has a schema, locks and roles of its own, and sees nothing of the others."""

import re
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text

from dashboard.data.monitored import read_monitored_systems
from dashboard.data.systems import NOT_THERE, read_systems
from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.locks import Lock, hold, lock
from scorekeeper.operations.move_database import move_database
from scorekeeper.store.binaries import ROLE
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.migrate import current_version, migrate_to, newest_version
from scorekeeper.store.sql import SQL_FOLDER, raw
from scorekeeper.store.systems import first_lock, in_system
from tests.integration.store.test_schema import describe

INSERT = (
    "INSERT INTO scorekeeper.decision (trade_id, content_sha256, source_name, source_line, received_at, symbol,"
    " raw_symbol, action, direction, price, opened_at, expires_at, version) VALUES (:id, '', 's', 1, now(),"
    " 'A/B', 'A/B', 'BUY', 1, 1, now(), now() + interval '1 hour', 'v')"
)
COUNT = "SELECT count(*) FROM scorekeeper.decision"
HELD = (
    "SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
    " WHERE l.pid = pg_backend_pid() AND c.relnamespace::regnamespace::text ~ '^scorekeeper'"
)


def test_no_statement_keeps_a_name_of_the_default_system() -> None:
    kept = re.compile(r"\bscorekeeper\b(?!/)|\bscorekeeper_(owner|writer|reader|version)\b")
    for path in sorted(SQL_FOLDER.rglob("*.sql")):
        code = re.sub(r"--.*", "", in_system(path.read_text(encoding="utf-8"), "alpha"))
        assert [line for line in code.splitlines() if kept.search(line)] == [], path.name


@pytest.mark.parametrize(
    "name", ["Alpha", "a-b", "1a", "metrics", "a" * 41, 'a"; DROP SCHEMA scorekeeper; --', "a.b", "é"]
)
def test_a_name_that_could_be_sql_or_an_address_is_refused(name: str, database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ScorekeeperError, match="no name of a system"):
        open_database(database_url, tmp_path, system=name)


def test_systems_share_a_database_and_nothing_in_it(db: Database, database_url: str, tmp_path: Path) -> None:
    longest = "z" * 40
    with (
        open_database(database_url, tmp_path, system="alpha") as alpha,
        open_database(database_url, tmp_path, system=longest) as beta,
    ):
        for database, times in ((db, 1), (alpha, 2), (beta, 3)):
            with database.begin() as connection:
                for number in range(times):
                    connection.execute(text(INSERT), {"id": f"scorekeeper.trade-{number}"})
        for database, times in ((db, 1), (alpha, 2), (beta, 3)):
            with database.begin() as connection:
                assert connection.execute(text(COUNT)).scalar() == times
                # What a value says is left alone.
                said = connection.exec_driver_sql("SELECT max(trade_id) FROM scorekeeper.decision").scalar()
                assert said == f"scorekeeper.trade-{times - 1}"
            driver = database.open_driver()
            with driver:
                table = sql.Identifier("scorekeeper", "decision")
                composed = sql.SQL("SELECT {}, count(*) FROM {}").format("scorekeeper.x", table)
                assert driver.execute(composed).fetchone() == ("scorekeeper.x", times)
                with driver.cursor().copy("COPY scorekeeper.decision (trade_id) TO STDOUT") as copy:
                    assert len(list(copy.rows())) == times
                with driver.cursor("held") as held:
                    assert len(held.execute("SELECT FROM scorekeeper.decision").fetchall()) == times
            with database.snapshot("scorekeeper.candle") as connection:
                streaming = connection.execution_options(stream_results=True)
                assert streaming.execute(text(COUNT)).scalar() == times
        with alpha.engine.connect() as connection:
            theirs = describe(connection)
            connection.rollback()
            with db.engine.connect() as other:
                assert theirs.replace("scorekeeper_alpha.", "") == describe(other).replace("scorekeeper.", "")
            migrate_to(connection, "base")
            assert current_version(connection) is None
        for database, times in ((db, 1), (beta, 3)):  # what one system drops, the others keep
            with database.begin() as connection:
                assert connection.execute(text(COUNT)).scalar() == times
                assert current_version(connection) == newest_version()


def test_a_lock_of_one_system_holds_up_no_other(db: Database, database_url: str, tmp_path: Path) -> None:
    with (
        open_database(database_url, tmp_path, system="alpha", migrate=False) as alpha,
        hold(db.engine, Lock.INGEST), alpha.begin() as theirs,
    ):  # fmt: skip
        theirs.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        lock(theirs, Lock.INGEST, Lock.SETTLE)
        with alpha.begin() as third:
            taken = third.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({int(Lock.SETTLE)})").scalar()
            assert taken is False
    assert (first_lock(""), first_lock("alpha") == first_lock("beta")) == (0, False)
    assert all(first_lock(f"s{n}") + max(Lock) < 2**63 for n in range(1_000))


def test_one_system_moves_to_another_server(db: Database, other_db: Database, tmp_path: Path) -> None:
    ours, theirs = (one.engine.url.render_as_string(hide_password=False) for one in (db, other_db))
    with open_database(ours, tmp_path, system="alpha") as alpha:
        with alpha.begin() as connection:
            connection.execute(text(INSERT), {"id": "one"})
        assert move_database(alpha, theirs, tmp_path) == 1
    with open_database(theirs, tmp_path, system="alpha") as moved, moved.begin() as connection:
        assert connection.execute(text(COUNT)).scalar() == 1
    with other_db.begin() as connection:
        assert connection.execute(text(COUNT)).scalar() == 0


def test_the_roles_of_a_system_see_that_system_alone(db: Database, database_url: str, tmp_path: Path) -> None:
    host = str(db.engine.url.query["host"])
    names = ("alpha", "beta")
    roles = [f"scorekeeper_{name}_{part}" for name in names for part in ("owner", "writer", "reader")]
    with (
        open_database(database_url, tmp_path, system="alpha") as alpha,
        open_database(database_url, tmp_path, system="beta") as beta,
        psycopg.connect(host=host, user=ROLE, dbname=db.engine.url.database, autocommit=True) as admin,
    ):
        try:
            for name in names:
                for _ in range(2):  # it may be repeated
                    admin.execute(in_system(raw("store/roles") + raw("store/grants"), name))
            for database, ours, other in ((alpha, "alpha", "beta"), (beta, "beta", "alpha")):
                with database.begin() as connection:
                    connection.exec_driver_sql(f"SET LOCAL ROLE scorekeeper_{ours}_writer")
                    connection.execute(text(INSERT), {"id": ours})
                    lock(connection, Lock.SETTLE)
                with database.begin() as connection:
                    connection.exec_driver_sql("SET LOCAL ROLE scorekeeper_reader")  # the system's own, by its cursor
                    seen = "SELECT max(trade_id), current_user FROM scorekeeper.report_decisions"
                    assert connection.exec_driver_sql(seen).one() == (ours, f"scorekeeper_{ours}_reader")
                with database.engine.connect() as connection:
                    connection.exec_driver_sql(f"SET ROLE scorekeeper_{ours}_reader")
                    says = rf"scorekeeper_{ours}_writer; if it does, run: scorekeeper roles --system {ours} \|"
                    with pytest.raises(DatabaseError, match=says):
                        connection.exec_driver_sql(COUNT)
                for part, table in (("writer", "decision"), ("reader", "report_decisions"), ("owner", "decision")):
                    admin.execute(f"SET ROLE scorekeeper_{ours}_{part}")
                    for schema in (f"scorekeeper_{other}", "scorekeeper"):
                        with pytest.raises(InsufficientPrivilege):
                            admin.execute(f"SELECT FROM {schema}.{table}")
                    admin.execute("RESET ROLE")
            admin.execute("CREATE ROLE scorekeeper_viewer LOGIN")
            roles.append("scorekeeper_viewer")
            admin.execute("GRANT scorekeeper_alpha_reader, scorekeeper_beta_reader TO scorekeeper_viewer")
            with db.begin() as connection:
                connection.exec_driver_sql("SET LOCAL ROLE scorekeeper_viewer")
                found = read_systems(connection, ["alpha", "beta", "gone"])
                assert [row.trouble for row in found] == ["", "", NOT_THERE]
                looks = read_monitored_systems(connection, ["alpha", "gone"])
                assert (looks["alpha"] is None, looks["gone"]) == (False, None)
                assert connection.exec_driver_sql(HELD).scalar() == 0, "each system's locks are given back"
        finally:
            for role in roles:
                admin.execute(f"DROP OWNED BY {role} CASCADE")
                admin.execute(f"DROP ROLE {role}")

"""The migrations go up and down, and give the schema that was meant."""

import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection

from scorekeeper.errors import ScorekeeperError
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.migrate import current_version, migrate_to, newest_version

MEANT = Path(__file__).with_name("schema.txt")
DESCRIBE = """
SELECT 'column', c.table_name || '.' || c.column_name, c.data_type || CASE c.is_nullable WHEN 'NO' THEN ' not null'
    ELSE '' END || CASE WHEN c.collation_name IS NULL THEN '' ELSE ' collate ' || c.collation_name END
FROM information_schema.columns AS c
WHERE c.table_schema = 'scorekeeper' AND c.table_name !~ '^candle_[0-9]{4}_'
UNION ALL
SELECT 'constraint', r.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint AS k INNER JOIN pg_class AS r ON k.conrelid = r.oid
WHERE k.connamespace = 'scorekeeper'::regnamespace AND k.contype <> 'n' AND r.relname !~ '^candle_[0-9]{4}_'
UNION ALL
SELECT 'index', i.indexname, i.indexdef
FROM pg_indexes AS i
WHERE i.schemaname = 'scorekeeper' AND i.tablename !~ '^candle_[0-9]{4}_'
ORDER BY 1, 2, 3
"""


def describe(connection: Connection) -> str:
    rows = connection.exec_driver_sql(DESCRIBE)
    return "".join(f"{kind} {name}: {what}\n" for kind, name, what in rows)


def test_the_schema_is_the_one_that_was_meant(db: Database) -> None:
    """After a wanted change: look at the difference, then let schema.txt say the new one."""
    with db.begin() as connection:
        assert describe(connection) == MEANT.read_text(encoding="utf-8")


def test_down_leaves_nothing_and_up_again_gives_the_same(db: Database) -> None:
    with db.engine.connect() as connection:
        first = describe(connection)
        connection.rollback()
        migrate_to(connection, "base")
        left = connection.exec_driver_sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'scorekeeper'").scalar()
        assert (left, current_version(connection)) == (0, None)
        connection.rollback()
        migrate_to(connection, "head")
        assert describe(connection) == first
        assert current_version(connection) == newest_version()


def test_every_table_view_and_column_says_what_it_holds(db: Database) -> None:
    with db.begin() as connection:
        silent = connection.exec_driver_sql(
            "SELECT r.relname FROM pg_class AS r WHERE r.relnamespace = 'scorekeeper'::regnamespace "
            "AND r.relkind IN ('r', 'p', 'v') AND r.relname !~ '^candle_[0-9]{4}_' "
            "AND obj_description(r.oid) IS NULL "
            "UNION ALL SELECT r.relname || '.' || a.attname FROM pg_class AS r "
            "INNER JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE r.relnamespace = 'scorekeeper'::regnamespace AND r.relkind IN ('r', 'p') "
            "AND r.relname !~ '^candle_[0-9]{4}_' AND col_description(r.oid, a.attnum) IS NULL"
        )
        assert [row[0] for row in silent] == []


def test_every_constraint_of_ours_has_a_name_that_speaks(db: Database) -> None:
    with db.begin() as connection:
        names = connection.exec_driver_sql(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'scorekeeper'::regnamespace AND contype = 'c'"
        )
        assert [name for (name,) in names if name.endswith("_check") or name[-1].isdigit()] == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE scorekeeper.trade SET exit_price = 1",  # half an exit
        "UPDATE scorekeeper.trade SET stop_loss = entry_price",
        "UPDATE scorekeeper.trade SET trailing_stop_pct = 100, best_price = entry_price",
        "UPDATE scorekeeper.trade SET trailing_stop_pct = 1",  # trailing behind nothing
        "UPDATE scorekeeper.trade SET trailing_stop_pct = 1, best_price = entry_price / 2",
        "UPDATE scorekeeper.decision SET trailing_stop_pct = 'NaN'",
        "UPDATE scorekeeper.decision SET price = 'NaN'",
        "UPDATE scorekeeper.decision SET confidence = 101",
        "UPDATE scorekeeper.decision SET voided_at = now()",
        "INSERT INTO scorekeeper.market (name, bound_at, begun_as_of, only_row) VALUES ('x', now(), now(), false)",
    ],
)
def test_the_database_itself_refuses_what_cannot_be(db: Database, change: str) -> None:
    with db.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO scorekeeper.decision (trade_id, content_sha256, source_name, source_line, received_at, symbol,"
            " raw_symbol, action, direction, price, opened_at, expires_at, version) VALUES ('t', '', 's', 1, now(),"
            " 'A/B', 'A/B', 'BUY', 1, 1, now(), now() + interval '1 hour', 'v')"
        )
        connection.exec_driver_sql(
            "INSERT INTO scorekeeper.trade (trade_id, symbol, version, direction, entry_price, opened_at, expires_at,"
            " fee_bps) VALUES ('t', 'A/B', 'v', 1, 1, now(), now() + interval '1 hour', 10)"
        )
    with pytest.raises(Exception, match="violates check constraint"), db.begin() as connection:
        connection.exec_driver_sql(change)


def test_two_that_migrate_at_once_both_succeed(cluster: embedded.Lease, tmp_path: Path) -> None:
    url = cluster.url("empty_one")
    failures: list[BaseException] = []

    def work() -> None:
        try:
            open_database(url, tmp_path).close()
        except BaseException as failed:
            failures.append(failed)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(
        host=str(cluster.socket_folder), user=embedded.ROLE, dbname="postgres", autocommit=True
    ) as admin:
        admin.execute("DROP DATABASE empty_one WITH (FORCE)")
    assert failures == []


def test_a_database_of_a_later_version_is_not_touched(db: Database, database_url: str, tmp_path: Path) -> None:
    with db.begin() as connection:
        connection.exec_driver_sql("UPDATE public.scorekeeper_version SET version_num = '9999'")
    with pytest.raises(ScorekeeperError, match="newer"):
        open_database(database_url, tmp_path)

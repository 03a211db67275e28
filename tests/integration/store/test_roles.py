"""Three roles: each can do its work, and no more, in every month and on every version."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest, quarantine
from scorekeeper.locks import Lock
from scorekeeper.market import sealed_candles
from scorekeeper.metrics import query, score_update
from scorekeeper.operations.prune import prune_candles
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.migrate import migrate_to
from scorekeeper.store.sql import raw
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.run import verify

ROLES = ("scorekeeper_owner", "scorekeeper_writer", "scorekeeper_reader")


@pytest.fixture
def guarded(cluster: embedded.Lease) -> Iterator[str]:
    """An empty database with the three roles, as scorekeeper roles makes them; its address without the user."""
    host = str(cluster.socket_folder)
    with psycopg.connect(host=host, user=embedded.ROLE, dbname="postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE test_roles")
        run_script(host)
        yield f"@/test_roles?host={host}"
        admin.execute("DROP DATABASE test_roles WITH (FORCE)")
        for role in ROLES:
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def run_script(host: str, words: str | None = None) -> None:
    with psycopg.connect(host=host, user=embedded.ROLE, dbname="test_roles", autocommit=True) as connection:
        connection.execute(words or raw("store/roles") + raw("store/grants"))


@pytest.fixture
def let_roles_in(cluster: embedded.Lease) -> Iterator[None]:
    """The test's server takes the word of whoever reaches its socket, so that this user can be each of the roles."""
    hba = cluster.data / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("local test_roles all trust\n" + before)
    reload(cluster)
    yield
    hba.write_text(before)
    reload(cluster)


def reload(cluster: embedded.Lease) -> None:
    with psycopg.connect(host=str(cluster.socket_folder), user=embedded.ROLE, dbname="postgres") as connection:
        connection.execute("SELECT pg_reload_conf()")


def refused(url: str, role: str, *statements: str) -> None:
    for words in statements:
        with (
            psycopg.connect(f"postgresql://{role}{url}", autocommit=True) as connection,
            pytest.raises(errors.InsufficientPrivilege),
        ):
            connection.execute(words)


async def work(db: Database, as_of: datetime) -> None:
    """What the flows do, from the inbox to the published files, over prices of several months."""
    settings = load_settings()
    assert ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6)).decisions == 420
    done = await fetch.fetch_prices(
        db,
        settings,
        as_of,
        now=as_of,
        tell=lambda *_: None,
    )
    assert done.candles > 0
    assert db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5)).closed > 0
    db.transact(lambda c: score_update.update_score(c, as_of))
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert verify(db, settings) == []
    with db.begin() as connection:
        assert query.system_metrics(connection)["completed_trades"] > 0
        assert quarantine.list_quarantined(connection, settings) == []


# What roles did in earlier releases: partitions that were made later had rights of their own.
LEAKY = """
ALTER DEFAULT PRIVILEGES FOR ROLE scorekeeper_owner IN SCHEMA scorekeeper
GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO scorekeeper_writer;
ALTER DEFAULT PRIVILEGES FOR ROLE scorekeeper_owner IN SCHEMA scorekeeper
GRANT EXECUTE ON FUNCTIONS TO scorekeeper_writer;
"""


def check_roles(address: str, admin: Callable[[str], object], tmp_path: Path, as_of: datetime) -> None:
    """Migrate as the owner, work as the writer, read as the reader; `address` follows the user's name."""
    admin(LEAKY)
    with pytest.raises(ScorekeeperError):  # a writer makes no schema
        open_database(f"postgresql://scorekeeper_writer{address}", tmp_path)
    open_database(f"postgresql://scorekeeper_owner{address}", tmp_path).close()
    with open_database(f"postgresql://scorekeeper_writer{address}", tmp_path) as db:  # roles were not run again
        asyncio.run(work(db, as_of))
        check_new_months(db, address)
    for _ in range(2):
        admin(raw("store/roles") + raw("store/grants"))
    with open_database(f"postgresql://scorekeeper_writer{address}", tmp_path) as db:
        check_new_months(db, address)
        assert [line for line in verify(db, load_settings()) if "candles of A/B" not in line] == []
    refused(
        address, "scorekeeper_writer",
        "CREATE TABLE scorekeeper.mine (x int)", "CREATE TABLE public.mine (x int)", "DROP TABLE scorekeeper.trade",
        "ALTER TABLE scorekeeper.trade DROP CONSTRAINT trade_entry_positive", "TRUNCATE scorekeeper.decision CASCADE",
        "UPDATE scorekeeper.candle SET close = 1", "UPDATE scorekeeper.equity SET open_trades = 0",
        *(f"DELETE FROM scorekeeper.{name}" for name in ("candle", "candle_revision", "equity", "decision", "trade")),
        "DELETE FROM scorekeeper.agent_signal", "DELETE FROM scorekeeper.event", "DELETE FROM scorekeeper.market",
        "UPDATE scorekeeper.candle_revision SET close = 1", "UPDATE scorekeeper.agent_signal SET direction = 0",
        "UPDATE public.scorekeeper_version SET version_num = '9'", "CREATE ROLE mine", "CREATE DATABASE mine",
        "COPY scorekeeper.trade TO '/tmp/out'", "SET ROLE scorekeeper_owner", "SELECT lo_create(0)",
        "GRANT scorekeeper_writer TO scorekeeper_reader", "CREATE FUNCTION public.f() RETURNS int RETURN 1",
    )  # fmt: skip
    check_reader(address)


def check_new_months(db: Database, address: str) -> None:
    """The writer makes months and gives them up, and can change nothing that is sealed in any of them."""
    row = "('A/B', '{}-05 00:00Z', 1, 1, 1, 1, 1)"

    def fill(connection: Connection, *months: tuple[int, int]) -> None:
        for year, month in months:
            sealed_candles.ensure_partition(connection, year, month)
            connection.exec_driver_sql(
                f"INSERT INTO scorekeeper.candle VALUES {row.format(f'{year}-{month:02}')} ON CONFLICT DO NOTHING"
            )

    def check(*months: str) -> None:
        for name in (f"scorekeeper.candle_{month}" for month in months):
            refused(
                address, "scorekeeper_writer", f"UPDATE {name} SET close = 1", f"DELETE FROM {name}",
                f"INSERT INTO {name} VALUES {row.format('2031-02')}", f"SELECT FROM {name}", f"DROP TABLE {name}",
                f"TRUNCATE {name}", f"ALTER TABLE scorekeeper.candle DETACH PARTITION {name}",
            )  # fmt: skip
        with db.begin() as connection:
            others = connection.exec_driver_sql(
                "SELECT c.relname, g.grantee::regrole FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS g"
                " WHERE c.relispartition AND c.relkind = 'r' AND g.grantee <> c.relowner"
            )
            assert others.all() == []

    with db.begin() as connection:
        fill(connection, (2024, 1), (2031, 2))
    check("2024_01", "2031_02")
    with pytest.raises(DBAPIError, match="still needed"), db.begin() as connection:
        connection.exec_driver_sql("SELECT scorekeeper.drop_candle_partition(2031, 2)")  # it has yet to come
    with db.begin() as connection:
        lost = connection.exec_driver_sql("SELECT min(opened_at) FROM scorekeeper.decision").scalar_one()
        before = connection.exec_driver_sql("SELECT count(*) FROM scorekeeper.candle").scalar_one()

    def drop_what_is_not_settled() -> None:
        with db.begin() as connection:
            connection.exec_driver_sql("UPDATE scorekeeper.candle_coverage SET settled_until = sealed_from")
            connection.exec_driver_sql(f"SELECT scorekeeper.drop_candle_partition({lost.year}, {lost.month})")

    with pytest.raises(DBAPIError, match="still needed"):
        drop_what_is_not_settled()
    for year, month in ((0, 1), (12345, 1), (2024, 0), (2024, 13), ("NULL", 1)):
        for work in ("ensure", "drop"):
            with pytest.raises(DBAPIError, match="no month of candles"), db.begin() as connection:
                connection.exec_driver_sql(f"SELECT scorekeeper.{work}_candle_partition({year}, {month})")
    assert db.transact(lambda c: prune_candles(c, datetime(2024, 7, 3, tzinfo=UTC), 30)) == ["2024-01"]
    check("2024_08", "2031_02")
    with db.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM scorekeeper.candle").scalar_one() == before - 1


def check_reader(address: str) -> None:
    with psycopg.connect(f"postgresql://scorekeeper_reader{address}") as connection:
        views = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c"
            " WHERE c.relnamespace = 'scorekeeper'::regnamespace AND c.relkind = 'v'"
            " AND starts_with(c.relname, 'report_')"
        ).fetchall()
        assert views
        for (view,) in views:
            connection.execute(f"SELECT count(*) FROM {view}")
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5min",)
    with psycopg.connect(f"postgresql://scorekeeper_owner{address}") as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class AS c"
                " WHERE c.relnamespace = 'scorekeeper'::regnamespace AND c.relkind IN ('r', 'p')"
            )
        ]
    assert any("candle_2" in name for name in tables)
    refused(address, "scorekeeper_reader", *(f"SELECT 1 FROM {name}" for name in tables))
    refused(
        address, "scorekeeper_reader",
        "SELECT scorekeeper.ensure_candle_partition(2030, 1)", "SELECT scorekeeper.drop_candle_partition(2024, 1)",
        "DELETE FROM scorekeeper.report_equity", "BEGIN; LOCK TABLE scorekeeper.report_trades IN SHARE MODE",
        "CREATE TABLE scorekeeper.mine (x int)", "CREATE TABLE public.mine (x int)", "CREATE TEMP TABLE mine (x int)",
        "SELECT pg_read_file('/etc/passwd')", "SELECT 1 FROM public.scorekeeper_version",
        # Flows take turns by these: who holds one keeps track from ever beginning.
        f"SELECT pg_advisory_lock({Lock.SETTLE})", f"SELECT pg_try_advisory_lock({Lock.SETTLE})",
        f"SELECT pg_advisory_xact_lock_shared({Lock.SETTLE})", "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
    )  # fmt: skip


@pytest.mark.usefixtures("let_roles_in")
def test_each_role_does_its_work_and_no_more(
    guarded: str, cluster: embedded.Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    as_of = write_sample(tmp_path / "inbox", tmp_path / "market")
    check_roles(guarded, lambda words: run_script(str(cluster.socket_folder), words), tmp_path, as_of)


@pytest.mark.usefixtures("let_roles_in")
def test_a_migration_takes_back_the_rights_that_leaked_in_earlier_releases(
    guarded: str, cluster: embedded.Lease, tmp_path: Path
) -> None:
    owner = f"postgresql://scorekeeper_owner{guarded}"
    with open_database(owner, tmp_path, migrate=False) as db, db.engine.connect() as connection:
        migrate_to(connection, "0006")
    leaked = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA scorekeeper TO scorekeeper_writer;"
    run_script(str(cluster.socket_folder), LEAKY + leaked)
    partition = "SELECT scorekeeper.ensure_candle_partition(2025, 5)"
    change = "UPDATE scorekeeper.candle_2025_05 SET close = 1"
    with psycopg.connect(f"postgresql://scorekeeper_writer{guarded}") as writer:
        writer.execute(partition)
        writer.execute(change)  # it could
    open_database(owner, tmp_path).close()
    refused(guarded, "scorekeeper_writer", change, "DELETE FROM scorekeeper.candle", "DELETE FROM scorekeeper.equity")
    with open_database(owner, tmp_path) as db, db.engine.connect() as connection:
        migrate_to(connection, "base")  # and down again, as far as it goes
        migrate_to(connection, "head")


def test_a_role_without_a_name_in_the_map_is_refused_by_the_embedded_server(
    guarded: str, cluster: embedded.Lease
) -> None:
    for role in ROLES:
        with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            psycopg.connect(f"postgresql://{role}{guarded}")

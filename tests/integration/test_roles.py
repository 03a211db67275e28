"""Three roles: each can do its work, and no more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

from scorekeeper import fetching, ingest, publish, quarantine, score, settle, verify
from scorekeeper.errors import ScorekeeperError
from scorekeeper.sample import write_sample
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.sql import raw

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


def run_script(host: str) -> None:
    with psycopg.connect(host=host, user=embedded.ROLE, dbname="test_roles", autocommit=True) as connection:
        connection.execute(raw("roles"))


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
    done = await fetching.fetch_prices(db, settings, as_of, now=as_of, tell=lambda *_: None)
    assert done.candles > 0
    assert db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5)).closed > 0
    db.transact(lambda c: settle.conclude(c, as_of))
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)
    assert verify.verify(db, settings) == []
    with db.begin() as connection:
        assert score.system_metrics(connection)["completed_trades"] > 0
        assert quarantine.list_quarantined(connection, settings) == []


@pytest.mark.usefixtures("let_roles_in")
def test_each_role_does_its_work_and_no_more(
    guarded: str, cluster: embedded.Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    as_of = write_sample(tmp_path / "inbox", tmp_path / "market")
    with pytest.raises(ScorekeeperError):  # a writer makes no schema
        open_database(f"postgresql://scorekeeper_writer{guarded}", tmp_path)
    open_database(f"postgresql://scorekeeper_owner{guarded}", tmp_path).close()
    for _ in range(2):
        run_script(str(cluster.socket_folder))

    with open_database(f"postgresql://scorekeeper_writer{guarded}", tmp_path) as db:
        asyncio.run(work(db, as_of))
    refused(
        guarded, "scorekeeper_writer",
        "CREATE TABLE scorekeeper.mine (x int)", "CREATE TABLE public.mine (x int)", "DROP TABLE scorekeeper.trade",
        "ALTER TABLE scorekeeper.trade DROP CONSTRAINT trade_entry_positive", "TRUNCATE scorekeeper.decision CASCADE",
        "UPDATE scorekeeper.candle SET close = 1", "UPDATE scorekeeper.equity SET open_trades = 0",
        "UPDATE public.scorekeeper_version SET version_num = '9'", "CREATE ROLE mine", "CREATE DATABASE mine",
        "COPY scorekeeper.trade TO '/tmp/out'", "SET ROLE scorekeeper_owner",
    )  # fmt: skip

    with psycopg.connect(f"postgresql://scorekeeper_reader{guarded}") as connection:
        views = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class AS c"
            " WHERE c.relnamespace = 'scorekeeper'::regnamespace AND c.relkind = 'v'"
        ).fetchall()
        assert views
        for (view,) in views:
            connection.execute(f"SELECT count(*) FROM {view}")
    with psycopg.connect(f"postgresql://scorekeeper_owner{guarded}") as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT c.oid::regclass::text FROM pg_class AS c"
                " WHERE c.relnamespace = 'scorekeeper'::regnamespace AND c.relkind IN ('r', 'p')"
            )
        ]
    assert "scorekeeper.candle_2025_05" in tables or any("candle_2" in name for name in tables)
    refused(guarded, "scorekeeper_reader", *(f"SELECT 1 FROM {name}" for name in tables))
    refused(
        guarded, "scorekeeper_reader",
        "SELECT scorekeeper.ensure_candle_partition(2030, 1)", "DELETE FROM scorekeeper.report_equity",
        "CREATE TABLE scorekeeper.mine (x int)", "CREATE TEMP TABLE mine (x int)", "SELECT pg_read_file('/etc/passwd')",
        "SELECT 1 FROM public.scorekeeper_version",
    )  # fmt: skip


def test_a_role_without_a_name_in_the_map_is_refused_by_the_embedded_server(
    guarded: str, cluster: embedded.Lease
) -> None:
    for role in ROLES:
        with pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            psycopg.connect(f"postgresql://{role}{guarded}")

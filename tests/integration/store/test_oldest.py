"""The oldest Postgres that is supported, and poolers before it: the whole job, with roles, as on the newest.

What they need .ci/run installs: apt-get install -y postgresql-15 pgbouncer. Elsewhere they are skipped without it.
"""

import asyncio
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from scorekeeper import PerformanceTracker
from scorekeeper.errors import DatabaseError
from scorekeeper.operations.sample import write_sample
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.sql import raw
from tests.integration.store.test_roles import check_roles, work
from tests.integration.store.test_schema import MEANT, describe
from tests.integration.tracker.test_tracker import DECISION, Quotes
from tests.servers import TRUST, Server, find_oldest, open_pooler, open_server


@pytest.fixture(scope="module")
def oldest() -> Iterator[Server]:
    """A Postgres 15 that is not set up as ours: another time zone, dates the German way."""
    settings = {"timezone": "Asia/Kathmandu", "datestyle": "German"}
    with open_server(hba=TRUST, binaries=find_oldest(), settings=settings) as server:
        yield server


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Generated decisions in an inbox, with a market; the as_of to track."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    return write_sample(tmp_path / "inbox", tmp_path / "market")


def test_the_schema_and_the_roles_are_the_same_on_15(oldest: Server, tmp_path: Path, sample: datetime) -> None:
    oldest.execute("CREATE DATABASE guarded")
    oldest.execute(raw("store/roles") + raw("store/grants"), name="guarded")
    address = f"@127.0.0.1:{oldest.port}/guarded"
    check_roles(address, lambda words: oldest.execute(words, name="guarded"), tmp_path, sample)
    with open_database(oldest.url(name="guarded"), tmp_path) as db, db.begin() as connection:
        assert connection.exec_driver_sql("SHOW server_version_num").scalar_one().startswith("15")
        connection.exec_driver_sql("SET LOCAL search_path TO scorekeeper, public")  # as for a user of that name
        assert describe(connection) == MEANT.read_text(encoding="utf-8")


def pooled(port: int, name: str) -> str:
    return f"postgresql://owner@127.0.0.1:{port}/{name}"


def test_a_pooler_in_session_mode_serves_everything(
    oldest: Server, tmp_path: Path, sample: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest.execute("CREATE DATABASE pooled")
    with open_pooler(oldest, "session") as port:
        with open_database(pooled(port, "pooled"), tmp_path) as db:
            asyncio.run(work(db, sample))
            assert_utc(db)
        monkeypatch.setenv("DATABASE_URL", pooled(port, "pooled"))
        with PerformanceTracker() as tracker:

            def record(name: str) -> None:
                for number in range(5):
                    tracker.record_decision({**DECISION, "trade_id": f"{name}-{number}"})

            threads = [threading.Thread(target=record, args=(f"thread-{n}",)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            tracker.update_performance(Quotes(45000.0))
    counted = oldest.execute("SELECT count(*) FROM scorekeeper.decision WHERE trade_id LIKE 'thread-%'", name="pooled")
    assert counted == [(20,)]


def assert_utc(db: Database) -> None:
    with db.begin() as connection:
        moment = connection.exec_driver_sql("SELECT timestamptz '2025-05-01 12:00+02'").scalar_one()
    assert moment.isoformat() == "2025-05-01T10:00:00+00:00"


def test_a_pooler_that_allows_no_transactions_is_named(oldest: Server, tmp_path: Path) -> None:
    oldest.execute("CREATE DATABASE no_transactions")
    with open_pooler(oldest, "statement") as port:
        for _ in range(3):
            with pytest.raises(DatabaseError, match=r"pool_mode = statement.*: set pool_mode = transaction"):
                open_database(pooled(port, "no_transactions"), tmp_path)


def test_a_pooler_with_few_sessions_serves_a_command(oldest: Server, tmp_path: Path) -> None:
    oldest.execute("CREATE DATABASE few")
    with (
        open_pooler(oldest, "session", default_pool_size="2") as port,
        open_database(pooled(port, "few"), tmp_path) as first,
        first.begin() as connection,
    ):
        assert connection.exec_driver_sql("SELECT count(*) FROM scorekeeper.decision").scalar() == 0

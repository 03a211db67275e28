"""A PgBouncer in transaction mode: the whole job through it, and nothing stays in the sessions that clients share.

What it needs .ci/run installs: apt-get install -y postgresql-15 pgbouncer. Elsewhere it is skipped without it.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import event, text

from dashboard.data.watch import TokenWatch
from scorekeeper import PerformanceTracker
from scorekeeper.analysis.run import analyze
from scorekeeper.errors import AwayError
from scorekeeper.inbox import ingest
from scorekeeper.inbox.ingest import Period
from scorekeeper.learning.run import learn
from scorekeeper.locks import Lock, hold
from scorekeeper.metrics import score_update
from scorekeeper.operations import fast_record
from scorekeeper.operations.fast_record import Recorded
from scorekeeper.operations.recover import recover
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.sql import raw
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.run import verify
from tests.dashboard.serving import serve
from tests.integration.operations.test_fast_record import LONG, Files, decisions
from tests.integration.store.test_oldest import assert_utc
from tests.integration.store.test_roles import ROLES
from tests.integration.tracker.test_tracker import DECISION, Quotes
from tests.servers import TRUST, Server, find_oldest, open_pooler, open_server

# What a client may have left in a session that it shared. PgBouncer itself keeps the settings that the server reports.
LEFT = """
SELECT 'prepared ' || statement FROM pg_prepared_statements
UNION ALL SELECT 'setting ' || name || ' ' || setting FROM pg_settings
WHERE source = 'session' AND name NOT IN ('client_encoding', 'application_name')
UNION ALL SELECT 'role ' || current_user WHERE current_user <> session_user
"""


@dataclass
class Pooled:
    """A Postgres 15 that is not set up as ours, behind a pooler with few sessions, each used in turn."""

    server: Server
    port: int

    def url(self, name: str, user: str = "owner") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def left(self, name: str) -> list[str]:
        """What is left in the sessions and on the server: temporary tables and locks too."""
        found: set[str] = set()
        with psycopg.connect(self.url(name), autocommit=True, prepare_threshold=None) as connection:
            for _ in range(12):
                found |= {row[0] for row in connection.execute(LEFT)}
        tables = "SELECT 'table ' || relname FROM pg_class WHERE relpersistence = 't'"
        locks = "SELECT 'lock ' || objid FROM pg_locks JOIN pg_database AS d ON d.oid = database "
        rows = self.server.execute(f"{tables} UNION ALL {locks} WHERE locktype = 'advisory'", name=name)
        return sorted(found | {row[0] for row in rows})


@pytest.fixture(scope="module")
def pooled() -> Iterator[Pooled]:
    settings = {"timezone": "Asia/Kathmandu", "datestyle": "German"}
    with (
        open_server(hba=TRUST, binaries=find_oldest(), settings=settings) as server,
        open_pooler(server, "transaction", ("owner", *ROLES), server_round_robin="1", default_pool_size="4") as port,
    ):
        yield Pooled(server, port)


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Generated decisions in an inbox, with a market; the as_of to track."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    return write_sample(tmp_path / "inbox", tmp_path / "market")


def test_everything_works_through_shared_sessions_and_leaves_nothing_in_them(
    pooled: Pooled, tmp_path: Path, sample: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    pooled.server.execute("CREATE DATABASE whole")
    pooled.server.execute(raw("store/roles") + raw("store/grants"), name="whole")
    open_database(pooled.url("whole", "scorekeeper_owner"), tmp_path).close()
    with open_database(pooled.url("whole", "scorekeeper_writer"), tmp_path) as db:
        asyncio.run(track(db, sample))
        db.transact(partial(analyze, as_of=sample))
        assert learn(db, sample).versions
        assert_utc(db)
        assert verify(db, load_settings()) == []
        recover(db, load_settings(), datetime.now(UTC))
        assert_pages_answer(db)
    with open_database(pooled.url("whole", "scorekeeper_reader"), tmp_path, migrate=False) as db:
        assert_pages_answer(db)
    monkeypatch.setenv("DATABASE_URL", pooled.url("whole", "scorekeeper_writer"))
    with PerformanceTracker() as tracker:

        def record(name: str) -> None:
            for number in range(8):
                tracker.record_decision({**DECISION, "trade_id": f"{name}-{number}"})

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(record, [f"thread-{n}" for n in range(4)]))
        tracker.update_performance(Quotes(45000.0), max_hold_time=0)
        assert tracker.get_system_metrics()["completed_trades"] >= 32
        assert verify(tracker._db, load_settings()) == []
    lines = (tmp_path / "datasets/performance_dataset.jsonl").read_text().splitlines()
    assert sum('"thread-' in line and '"active"' in line for line in lines) == 32
    assert pooled.left("whole") == []


async def track(db: Database, as_of: datetime) -> None:
    """What the flows do, as if the decisions had come in when they were made, so that one can learn from them."""
    settings = load_settings()
    past = Period(as_of - timedelta(days=30), as_of)
    taken = ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6), replay=past)
    assert taken.decisions == 420
    await fetch.fetch_prices(db, settings, as_of, now=as_of, tell=lambda *_: None)
    assert db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5)).closed > 0
    db.transact(lambda c: score_update.update_score(c, as_of))
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


def assert_pages_answer(db: Database) -> None:
    """Each page of the navigation, and the token that the open pages wait for."""
    watch = TokenWatch(db.engine, None)
    assert watch.read() == watch.read()
    watch.close()
    with serve(db) as served, httpx.Client(headers={"Accept": "text/html"}, timeout=60) as browser:
        for page in ("", "trades", "open", "decisions", "agents", "learning", "breakdown", "calendar", "health"):
            answer = browser.get(f"{served.address}/{page}")
            assert answer.status_code == 200, (page, answer.text[-500:])


def test_lines_are_there_at_once_behind_a_pooler_too(
    pooled: Pooled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone, and by two recorders at once, of which the second finds that the files are not as it left them."""
    monkeypatch.setattr(fast_record, "AHEAD_SECONDS", LONG)
    pooled.server.execute("CREATE DATABASE lines")
    with open_database(pooled.url("lines"), tmp_path) as db:
        files, others = Files(db, tmp_path), Files(db, tmp_path)
        first, second, third, *more = decisions(40)
        assert files.record(first) is Recorded.WHOLE
        assert files.record(first) is Recorded.NOTHING
        assert others.record(second) is Recorded.ROWS
        files.check(2)
        assert files.record(third) is Recorded.ROWS  # the publication of the check came in between
        files.recorder.follow()
        with ThreadPoolExecutor(2) as threads:
            said = list(threads.map(lambda n: (files, others)[n % 2].record(more[n]), range(len(more))))
        assert set(said) <= {Recorded.ROWS, Recorded.WHOLE}
        files.check(40)
    assert pooled.left("lines") == []


def test_ingests_at_once_take_turns_and_one_that_loses_its_lock_ends(
    pooled: Pooled, tmp_path: Path, sample: datetime
) -> None:
    """Longer than the server lets a transaction idle, with more waiting runs than the pooler has sessions."""
    pooled.server.execute(
        "CREATE DATABASE turns", "ALTER DATABASE turns SET idle_in_transaction_session_timeout TO '2s'"
    )
    settings = load_settings()
    with open_database(pooled.url("turns"), tmp_path) as db, ThreadPoolExecutor(6) as threads:
        run = partial(ingest.ingest_files, db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))
        with hold(db.engine, Lock.INGEST):
            runs = [threads.submit(run) for _ in range(6)]
            time.sleep(3)
            assert not any(one.done() for one in runs)
        assert sum(one.result(60).decisions for one in runs) == 420
        with db.engine.connect() as work, hold(db.engine, Lock.INGEST, guarding=work):
            with work.begin():
                work.exec_driver_sql("SELECT 1")
                assert_lost(pooled, "turns")
                # The next holder may read, but writes only when this transaction has ended.
                assert threads.submit(take_turn, db).result(60)
            with pytest.raises(AwayError, match="lock INGEST was lost"), work.begin():
                pass
        assert_verify_takes_its_turn(db, threads)
    pooled.server.execute("ALTER DATABASE turns RESET idle_in_transaction_session_timeout")
    with open_database(pooled.server.url(name="turns"), tmp_path) as db:
        assert verify(db, settings) == []


def assert_verify_takes_its_turn(db: Database, threads: ThreadPoolExecutor) -> None:
    """What seems to be missing from the archive is looked at again, when no ingest moves files."""
    settings, waits = load_settings(), threading.Event()
    event.listen(db.engine, "rollback", lambda _: waits.set())  # between two attempts to take the lock
    with hold(db.engine, Lock.INGEST):
        moved = settings.archive_dir.rename(settings.archive_dir.with_name("elsewhere"))
        found = threads.submit(verify, db, settings)
        assert waits.wait(60)
        moved.rename(settings.archive_dir)
    assert found.result(60) == []


def assert_lost(pooled: Pooled, name: str) -> None:
    """End the session that holds the lock of the ingest."""
    wanted = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {Lock.INGEST}"
    ended = pooled.server.execute(f"SELECT count(pg_terminate_backend(pid)) FROM ({wanted}) AS one", name=name)
    assert ended == [(1,)]


def take_turn(db: Database) -> bool:
    """Whether a next holder has the lock, and is kept from writing."""
    with db.engine.connect() as work, hold(db.engine, Lock.INGEST), work.begin():
        tried = {"lock": int(Lock.INGEST_WRITE)}
        return not work.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), tried).scalar_one()

"""The dashboard on a hot standby: every page, how far the standby lags, and reads that it cancels."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from cli.dashboard_server import open_scores
from dashboard.data import standby as standby_reads
from dashboard.data.standby import read_again
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.sql import raw
from tests.dashboard.serving import serve
from tests.integration.store.test_failover import CAUGHT_UP
from tests.integration.store.test_roles import work
from tests.servers import REPLICATED, Server, open_server, open_standby
from tests.waiting import wait_until

PAGES = ("trades", "open", "decisions", "agents", "learning", "breakdown", "calendar", "versions", "health")


@dataclass
class Pair:
    """A primary with the score of the sample, and its standby, which cancels reads at once."""

    primary: Server
    standby: Server

    def catch_up(self) -> None:
        assert wait_until(lambda: self.primary.execute(CAUGHT_UP) == [(True,)], 30)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    as_of = write_sample(tmp_path / "inbox", tmp_path / "market")
    with (
        open_server(hba=REPLICATED) as primary,
        open_standby(primary, {"max_standby_streaming_delay": "0", "hot_standby_feedback": "off"}) as standby,
    ):
        primary.execute(raw("store/roles") + raw("store/grants"))
        with open_database(primary.url("scorekeeper_owner"), tmp_path) as db:
            asyncio.run(work(db, as_of))
        found = Pair(primary, standby)
        found.catch_up()
        yield found


def test_the_dashboard_reads_a_standby_and_says_how_far_it_lags(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = f"127.0.0.1:{pair.primary.port},127.0.0.1:{pair.standby.port}"
    # Of several servers the standby is preferred.
    for user, pages in (("scorekeeper_reader", PAGES[:1]), ("owner", PAGES)):
        monkeypatch.setenv("DASHBOARD_DATABASE_URL", f"postgresql://{user}@{several}/postgres")
        with open_scores(load_settings()) as (db, as_reader), serve(db) as served:
            assert as_reader == (user == "owner")
            with db.begin() as connection:
                assert connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one()
            for page in pages:
                shown = ask(served.address, page)
                assert "Read from a standby" in shown or "Not live: the last track" in shown
            assert re.search(r"a standby, 0\.0 s behind its primary at .*last commit is", ask(served.address, "health"))
            if user == "owner":
                check_lag(pair, served.address, monkeypatch)
                check_cancelled(pair, db)
    monkeypatch.setenv("DASHBOARD_DATABASE_URL", "postgresql://scorekeeper_reader@127.0.0.1:1/postgres")
    with pytest.raises(ScorekeeperError, match="host and port in DASHBOARD_DATABASE_URL"):
        open_scores(load_settings()).__enter__()


def ask(address: str, page: str) -> str:
    answer = httpx.get(f"{address}/{page}", headers={"Accept": "text/html"}, timeout=60)
    assert answer.status_code == 200, (page, answer.text[-500:])
    return answer.text


def check_lag(pair: Pair, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the standby has received and not applied is a lag, and so is silence, until it has caught up."""
    monkeypatch.setattr(standby_reads, "MOST_LAG_SECONDS", 0.5)
    pair.standby.execute("SELECT pg_wal_replay_pause()")
    pair.primary.execute("CREATE TABLE later ()")
    assert wait_until(lambda: "Not live: the standby that this page reads lags" in ask(address, "trades"), 20)
    assert re.search(r"a standby, [1-9]\d*\.\d s behind|a standby, 0\.[1-9] s behind", ask(address, "health"))
    pair.standby.execute("SELECT pg_wal_replay_resume()")
    pair.catch_up()
    assert wait_until(lambda: "lags" not in ask(address, "trades"), 20)
    ((quoted,),) = pair.standby.execute("SELECT quote_literal(current_setting('primary_conninfo'))")
    pair.standby.execute("ALTER SYSTEM SET primary_conninfo TO ''", "SELECT pg_reload_conf()")
    assert wait_until(lambda: "Not live: the standby that this page reads lags" in ask(address, "trades"), 20)
    pair.standby.execute(f"ALTER SYSTEM SET primary_conninfo TO {quoted}", "SELECT pg_reload_conf()")
    assert wait_until(lambda: "lags" not in ask(address, "trades"), 20)


def check_cancelled(pair: Pair, db: Database) -> None:
    """A read of what the primary drops meanwhile is cancelled, and the next attempt reads on."""
    pair.primary.execute("CREATE TABLE dropped ()")
    pair.catch_up()
    attempts = 0

    def read() -> int:
        nonlocal attempts
        attempts += 1
        with db.begin() as connection:
            if attempts == 1:
                connection.exec_driver_sql("SELECT FROM dropped")
                pair.primary.execute("DROP TABLE dropped")
                for _ in range(200):
                    connection.exec_driver_sql("SELECT pg_sleep(0.05)")
            return int(connection.exec_driver_sql("SELECT count(*) FROM scorekeeper.report_trades").scalar_one())

    assert read_again(read) > 0
    assert attempts == 2

"""Two servers with streaming replication: the first is killed in the midst of the work, and the second promoted."""

import asyncio
import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from scorekeeper import PerformanceTracker
from scorekeeper.errors import AwayError, ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.metrics import score_update
from scorekeeper.operations.recover import recover
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.settings import load_settings
from scorekeeper.store.database import Database, open_database
from scorekeeper.trades import fetch, settle
from scorekeeper.verify.run import verify
from tests.integration.tracker.test_tracker import DECISION
from tests.servers import REPLICATED, Server, open_server, open_standby
from tests.waiting import wait_until

SAMPLED = 420
DAYS = timedelta(days=7)
CAUGHT_UP = "SELECT pg_current_wal_lsn() = replay_lsn FROM pg_stat_replication"


def both(first: Server, second: Server) -> str:
    return f"postgresql://owner@127.0.0.1:{first.port},127.0.0.1:{second.port}/postgres"


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Generated decisions in an inbox, with a market; the as_of to track."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    return write_sample(tmp_path / "inbox", tmp_path / "market")


def take_in(db: Database) -> int:
    return ingest.ingest_files(db, load_settings(), received_at=datetime.now(UTC) + timedelta(seconds=6)).decisions


def track(db: Database, as_of: datetime) -> None:
    settings = load_settings()
    asyncio.run(fetch.fetch_prices(db, settings, as_of, now=as_of, tell=lambda *_: None))
    db.transact(lambda c: settle.settle(c, as_of, suspect_price_pct=5))
    db.transact(lambda c: score_update.update_score(c, as_of))
    publish.publish(db, log_path=settings.log_path, dataset_path=settings.dataset_path)


@dataclass
class Pipeline:
    """Decisions arrive one by one, and are taken in and tracked again and again, as by flows. `failed`: what did so."""

    db: Database
    arriving: list[str]
    until: datetime
    failed: Counter[str] = field(default_factory=Counter)
    arrived: int = 0
    rounds: int = 0
    recorded: list[str] = field(default_factory=list)
    ending: bool = False

    @contextmanager
    def run(self) -> Iterator[None]:
        threads = [threading.Thread(target=one) for one in (self._arrive, self._take_in, self._track, self._record)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.ending = True
            for thread in threads:
                thread.join(120)

    def _arrive(self) -> None:
        for number, line in enumerate(self.arriving):
            (Path("inbox") / f"{number:03}.tmp").write_text(line)
            (Path("inbox") / f"{number:03}.tmp").rename(Path("inbox") / f"{number:03}.json")
            self.arrived = number + 1
            time.sleep(0.01)

    def _take_in(self) -> None:
        self._repeat("ingest", lambda: take_in(self.db))

    def _track(self) -> None:
        def once() -> None:
            track(self.db, min(self.until, self.until - DAYS + timedelta(hours=6) * self.rounds))
            self.rounds += 1

        self._repeat("track", once)

    def _record(self) -> None:
        with PerformanceTracker() as tracker:

            def once() -> None:  # one that failed is recorded again under its id, as its caller would
                name = f"recorded-{len(self.recorded)}"
                self.recorded.append(tracker.record_decision({**DECISION, "trade_id": name}))

            self._repeat("record", once)

    def _repeat(self, name: str, work: Callable[[], object]) -> None:
        while not self.ending:
            try:
                work()
            except (ScorekeeperError, DBAPIError) as trouble:
                self.failed[f"{name}: {type(trouble).__name__}"] += 1
            time.sleep(0.02)


def test_a_failover_in_the_midst_of_the_work_loses_and_doubles_nothing(
    tmp_path: Path, sample: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed is on the standby too: the primary waits for it (synchronous_standby_names)."""
    arriving = empty(tmp_path / "inbox")
    with open_server(hba=REPLICATED) as first, open_standby(first) as second:
        first.execute("ALTER SYSTEM SET synchronous_standby_names TO 'standby'", "SELECT pg_reload_conf()")
        monkeypatch.setenv("DATABASE_URL", both(first, second))
        with open_database(both(first, second), tmp_path) as db:
            pipeline = Pipeline(db, arriving, sample)
            with pipeline.run():
                assert wait_until(lambda: pipeline.arrived > 100 and pipeline.rounds > 2, 60)
                first.stop()
                time.sleep(1)
                second.execute("ALTER SYSTEM RESET synchronous_standby_names")
                second.promote()
                rounds, recorded = pipeline.rounds, len(pipeline.recorded)
                assert wait_until(lambda: pipeline.arrived == SAMPLED, 60)
                assert wait_until(lambda: pipeline.rounds > rounds + 2 and len(pipeline.recorded) > recorded + 2, 60)
            take_in(db)
            track(db, sample)
            assert_whole(db, pipeline.recorded)


def empty(inbox: Path) -> list[str]:
    """The decisions of the files of an inbox, which are taken out of it."""
    lines: list[str] = []
    for path in sorted(inbox.iterdir()):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines += [json.dumps(json.loads(content))] if path.suffix == ".json" else content.decode().splitlines()
        path.unlink()
    assert len(lines) == SAMPLED
    return lines


def assert_whole(db: Database, recorded: list[str]) -> None:
    """Each decision is stored and published once, and all that follows from it is right."""
    settings = load_settings()
    assert verify(db, settings) == []
    with db.begin() as connection:
        stored = connection.execute(text("SELECT trade_id FROM scorekeeper.decision")).scalars().all()
    assert len(stored) == SAMPLED + len(recorded)
    assert set(recorded) <= set(stored)
    published = [json.loads(line) for line in settings.dataset_path.read_text().splitlines()]
    opened = Counter(line["trade_id"] for line in published if line["status"] in ("active", "hold"))
    assert opened == Counter(stored)
    assert max(Counter(line["trade_id"] for line in published if line["status"] == "completed").values()) == 1


@pytest.mark.long
def test_what_asynchronous_replication_lost_is_found_and_recovered(tmp_path: Path, sample: datetime) -> None:
    arriving = empty(tmp_path / "inbox")
    settings = load_settings()
    with (
        open_server(hba=REPLICATED) as first, open_standby(first) as second,
        open_database(both(first, second), tmp_path) as db,
    ):  # fmt: skip
        for part, lines in enumerate((arriving[:200], arriving[200:])):
            (tmp_path / f"inbox/{part}.jsonl").write_text("".join(f"{line}\n" for line in lines))
            take_in(db)
            track(db, sample - DAYS / (part + 1))
            if part == 0:
                assert wait_until(lambda: first.execute(CAUGHT_UP) == [(True,)], 30)
                second.stop("fast")
        published = settings.dataset_path.read_bytes()
        first.stop()
        second.start()
        with pytest.raises(AwayError, match="none of its servers takes writes now"):
            open_database(both(first, second), tmp_path).close()
        second.promote()
        found = verify(db, settings)
        assert any("the database does not know" in one for one in found), found
        done = recover(db, settings, datetime.now(UTC))
        assert done.set_aside
        track(db, sample)
        assert_whole(db, [])
        before = [json.loads(line)["trade_id"] for line in published.splitlines()]
        after = [json.loads(line)["trade_id"] for line in settings.dataset_path.read_bytes().splitlines()]
        assert set(before) <= set(after)

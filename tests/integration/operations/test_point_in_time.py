"""A base backup and the archived write-ahead log: whatever moment is restored, nothing that was published is lost."""

import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest
from scorekeeper.learning.run import learn
from scorekeeper.metrics.voiding import void_decision
from scorekeeper.operations.fast_record import FastRecorder
from scorekeeper.operations.health.database import check_database
from scorekeeper.operations.recover import recover
from scorekeeper.operations.restored import refuse_lost
from scorekeeper.operations.sample import START, write_sample
from scorekeeper.publish import publish
from scorekeeper.publish.weights_file import weights_path, write_weights_file
from scorekeeper.settings import Settings
from scorekeeper.store import embedded
from scorekeeper.store.binaries import find_binaries, server_user
from scorekeeper.store.database import Database, open_database
from scorekeeper.store.postmaster import run_program
from scorekeeper.verify.run import verify
from tests.integration.trades.test_pipeline import track
from tests.levels import long
from tests.servers import Server, find_oldest, give_away, open_server
from tests.waiting import wait_until

HOUR = timedelta(hours=1)
NAME = "score"
DOCS = (Path(__file__).resolve().parents[3] / "docs" / "operations" / "back-up.md").read_text()


def documented(name: str, archive: Path) -> str:
    """A command of the server's, as the documents give it, for an archive elsewhere than there."""
    found = re.search(rf"{name} = '(.+?)'", DOCS)
    assert found is not None
    return found[1].replace("/backup/wal", str(archive))


class Archiving:
    """A server that archives its write-ahead log as docs/operations/back-up.md says, and what can be restored of it."""

    def __init__(self, server: Server) -> None:
        self.server, self.base, self.archive = server, server.folder / "base", server.folder / "archive"
        self.archive.mkdir()
        give_away(self.archive)
        with (server.data / "postgresql.conf").open("a") as file:
            file.write(
                "archive_mode = on\n"
                f"archive_command = '{documented('archive_command', self.archive)}'\n"
                f"restore_command = '{documented('restore_command', self.archive)}'\n"
            )
        (server.data / "pg_hba.conf").write_text(
            "host all all 127.0.0.1/32 scram-sha-256\nhost replication owner 127.0.0.1/32 trust\n"
        )
        server.stop("fast")
        server.start()
        server.execute(f"CREATE DATABASE {NAME}")

    @contextmanager
    def open(self, home: Path) -> Iterator[Database]:
        with open_database(self.server.url(name=NAME), home) as db:
            yield db

    def back_up(self) -> None:
        self.server.run(
            "pg_basebackup", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "owner", "-c", "fast",
            "-D", str(self.base),
        )  # fmt: skip
        self.server.run("pg_verifybackup", str(self.base))

    def archive_all(self) -> None:
        """Wait until all that is committed is in the archive."""
        ((segment,),) = self.server.execute("SELECT pg_walfile_name(pg_switch_wal())")
        assert wait_until((self.archive / segment).exists)

    def lose_disk(self) -> None:
        self.server.stop("immediate")
        shutil.rmtree(self.server.data)

    def restore(self, target: str = "") -> None:
        """Start the base backup, and replay the archive: to its end, or to a moment."""
        shutil.copytree(self.base, self.server.data)
        (self.server.data / "recovery.signal").touch()
        if target:
            lines = f"recovery_target_time = '{target}'\nrecovery_target_action = 'promote'\n"
            with (self.server.data / "postgresql.conf").open("a") as file:
                file.write(lines)
        for path in (self.server.data, *self.server.data.rglob("*")):
            give_away(path)
        self.server.start()
        assert wait_until(lambda: self.server.execute("SELECT pg_is_in_recovery()") == [(False,)])


class Days:
    """A trading system's hours, one file of decisions each, as the pipeline lives through them."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.market = settings, settings.inbox_dir.parent / "market"
        self.paths = {"log_path": settings.log_path, "dataset_path": settings.dataset_path}
        write_sample(settings.inbox_dir, self.market)
        lines = (settings.inbox_dir / "decisions-1.jsonl").read_text().splitlines()
        self.decisions = [json.loads(line) for line in lines]
        for path in settings.inbox_dir.iterdir():
            path.unlink()

    def live(self, db: Database, hour: int) -> None:
        """One hour: a file comes in, one decision is recorded by the tracker, trades are followed, all is published."""
        begin = START + hour * HOUR
        some = [
            one | {"trade_id": f"{hour:02}-{number}"}
            for number, one in enumerate(self.decisions)
            if begin <= datetime.fromisoformat(one["timestamp"]) < begin + HOUR
        ]
        some.append(some[0] | {"trade_id": f"{hour:02}-bad", "price": -1})
        path = self.settings.inbox_dir / f"hour-{hour:02}.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in some))
        at = begin + HOUR
        os.utime(path, (at.timestamp(), at.timestamp()))
        ingest.ingest_files(db, self.settings, received_at=at)
        recorder = FastRecorder(db, **self.paths)
        told = some[0] | {"trade_id": f"{hour:02}-told"}
        context = DecisionContext(at, self.settings.system_version, 60, self.settings.timezone, None)
        decision = parse_decision(told, context=context)
        recorder.record(decision, source_name="record_decision", received_at=at, fee_bps=self.settings.fee_bps)
        recorder.close()
        self.follow(db, at + timedelta(minutes=5))

    def follow(self, db: Database, as_of: datetime) -> None:
        track(db, self.settings, self.market, as_of)
        learn(db, as_of)
        write_weights_file(db, self.settings)

    def recover(self, db: Database, as_of: datetime, *, alone: int) -> None:
        """As docs/operations/back-up.md says; `alone`: how many decisions the dataset alone brings back."""
        done = recover(db, self.settings, datetime.now(UTC))
        assert (done.refused, done.guessed, done.from_dataset) == ([], 0, alone)
        ingest.ingest_files(db, self.settings, received_at=as_of)
        self.follow(db, as_of)

    def published(self) -> tuple[dict[str, dict[str, Any]], Counter[tuple[str, str]], Counter[str]]:
        """All that the dataset says of each decision, how often it says what, and the lines of the log.

        A line of the log begins with the time at which it became known, which is later after a recovery. For the same
        reason an exit's line may hold the return that had a line of its own, and some lines of metrics are missing.
        """
        lines = [json.loads(line) for line in self.settings.dataset_path.read_text().splitlines()]
        told: dict[str, dict[str, Any]] = {}
        for line in lines:
            known = {name: one for name, one in line.items() if name != "status" and one is not None}
            told.setdefault(line["trade_id"], {}).update(known)
        often = Counter((line["trade_id"], line["status"]) for line in lines if line["status"] != "horizon")
        log = (line.partition("] ")[2] for line in self.settings.log_path.read_text().splitlines())
        return told, often, Counter(line for line in log if "METRICS" not in line)


def rows(db: Database) -> list[tuple[Any, ...]]:
    query = (
        "SELECT d.trade_id, d.opened_at, d.received_at, d.expires_at, d.late, d.version, d.horizon_return_pct, "
        "t.exit_time, t.exit_price, t.exit_reason FROM scorekeeper.decision AS d "
        "LEFT JOIN scorekeeper.trade AS t USING (trade_id) ORDER BY 1"
    )
    with db.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.mark.parametrize("binaries", [find_binaries, *long(find_oldest)])
def test_whatever_moment_is_restored_nothing_published_is_lost(binaries: Any, settings: Settings) -> None:
    days, home = Days(settings), settings.inbox_dir.parent
    with open_server(binaries=binaries()) as server:
        there = Archiving(server)
        with there.open(home) as db:
            days.live(db, 0)
            there.back_up()
            days.live(db, 1)
            ((before_mistake,),) = server.execute("SELECT clock_timestamp()::text")
            wanted = rows(db)
            for trade_id, *_ in wanted:
                db.transact(lambda c, one=trade_id: void_decision(c, one, "by mistake", START + 3 * HOUR))  # type: ignore[misc]
            days.live(db, 2)
            there.archive_all()
            for hour in (3, 4):
                days.live(db, hour)  # not archived when the disk is lost; the last file is still in the inbox
            end = START + 5 * HOUR + timedelta(minutes=5)
            wanted, said, weights = rows(db), days.published(), weights_path(settings).read_bytes()
            assert verify(db, settings) == []
        there.lose_disk()

        there.restore()
        with there.open(home) as db:
            assert {row[0][:2] for row in rows(db)} == {"00", "01", "02"}
            lost = len(wanted) - len(rows(db))
            doubts = " ".join(verify(db, settings))
            assert "lines that the database does not know" in doubts
            assert "hour-03" in doubts
            assert "agent_weights.json: the database has learned nothing of its version" in doubts
            with pytest.raises(ScorekeeperError, match=f"names {lost} decisions that the database has lost"):
                refuse_lost(db, settings)
            days.recover(db, end, alone=2)
            refuse_lost(db, settings)
            assert rows(db) == wanted
            assert days.published() == said
            assert weights_path(settings).read_bytes() == weights
            assert verify(db, settings) == []
        there.lose_disk()

        # What was recovered is lost again with its disk, and the mistake with it.
        there.restore(before_mistake)
        with there.open(home) as db:
            assert {row[0][:2] for row in rows(db)} == {"00", "01"}
            publish.publish(db, **days.paths)  # as a track does that comes first: what is ahead is set aside
            with pytest.raises(ScorekeeperError, match=r"before-restore-1 names \d+ decisions"):
                refuse_lost(db, settings)
            with db.begin() as connection:
                found = {check.name: check for check in check_database(connection, settings, lambda: end)}
            assert (found["restored"].state, "before-restore-1" in found["restored"].says) == ("red", True)
            days.recover(db, end, alone=3)
            assert [row[:6] for row in rows(db)] == [row[:6] for row in wanted]
            assert verify(db, settings) == []
            kept = settings.dataset_path.parent.glob(f"{settings.dataset_path.name}.*")
            assert sorted(path.suffix for path in kept) == [".recovered-1", ".recovered-2"]  # one for each restore
            there.archive_all()
            wanted, said = rows(db), days.published()
        there.lose_disk()

        # The first base backup serves on: the archive holds the history of each restore.
        there.restore()
        with there.open(home) as db:
            assert rows(db) == wanted
            assert verify(db, settings) == []
            publish.publish(db, **days.paths)
            assert days.published() == said


def test_an_embedded_server_is_restored_by_the_next_command(tmp_path: Path) -> None:
    home, keep = tmp_path / "home", Path(tempfile.mkdtemp())
    give_away(keep)
    at = ["-U", embedded.ROLE, "-c", "fast", "-D", str(keep / "base")]

    def ask(lease: embedded.Lease, *statements: str) -> list[Any]:
        host = str(lease.socket_folder)
        with psycopg.connect(host=host, user=embedded.ROLE, dbname="postgres", autocommit=True) as connection:
            for one in statements:
                cursor = connection.execute(one)
            return cursor.fetchall() if cursor.description else []

    try:
        lease = embedded.acquire(home)
        copy = documented("archive_command", keep)
        ask(lease, "ALTER SYSTEM SET archive_mode = on", f"ALTER SYSTEM SET archive_command = '{copy}'")
        lease.release()
        lease = embedded.acquire(home)
        program = str(find_binaries() / "pg_basebackup")
        done = run_program([program, "-h", str(lease.socket_folder), *at], server_user(), folder=keep, kill=False)
        assert done.returncode == 0, done.stdout
        (target,) = ask(
            lease, "CREATE TABLE since AS SELECT 'before'", "SELECT clock_timestamp()::text"
        )[0]  # fmt: skip
        ask(lease, "INSERT INTO since VALUES ('a mistake')")
        ((segment,),) = ask(lease, "SELECT pg_walfile_name(pg_switch_wal())")
        assert wait_until((keep / segment).exists)
        lease.release()
        for action in ("pause", "promote"):
            shutil.rmtree(lease.data)
            shutil.copytree(keep / "base", lease.data)
            (lease.data / "recovery.signal").touch()
            with (lease.data / "postgresql.conf").open("a") as file:
                file.write(f"restore_command = '{documented('restore_command', keep)}'\n")
                file.write(f"recovery_target_time = '{target}'\n")
                file.write(f"recovery_target_action = '{action}'\n")
            for path in (lease.data, *lease.data.rglob("*")):
                give_away(path)
            if action == "pause":  # what Postgres does unless it is told
                with pytest.raises(ScorekeeperError, match="pauses there: add recovery_target_action = 'promote'"):
                    embedded.acquire(home)
        lease = embedded.acquire(home)
        assert ask(lease, "INSERT INTO since VALUES ('after')", "SELECT * FROM since") == [("before",), ("after",)]
    finally:
        lease.release()
        shutil.rmtree(keep)

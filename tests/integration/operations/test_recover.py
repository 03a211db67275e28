"""A database restored from a backup: nothing that came in since is cut, all of it is named, and comes in again."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.decisions.decision import DecisionContext
from scorekeeper.decisions.parse import parse_decision
from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import file_ledger, ingest
from scorekeeper.inbox.file_ledger import write
from scorekeeper.operations import health
from scorekeeper.operations.fast_record import FastRecorder
from scorekeeper.operations.import_dataset import import_dataset
from scorekeeper.operations.recover import recover
from scorekeeper.operations.recovered import Recovered
from scorekeeper.operations.restored import refuse_lost
from scorekeeper.operations.sample import write_sample
from scorekeeper.publish import publish
from scorekeeper.publish.target import open_published
from scorekeeper.settings import Settings
from scorekeeper.store import embedded
from scorekeeper.store.binaries import find_binaries
from scorekeeper.store.database import Database, open_database
from scorekeeper.trades import close_requests, settle
from scorekeeper.verify import unknown_files
from scorekeeper.verify.run import verify
from tests.conftest import fresh_database
from tests.integration.trades.test_pipeline import take, track

NOW = datetime(2025, 5, 7, 12, 30, tzinfo=UTC)
GOOD = {"symbol": "BTC/USDT", "type": "BUY", "price": 96_000.0, "timestamp": "2025-05-07T12:00:30Z"}


def pg(program: str, *arguments: str) -> None:
    """Run a program of Postgres that came with the server, as docs/operations/back-up.md does."""
    subprocess.run([find_binaries() / program, *arguments], check=True, capture_output=True)


class Installation:
    """One home, and the database that it has now."""

    def __init__(self, cluster: embedded.Lease, db: Database, settings: Settings) -> None:
        self.cluster, self.db, self.settings = cluster, db, settings
        self.paths = {"log_path": settings.log_path, "dataset_path": settings.dataset_path}
        self.dump = settings.inbox_dir.parent / "scorekeeper.dump"

    def back_up(self) -> None:
        name = self.db.engine.url.database
        assert name is not None
        pg("pg_dump", "-h", str(self.cluster.socket_folder), "-U", embedded.ROLE, "-Fc", "-f", str(self.dump), name)

    @contextmanager
    def restored(self) -> Iterator["Installation"]:
        with fresh_database(self.cluster, template="template0") as url:
            name = url.partition("?")[0].rpartition("/")[2]
            pg(
                "pg_restore", "-h", str(self.cluster.socket_folder), "-U", embedded.ROLE, "--no-owner",
                "--exit-on-error", "-d", name, str(self.dump),
            )  # fmt: skip
            with open_database(url, self.settings.inbox_dir.parent) as db:
                yield Installation(self.cluster, db, self.settings)

    def bring(self, name: str, *decisions: dict[str, Any], at: datetime = NOW) -> None:
        path = self.settings.inbox_dir / name
        path.write_text("".join(json.dumps(GOOD | one) + "\n" for one in decisions))
        os.utime(path, (at.timestamp() - 60, at.timestamp() - 60))
        ingest.ingest_files(self.db, self.settings, received_at=at)
        publish.publish(self.db, **self.paths)

    def rows(self) -> list[tuple[Any, ...]]:
        """What a restore must bring back of each decision."""
        query = (
            "SELECT d.trade_id, d.received_at, d.expires_at, d.late, d.version, d.content_sha256, t.exit_time, "
            "t.exit_price, t.exit_reason, d.horizon_return_pct FROM scorekeeper.decision AS d "
            "LEFT JOIN scorekeeper.trade AS t USING (trade_id) ORDER BY 1"
        )
        with self.db.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def statuses(self) -> list[tuple[str, str]]:
        lines = map(json.loads, self.settings.dataset_path.read_text().splitlines())
        return [(line["trade_id"], line["status"]) for line in lines]


@pytest.fixture
def here(cluster: embedded.Lease, db: Database, settings: Settings) -> Installation:
    write_sample(settings.inbox_dir, settings.inbox_dir.parent / "market")
    for path in settings.inbox_dir.iterdir():
        path.unlink()
    return Installation(cluster, db, settings)


def follow(one: Installation, as_of: datetime) -> None:
    track(one.db, one.settings, one.settings.inbox_dir.parent / "market", as_of)


def test_what_came_in_since_a_backup_is_kept_named_and_taken_in_again_exactly_once(here: Installation) -> None:
    here.bring("before.jsonl", {"trade_id": "before"})
    follow(here, NOW)
    here.back_up()
    here.bring("a.jsonl", {"trade_id": "a"}, {"trade_id": "h", "type": "HOLD", "max_hold_minutes": 35})
    here.bring("b.jsonl", {"trade_id": "b", "max_hold_minutes": 45}, {"trade_id": "bad", "price": -1})
    # A system that runs for an hour more: "a" is closed, and a later version reads another default than then.
    follow(here, NOW + timedelta(hours=2))
    wanted, lines = here.rows(), here.settings.dataset_path.read_bytes()
    log = here.settings.log_path.read_bytes()
    assert verify(here.db, here.settings) == []
    here.settings = here.settings.model_copy(update={"system_version": "later", "max_hold_time_minutes": 7})
    with here.restored() as again:
        said = verify(again.db, again.settings)
        assert sum("the database does not know it" in line for line in said) == 2
        assert sum("lines that the database does not know" in line for line in said) == 2
        done = publish.publish(again.db, **again.paths)
        assert [path.read_bytes() for path in done.ahead] == [log, lines]
        assert publish.publish(again.db, **again.paths).ahead == ()
        assert sum("recover" in line for line in verify(again.db, again.settings)) == 3
        with again.db.begin() as connection:
            checks = health.check_database(connection, again.settings, lambda: NOW)
            (red,) = [check for check in checks if check.name == "restored"]
        assert (red.state, "scorekeeper recover" in red.do) == ("red", True)
        done_again = recover(again.db, again.settings, datetime.now(UTC))
        assert (done_again.files, done_again.decisions, done_again.from_dataset, done_again.guessed) == (2, 3, 0, 0)
        assert (done_again.rejected, done_again.refused) == (1, [])
        assert verify(again.db, again.settings) == []
        follow(again, NOW + timedelta(hours=2))
        assert again.rows() == wanted
        assert verify(again.db, again.settings) == []
        assert sorted(again.statuses()) == sorted(here.statuses())
        assert len(again.statuses()) == len(set(again.statuses()))
        assert recover(again.db, again.settings, datetime.now(UTC)) == Recovered()
        # A redelivery is known, whatever became of the database.
        again.bring("a.jsonl", {"trade_id": "a"}, {"trade_id": "h", "type": "HOLD", "max_hold_minutes": 35})
        assert again.rows() == wanted


def test_a_recovery_that_is_killed_goes_on_where_it_was(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    here.bring("before.jsonl", {"trade_id": "before"})
    here.back_up()
    for number in range(6):
        here.bring(f"f{number}.jsonl", {"trade_id": f"t{number}", "max_hold_minutes": 60 + number})
    wanted = here.rows()
    with here.restored() as again:
        for writes in (4, 9, 17):
            left = count(writes, -1)

            def give_out(*given: Any, left: Iterator[int] = left) -> None:
                if not next(left):
                    raise KeyboardInterrupt
                write(*given)

            with monkeypatch.context() as patched:
                patched.setattr(file_ledger, "write", give_out)
                with pytest.raises(KeyboardInterrupt):
                    recover(again.db, again.settings, datetime.now(UTC))
        recover(again.db, again.settings, datetime.now(UTC))
        assert again.rows() == wanted
        take(again.db, again.settings)
        assert verify(again.db, again.settings) == []


def test_what_the_tracker_and_an_import_brought_comes_back_from_the_dataset(here: Installation) -> None:
    settings = here.settings
    here.back_up()
    context = DecisionContext(NOW, "v7", 90, settings.timezone, None)
    recorder = FastRecorder(here.db, **here.paths)
    for name in ("open", "sold", "asked"):
        said = GOOD | {"trade_id": name, "agent_analyses": {"A": {"signal": "BUY", "confidence": 60}}}
        decision = parse_decision(said, context=context)
        recorder.record(decision, source_name="record_decision", received_at=NOW, fee_bps=10)
    bye = GOOD | {"type": "CLOSE", "trade_id": "bye", "closes": "open", "timestamp": "2025-05-07T12:10:00Z"}
    recorder.record(parse_decision(bye, context=context), source_name="record_decision", received_at=NOW, fee_bps=10)
    recorder.close()
    record = GOOD | {"trade_id": "theirs", "status": "completed", "exit_price": 96_960.0}
    old = settings.inbox_dir.parent / "old.jsonl"
    old.write_text(json.dumps(record | {"exit_time": "2025-05-07T12:20:00Z"}) + "\n")
    import_dataset(here.db, old, settings, NOW)
    here.db.transact(lambda c: settle.close_by_quote(c, "sold", price=95_000.0, at=NOW, as_of=NOW, reason="manual"))
    assert here.db.transact(lambda c: close_requests.request_close(c, "asked", NOW)) == "requested"
    follow(here, NOW + timedelta(hours=1))
    wanted = [row[:5] + row[6:] for row in here.rows()]
    with here.db.begin() as connection:
        reasons = connection.execute(text("SELECT exit_reason FROM scorekeeper.trade ORDER BY trade_id"))
        assert list(reasons.scalars()) == ["manual", "signal", "manual", "imported"]
    with here.restored() as again:
        # The backup is of before anything was published: the files are somebody else's to this database.
        foreign = publish.publish(again.db, **again.paths).set_aside
        assert recover(again.db, again.settings, NOW + timedelta(hours=1)) == Recovered()
        done = recover(again.db, again.settings, NOW + timedelta(hours=1), [foreign[1]])
        assert (done.files, done.from_dataset, done.exits, done.guessed) == (0, 5, 3, 0)
        follow(again, NOW + timedelta(hours=1))
        assert [row[:5] + row[6:] for row in again.rows()] == wanted
        assert verify(again.db, again.settings) == []
        with again.db.begin() as connection:
            signals = connection.execute(text("SELECT count(*), min(signal) FROM scorekeeper.agent_signal")).one()
            assert tuple(signals) == (3, "BUY")


def test_without_its_line_a_decision_is_received_when_its_file_was_moved(here: Installation) -> None:
    here.back_up()
    now = datetime.now(UTC)
    here.bring("a.jsonl", {"trade_id": "a", "timestamp": (now - timedelta(minutes=5)).isoformat()}, at=now)
    here.settings.dataset_path.unlink()
    here.settings.log_path.unlink()
    with here.restored() as again:
        done = recover(again.db, again.settings, now + timedelta(hours=9))
        assert (done.decisions, done.guessed) == (1, 1)
        ((_, received_at, _, late, *_),) = again.rows()
        assert abs(received_at - now) < timedelta(seconds=20)
        assert late is False
        assert verify(again.db, again.settings) == []


def test_an_ingest_reads_a_dataset_that_was_set_aside_only_once(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.bring("before.jsonl", {"trade_id": "before"})
    dataset = here.settings.dataset_path
    aside = dataset.with_name(f"{dataset.name}.before-restore-1")
    line = dataset.read_text()
    read: list[str] = []

    def note(path: Path) -> Any:
        read.append(path.name)
        return open_published(path)

    monkeypatch.setattr(unknown_files, "open_published", note)
    aside.write_text(line + line.replace('"before"', '"one"') + line.replace('"before"', '"two"'))
    for _ in range(3):
        with pytest.raises(ScorekeeperError, match="before-restore-1 names 2 decisions that the database has lost"):
            refuse_lost(here.db, here.settings)
    assert read == [aside.name]
    here.bring("found.jsonl", {"trade_id": "one", "confidence": 1})  # what was lost is looked for again
    with pytest.raises(ScorekeeperError, match="names 1 decisions"):
        refuse_lost(here.db, here.settings)
    here.bring("rest.jsonl", {"trade_id": "two", "confidence": 2})
    read.clear()
    for _ in range(3):
        refuse_lost(here.db, here.settings)
    assert read == [aside.name]
    with aside.open("a") as file:
        file.write(line.replace('"before"', '"three"'))
    with pytest.raises(ScorekeeperError, match="names 1 decisions"):
        refuse_lost(here.db, here.settings)


def test_only_a_torn_line_is_cut_and_a_rebuild_keeps_what_is_not_ours(here: Installation) -> None:
    here.bring("a.jsonl", {"trade_id": "a"})
    dataset = here.settings.dataset_path
    whole = dataset.read_bytes()
    dataset.write_bytes(whole + b'{"trade_id": "to')
    assert verify(here.db, here.settings) == []
    assert publish.publish(here.db, **here.paths).ahead == ()
    assert dataset.read_bytes() == whole
    dataset.write_bytes(whole + b'{"trade_id": "x"}\n{"tor')
    (kept,) = publish.rebuild(here.db, **here.paths).ahead
    assert (dataset.read_bytes(), kept.read_bytes()) == (whole, whole + b'{"trade_id": "x"}\n{"tor')
    kept.unlink()
    dataset.write_bytes(whole.replace(b"BTC", b"ETH"))
    (edited,) = publish.rebuild(here.db, **here.paths).edited
    assert (dataset.read_bytes(), edited.read_bytes()) == (whole, whole.replace(b"BTC", b"ETH"))
    dataset.write_bytes(whole[:-30])
    done = publish.rebuild(here.db, **here.paths)
    assert (done.ahead, done.edited, dataset.read_bytes()) == ((), (), whole)


def test_files_that_were_put_into_the_archive_by_hand_are_found_too(here: Installation) -> None:
    here.bring("a.jsonl", {"trade_id": "a"})
    (archived,) = here.settings.archive_dir.rglob("*.jsonl")
    shutil.copy(archived, archived.with_name("another-name.jsonl"))
    assert verify(here.db, here.settings) == []
    archived.with_name("strange.jsonl").write_text(json.dumps(GOOD | {"trade_id": "s"}) + "\n")
    (difference,) = verify(here.db, here.settings)
    assert "strange.jsonl: the database does not know it" in difference
    assert recover(here.db, here.settings, datetime.now(UTC)).decisions == 1
    assert verify(here.db, here.settings) == []


def test_a_recovery_reads_confidences_on_the_scale_that_the_files_have(here: Installation) -> None:
    here.settings = here.settings.model_copy(update={"confidence_scale": "fraction"})
    here.bring("before.jsonl", {"trade_id": "before", "confidence": 0.5})
    here.back_up()
    here.bring("a.jsonl", {"trade_id": "a", "confidence": 0.8})
    here.bring("b.jsonl", {"trade_id": "b", "confidence": 0.7})
    (lost,) = here.settings.archive_dir.rglob("b-*.jsonl")
    lost.unlink()
    with here.restored() as again:
        done = recover(again.db, again.settings, datetime.now(UTC))
        assert (done.files, done.from_dataset, done.refused) == (1, 1, [])
        with again.db.begin() as connection:
            found = connection.execute(text("SELECT trade_id, confidence FROM scorekeeper.decision ORDER BY 1")).all()
        assert [tuple(row) for row in found] == [("a", 80.0), ("b", 70.0), ("before", 50.0)]


def test_what_a_file_held_that_is_still_appended_to_is_no_conflict_after_a_recovery(here: Installation) -> None:
    def write_on(*ids: str) -> None:
        for one in ids:  # `lot` is in no dataset: what that alone tells is other content
            bot.write(json.dumps(GOOD | {"trade_id": one, "lot": 3}) + "\n")
        bot.flush()

    def take_at(one: Installation, at: datetime) -> ingest.Summary:
        return ingest.ingest_files(one.db, one.settings, received_at=at)

    (here.settings.inbox_dir / "day").mkdir()
    with (here.settings.inbox_dir / "day" / "bot.jsonl").open("a") as bot:
        write_on("a")
        take_at(here, NOW)
        publish.publish(here.db, **here.paths)
        here.back_up()
        write_on("b", "c")
        take_at(here, NOW + timedelta(minutes=1))
        publish.publish(here.db, **here.paths)
        wanted = here.rows()
        write_on("d")
        with here.restored() as again:
            done = recover(again.db, again.settings, NOW + timedelta(days=1))
            assert (done.decisions, done.from_dataset, done.guessed) == (2, 0, 0)
            assert again.rows() == wanted
            taken = take_at(again, NOW + timedelta(days=1))
            assert (taken.decisions, taken.duplicates, taken.rejected) == (1, 2, 0)
            bot.close()
            take_at(again, datetime.now(UTC) + timedelta(minutes=1))
            assert verify(again.db, again.settings) == []
            assert len(list(again.settings.archive_dir.rglob("day/bot-*.jsonl"))) == 1


def test_what_a_recovery_refuses_is_refused_in_the_words_of_then(here: Installation) -> None:
    def refusals(one: Installation) -> list[tuple[Any, ...]]:
        query = "SELECT source_name, line, field, reason, excerpt FROM scorekeeper.rejection ORDER BY 1, 2"
        with one.db.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    here.back_up()
    (here.settings.inbox_dir / "pretty.jsonl").write_text(json.dumps([GOOD, GOOD | {"price": 2}], indent=2))
    (here.settings.inbox_dir / "quoted.jsonl").write_text(f"{json.dumps(GOOD)}\n{GOOD}\n")
    for path in here.settings.inbox_dir.iterdir():
        os.utime(path, (NOW.timestamp() - 60, NOW.timestamp() - 60))
    here.bring("price.jsonl", {"price": -1})
    wanted = refusals(here)
    assert len(wanted) == 3
    with here.restored() as again:
        recover(again.db, again.settings, NOW + timedelta(days=1))
        assert refusals(again) == wanted
        assert verify(again.db, again.settings) == []


def test_an_archived_file_that_was_written_to_since_comes_in_with_what_it_gained(here: Installation) -> None:
    here.back_up()
    here.bring("a.jsonl", {"trade_id": "a"})
    (archived,) = here.settings.archive_dir.rglob("a-*.jsonl")
    with archived.open("a") as late:
        late.write(json.dumps(GOOD | {"trade_id": "b"}) + "\n")
    with here.restored() as again:
        done = recover(again.db, again.settings, datetime.now(UTC))
        assert (done.decisions, done.refused) == (2, [])
        assert verify(again.db, again.settings) == []
        assert recover(again.db, again.settings, datetime.now(UTC)).decisions == 0
        (archived,) = here.settings.archive_dir.rglob("a-*.jsonl")
        archived.write_text(archived.read_text().replace("BTC", "ETH"))
    with here.restored() as again:
        assert "is not as it came" in recover(again.db, again.settings, datetime.now(UTC)).refused[0]

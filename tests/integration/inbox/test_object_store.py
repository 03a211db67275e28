"""The inbox in an object store: what comes in once, whatever the store answers, and what is found of it later."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest, quarantine
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store import ChangedObjectError, open_store, other_stores
from scorekeeper.operations import health
from scorekeeper.operations.prune import prune
from scorekeeper.operations.recover import recover
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify
from tests.object_stores import PAGE, BadDay, Bucket, Fault, make_bucket, run_bad_day, set_environment

INBOX = "live/inbox/"
LATER = timedelta(seconds=6)
INGEST = """
import sys
from datetime import UTC, datetime, timedelta
from scorekeeper.inbox.ingest import ingest_files
from scorekeeper.settings import load_settings
from scorekeeper.store.database import open_database
settings = load_settings()
with open_database(sys.argv[1], settings.scorekeeper_home, migrate=False) as db:
    done = ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))
print(done.decisions, done.duplicates, done.trouble)
"""


def line(number: int) -> bytes:
    day = datetime(2026, 3, 4, tzinfo=UTC) + timedelta(minutes=number)
    return json.dumps({"symbol": "BTC/USDT", "type": "HOLD", "timestamp": day.isoformat()}).encode() + b"\n"


def take(db: Database, settings: Settings) -> ingest.Summary:
    return ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + LATER)


def stored(db: Database) -> int:
    with db.begin() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM scorekeeper.decision").scalar_one())


@pytest.fixture
def bad_day(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[BadDay]:
    with run_bad_day(bucket.endpoint) as day:
        set_environment(day.url, monkeypatch)
        yield day


def test_decisions_come_in_once_from_a_bucket_and_are_found_again(
    db: Database, bucket_settings: Settings, bucket: Bucket
) -> None:
    settings = bucket_settings.model_copy(update={"keep_archive_days": 30})
    for name, content in {
        "a.jsonl": line(1) + line(2), "copy.jsonl": line(1) + line(2), "bot/b.json": line(3), "/slash.json": line(4),
        "bad.jsonl": line(5) + b"{broken}\n", "ünï %20+&?#.json": line(6), ".hidden.json": line(7),
        "later.json.tmp": line(8), "notes.txt": b"x", "a/../dots.json": line(9), "day/": b"", "new\nline.csv": b"x",
        "long.jsonl": b"".join(map(line, range(100, 400))),
    }.items():  # fmt: skip
        bucket.put(INBOX + name.replace("\n", "\x07"), content)
    bucket.put("live/inboxes/other.json", line(10))
    done = take(db, settings)
    assert (done.decisions, done.duplicates, done.rejected, done.trouble) == (306, 2, 1, [])
    assert {kind.what: kind.names for kind in done.passed_over} == {
        "of another ending": ["notes.txt"],
        "a key with control characters, or with a part of dots alone": ["a/../dots.json", "new\\x07line.csv"],
    }
    left = {".hidden.json", "later.json.tmp", "notes.txt", "a/../dots.json", "day/", "new\x07line.csv"}
    assert {key.removeprefix(INBOX) for key in bucket.keys(INBOX)} == left
    assert bucket.get("live/inboxes/other.json") == line(10)
    assert len(bucket.keys("live/archive/")) == 6
    assert verify(db, settings) == []
    assert (take(db, settings).found, health.count_waiting(settings)) == (0, 0)

    # The same name with other bytes is a new file, and the same bytes under another name are a duplicate.
    bucket.put(f"{INBOX}a.jsonl", line(2) + line(11))
    bucket.put(f"{INBOX}c.jsonl", line(2) + line(11))
    done = take(db, settings)
    assert (done.decisions, done.duplicates) == (1, 3)
    assert len(bucket.keys("live/archive/")) == 8

    # What was refused is listed, mended where it lies, and tried again.
    with db.begin() as connection:
        checks = {one.name: one for one in health.check_database(connection, settings, lambda: datetime.now(UTC))}
        (one,) = quarantine.list_quarantined(connection, settings)
    assert checks["quarantine"].state == "warning"
    assert checks["restored"].state == "ok"
    (lies,) = one.files.values()
    key = str(lies).removeprefix(f"s3://{bucket.name}/")
    assert json.loads(bucket.get(f"{key}.error.json") or b"")["rejected"][0]["line"] == 2
    bucket.put(key, line(5) + line(12))
    assert verify(db, settings) == []
    bucket.put(f"{INBOX}bad.jsonl", line(13))  # its name is taken again meanwhile
    quarantine.put_back(db, settings, one, datetime.now(UTC))
    assert bucket.get(f"{INBOX}1-bad.jsonl") == line(5) + line(12)
    assert (take(db, settings).decisions, bucket.keys("live/quarantine/")) == (2, [])
    assert verify(db, settings) == []

    # A changed or lost file of the archive is a difference, until prune has removed its day.
    archived = next(key for key in bucket.keys("live/archive/") if "/b-" in key)
    content = bucket.get(archived) or b""
    bucket.put(archived, content + b" ")
    assert "has changed since it came in" in verify(db, settings)[0]
    bucket.client.delete_object(Bucket=bucket.name, Key=archived)
    assert "is not at s3://" in verify(db, settings)[0]
    assert prune(db, settings, datetime.now(UTC) + timedelta(days=29)).days == []
    pruned = prune(db, settings, datetime.now(UTC) + timedelta(days=40))
    assert [str(day) for day in pruned.days] == [f"s3://{bucket.name}/live/archive/{datetime.now(UTC):%Y/%m/%d}"]
    assert bucket.keys("live/archive/") == ["live/archive/.pruned-before"]
    assert verify(db, settings) == []


def test_doctor_names_an_object_store_that_is_away(
    db: Database, bucket_settings: Settings, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(f"{INBOX}bad.jsonl", b"{broken}\n")
    take(db, bucket_settings)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with db.begin() as connection:
        checks = [*health.check_database(connection, bucket_settings, lambda: datetime.now(UTC))]
    checks += health.check_inbox(bucket_settings, datetime.now(UTC), {})
    red = {one.name: one.says for one in checks if one.state == "red"}
    assert red.keys() == {"archive", "inbox"}
    assert all("cannot be reached" in says for says in red.values())


def test_what_the_database_lost_is_taken_in_again_from_a_bucket(
    db: Database, bucket_settings: Settings, bucket: Bucket
) -> None:
    bucket.put(f"{INBOX}a.jsonl", line(1) + line(2))
    bucket.put(f"{INBOX}bad.jsonl", line(3) + b"{broken}\n")
    take(db, bucket_settings)
    with db.begin() as connection:
        connection.exec_driver_sql("TRUNCATE scorekeeper.decision, scorekeeper.decision_file CASCADE")
    assert len(verify(db, bucket_settings)) == 2
    done = recover(db, bucket_settings, datetime.now(UTC))
    assert (done.files, done.decisions, done.rejected, done.refused) == (2, 3, 1, [])
    assert (stored(db), verify(db, bucket_settings)) == (3, [])


def test_each_decision_comes_in_once_on_a_bad_day(
    db: Database, bucket_settings: Settings, bucket: Bucket, bad_day: BadDay
) -> None:
    for number in range(12):
        bucket.put(f"{INBOX}{number}.jsonl", line(number) * 300 if number % 2 else line(number))
    bucket.put(f"{INBOX}bad.jsonl", b"{broken}\n")
    faults: dict[str, list[Fault | None]] = {
        "GET": ["slow down", "cut bytes"], "HEAD": ["slow down"], "PUT": ["lost answer", "failed answer"],
        "COPY": ["failed answer", "lost answer"], "DELETE": ["lost answer", "failed answer"],
    }  # fmt: skip

    listing: list[Fault] = ["cut text", "slow down", "cut bytes"]

    def befall(method: str, path: str, before: int) -> Fault | None:
        if "list-type" in path:
            return listing.pop() if listing else None
        planned = faults[method]
        return planned[sum(path.encode()) % len(planned)] if not before else None

    bad_day.befall = befall
    done = take(db, bucket_settings)
    assert (done.decisions, done.rejected, done.trouble) == (12, 1, [])
    bad_day.befall = lambda method, path, before: None
    assert set(bad_day.hit) == {"slow down", "cut bytes", "cut text", "lost answer", "failed answer"}
    assert (len(bucket.keys("live/archive/")), len(bucket.keys("live/quarantine/"))) == (12, 2)
    assert bucket.keys(INBOX) == []
    assert verify(db, bucket_settings) == []


def test_a_kill_between_copy_and_removal_counts_nothing_twice(
    db: Database, bucket_settings: Settings, bucket: Bucket, bad_day: BadDay, database_url: str
) -> None:
    for number in range(6):
        bucket.put(f"{INBOX}{number}.json", line(number))
    environment = os.environ | {"INBOX_DIR": str(bucket_settings.inbox), "DATABASE_URL": database_url}
    command = [sys.executable, "-c", INGEST, database_url]
    for _ in range(2):
        running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

        def kill(method: str, path: str, before: int, running: subprocess.Popen[str] = running) -> Fault | None:
            if method != "DELETE":
                return None
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)
                running.wait()
            return "slow down"  # also those that other threads had sent by then

        bad_day.befall = kill
        running.communicate(timeout=60)
        assert running.returncode == -signal.SIGKILL
        assert len(bucket.keys(INBOX)) == 6
        assert bucket.keys("live/archive/")
    bad_day.befall = lambda method, path, before: None
    # Two workers finish it at once.
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda _: take(db, bucket_settings), range(2)):
            assert (done.decisions, done.trouble) == (0, [])
    assert (stored(db), bucket.keys(INBOX), len(bucket.keys("live/archive/"))) == (6, [], 6)
    assert verify(db, bucket_settings) == []


def test_what_replaced_an_object_between_copy_and_removal_is_read(
    db: Database, bucket_settings: Settings, bucket: Bucket, bad_day: BadDay
) -> None:
    bucket.put(f"{INBOX}latest.json", line(1))

    def replace(method: str, path: str, before: int) -> Fault | None:
        if method == "DELETE" and not before:
            bucket.put(f"{INBOX}latest.json", line(2))
        return None

    bad_day.befall = replace
    assert take(db, bucket_settings).decisions == 1
    assert bucket.get(f"{INBOX}latest.json") == line(2)
    assert (take(db, bucket_settings).decisions, bucket.keys(INBOX)) == (1, [])
    assert (len(bucket.keys("live/archive/")), verify(db, bucket_settings)) == (2, [])


def test_a_write_on_a_condition_is_carried_out_once(bucket: Bucket, bad_day: BadDay) -> None:
    store, url = open_store(bucket.url), bucket.url / "a"
    bad_day.befall = lambda method, path, before: "lost answer" if method == "PUT" and not before else None
    etag = store.put(url, b"1", create=True)  # carried out twice, the second time in vain
    with pytest.raises(ChangedObjectError):
        store.put(url, b"2", create=True)
    found = store.head(url)
    assert found is not None
    assert (found.etag, found.size) == (etag, 1)
    later = store.put(url, b"22", etag=etag)
    for refused in (
        lambda: store.put(url, b"3", etag=etag), lambda: store.put(bucket.url / "gone", b"3", etag=etag),
        lambda: store.copy(found, bucket.url / "b"), lambda: store.delete(url, etag), lambda: store.open(found).read(),
    ):  # fmt: skip
        with pytest.raises(ChangedObjectError):
            refused()
    assert bucket.keys() == ["a"]
    bad_day.befall = lambda method, path, before: "unmet answer" if method == "DELETE" and not before else None
    store.delete(url, later)
    assert bad_day.hit["unmet answer"] == 1
    store.delete(url, later)
    assert (store.get(url), store.head(url), bucket.keys()) == (None, None, [])


def test_the_stores_of_the_other_library_keep_to_the_same_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_stores, "from_url", lambda *_, **__: MemoryStore())
    store, inbox = other_stores.OtherStore("az", "trading"), ObjectUrl("az", "trading", "in")
    url = inbox / "ünï %+.json"
    etag = store.put(url, b"1", create=True)
    assert store.put(url, b"1", create=True) == etag
    found = store.head(url)
    assert found is not None
    assert store.get(url) == (found, b"1")
    with store.open(found) as file:
        assert file.read() == b"1"
    later = store.put(url, b"22", etag=etag)
    for refused in (
        lambda: store.put(url, b"3", create=True), lambda: store.put(url, b"3", etag=etag),
        lambda: store.copy(found, inbox / "b"), lambda: store.delete(url, etag), lambda: store.open(found).read(),
    ):  # fmt: skip
        with pytest.raises(ChangedObjectError):
            refused()
    now = store.head(url)
    assert now is not None
    store.copy(now, inbox / "deep/c")
    assert [one.url.key for one in store.list(inbox)] == ["in/deep/c", url.key]
    folders, objects = store.browse(inbox)
    assert ([one.key for one in folders], [one.url for one in objects]) == (["in/deep"], [url])
    store.delete(url, later)
    store.delete(url, later)
    assert (store.get(url), store.head(url)) == (None, None)


def test_a_long_object_is_read_on_where_the_connection_broke(bucket: Bucket, bad_day: BadDay) -> None:
    content = os.urandom(3 << 20)
    bucket.put("long", content)
    store = open_store(bucket.url)
    found = store.head(bucket.url / "long")
    assert found is not None
    bad_day.befall = lambda method, path, before: "cut bytes" if method == "GET" and before < 3 else None
    with store.open(found) as file:
        assert file.read() == content
        assert file.seek(1 << 20) == 1 << 20
        assert file.read(7) == content[1 << 20 : (1 << 20) + 7]
    assert bad_day.hit["cut bytes"] == 3


def test_folders_and_pages_of_a_bucket_are_listed(bucket: Bucket) -> None:
    for number in range(2 * PAGE + 1):
        bucket.put(f"x/{number:04}", b"")
    bucket.put("x/deep/one", b"")
    bucket.put("xy", b"")
    store = open_store(bucket.url)
    found = [one.url.key for one in store.list(bucket.url / "x")]
    assert (len(found), found) == (2 * PAGE + 2, sorted(found))
    folders, objects = store.browse(bucket.url / "x")
    assert ([one.key for one in folders], len(objects)) == (["x/deep"], 2 * PAGE + 1)


def test_an_inbox_of_a_whole_bucket_lists_no_history(db: Database, bucket: Bucket, bad_day: BadDay) -> None:
    settings = load_settings(inbox_dir=bucket.url)
    for number in range(5 * PAGE):
        bucket.put(f"archive/2026/03/04/{number}-0123456789ab.json", line(number))
        bucket.put(f"quarantine/{number}-0123456789ab.json", line(number))
    for key in ("a.json", "archive", "archive0.json", "b/archive/c.json", "z.json", "quarantine.json", "notes.txt"):
        bucket.put(key, line(100 + len(key)))
    place = open_place(settings)
    read = ["a.json", "archive0.json", "b/archive/c.json", "quarantine.json", "z.json"]
    assert [place.name_of(address) for address in place.look()] == read
    assert bad_day.seen["GET"] <= 5
    assert (health.count_waiting(settings), health.count_waiting(settings, often=True)) == (5, 5)
    assert take(db, settings).decisions == 4  # two have the same content
    assert bucket.keys("archive0") + bucket.keys("a.json") + bucket.keys("z") == []


def test_a_store_that_refuses_is_named_with_what_to_do(
    settings: Settings, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = make_bucket(s3, monkeypatch)
    missing = load_settings(inbox_dir=ObjectUrl("s3", "no-such-bucket", "inbox"))
    with pytest.raises(ScorekeeperError, match=r"^s3://no-such-bucket/inbox: there is no such bucket: make it"):
        open_place(missing).look()
    (check,) = health.check_inbox(missing, datetime.now(UTC), {})
    assert (check.state, health.count_waiting(missing)) == ("red", None)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    with run_bad_day(s3) as day:
        set_environment(day.url, monkeypatch)
        day.befall = lambda method, path, before: "slow down"
        with pytest.raises(ScorekeeperError, match=r"the object store is overloaded \(503\): the next run"):
            open_store(bucket.url).head(bucket.url / "a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ScorekeeperError, match="cannot be reached: check the network, and AWS_ENDPOINT_URL"):
        open_store(bucket.url).head(bucket.url / "a")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(Path("nowhere").absolute()))
    with pytest.raises(ScorekeeperError, match="no credentials: set AWS_ACCESS_KEY_ID"):
        open_store(bucket.url).head(bucket.url / "a")

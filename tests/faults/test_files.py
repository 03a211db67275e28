"""Lines of the list of faults (README.md) that concern files and what is in them, each named by its number."""

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.inbox import ingest, reader
from scorekeeper.inbox.places import walk
from scorekeeper.operations import import_dataset
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from scorekeeper.verify.run import verify
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
GOOD: dict[str, Any] = {
    "symbol": "BTCUSDT", "type": "BUY", "price": 100.0, "timestamp": "2025-05-05T10:00:00Z", "confidence": 80,
    "agent_analyses": {"A": {"signal": "BUY", "confidence": 70}},
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inbox").mkdir()
    return load_settings()


def drop(settings: Settings, name: str, reason: str = "") -> Path:
    path = settings.inbox_dir / name
    path.write_text(json.dumps(GOOD | {"reason": reason or name}))
    return path


def take(db: Database, settings: Settings) -> ingest.Summary:
    """As long after the last file as makes each of them settled."""
    return ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=6))


def reasons(db: Database) -> set[str]:
    with db.begin() as connection:
        return set(connection.execute(text("SELECT reason FROM scorekeeper.decision")).scalars())


def test_a_03_file_renamed_while_it_is_listed_is_found_under_its_new_name(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.json", "b.json", "c.json"):
        drop(settings, name)
    real = walk.walk_inbox

    def list_and_change(folder: Path, skip: Any) -> Any:
        found = real(folder, skip)
        (folder / "a.json").rename(folder / "z.json")
        (folder / "b.json").unlink()
        return found

    with monkeypatch.context() as once:
        once.setattr(walk, "walk_inbox", list_and_change)
        first = take(db, settings)
    assert (first.trouble, first.rejections) == ([], [])
    assert take(db, settings).trouble == []
    assert reasons(db) == {"a.json", "c.json"}


def test_a_05_name_with_new_bytes_is_a_new_file_and_the_archive_keeps_both(db: Database, settings: Settings) -> None:
    for reason in ("first", "second"):
        drop(settings, "latest.json", reason)
        assert take(db, settings).decisions == 1
    kept = [json.loads(path.read_text())["reason"] for path in settings.archive_dir.rglob("*.json")]
    assert sorted(kept) == ["first", "second"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz"])
def test_an_07_empty_file_is_quarantined_with_the_reason(db: Database, settings: Settings, name: str) -> None:
    (settings.inbox_dir / name).write_bytes(gzip.compress(b"") if name.endswith("gz") else b"")
    (one,) = take(db, settings).rejections
    assert (one["file"], one["line"]) in ((name, 0), (name, 1))
    assert "empty" in one["reason"] or "no decision" in one["reason"]
    assert len([path for path in settings.quarantine_dir.iterdir() if "error" not in path.name]) == 1


def test_an_08_torn_last_line_waits_and_then_goes_to_quarantine(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "log.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + json.dumps(GOOD)[:40])
    now = ingest.ingest_files(db, settings, received_at=datetime.now(UTC))
    assert (now.rejected, now.waiting) == (0, ["log.jsonl"])
    later = take(db, settings)
    assert [one["line"] for one in later.rejections] == [2]
    assert len(reasons(db)) == 1
    assert list(settings.inbox_dir.iterdir()) == []


def test_a_11_name_that_sorts_before_those_already_done_comes_in(db: Database, settings: Settings) -> None:
    for name in ("m.json", "a.json", "0.json"):
        drop(settings, name)
        assert take(db, settings).decisions == 1


DECISIONS = [json.dumps(GOOD | {"reason": reason}) for reason in ("1", "2")]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("\n".join(DECISIONS).encode(), ("a.json", "b.jsonl")),
        ("\n".join(DECISIONS).encode(), ("a.jsonl", "b.json")),
        (f"[{','.join(DECISIONS)}]".encode(), ("a.jsonl", "b.json")),
        (f"[{','.join(DECISIONS)}]".encode(), ("a.json", "b.jsonl")),
        (gzip.compress("\n".join(DECISIONS).encode()), ("a.jsonl", "b.jsonl.gz")),
    ],
)
@pytest.mark.parametrize("at_once", [True, pytest.param(False, marks=pytest.mark.long)])
def test_the_same_04_bytes_as_another_kind_of_file_keep_nothing_out(
    db: Database, settings: Settings, content: bytes, names: tuple[str, str], at_once: bool
) -> None:
    for name in names:
        (settings.inbox_dir / name).write_bytes(content)
        if not at_once:
            take(db, settings)
            assert verify(db, settings) == []
    while take(db, settings).waiting:
        pass
    assert reasons(db) == {"1", "2"}
    assert list(settings.inbox_dir.iterdir()) == []
    assert verify(db, settings) == []


def test_a_15_missing_inbox_is_said_clearly(db: Database, settings: Settings) -> None:
    settings.inbox_dir.rmdir()
    with pytest.raises(ScorekeeperError, match="does not exist: make it, or set INBOX_DIR"):
        take(db, settings)
    settings.inbox_dir.write_text("")
    with pytest.raises(ScorekeeperError, match="cannot be read: Not a directory"):
        take(db, settings)
    settings.inbox_dir.unlink()
    settings.inbox_dir.mkdir()
    drop(settings, "a.json")
    assert take(db, settings).decisions == 1


def test_a_28_killed_migration_leaves_nothing_and_the_next_one_does_it(cluster: embedded.Lease, tmp_path: Path) -> None:
    host = str(cluster.socket_folder)
    with psycopg.connect(host=host, user=embedded.ROLE, dbname="postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE test_28")
        url = f"postgresql://{embedded.ROLE}@/test_28?host={host}"
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'test_28' AND wait_event_type = 'Lock'"
        with psycopg.connect(url) as obstacle:
            obstacle.execute("CREATE SCHEMA scorekeeper")  # the migration waits for what becomes of it
            script = f"from scorekeeper.store.database import open_database; open_database({url!r}, None)"
            migration = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
            assert wait_until(lambda: admin.execute(waiting).fetchone() == (1,), 30)
            migration.send_signal(signal.SIGKILL)
            migration.wait()
            obstacle.rollback()
        with open_database(url, tmp_path) as db, db.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM scorekeeper.decision")).scalar() == 0
        admin.execute("DROP DATABASE test_28 WITH (FORCE)")


def test_with_29_a_database_that_takes_no_writes_the_files_stay_where_they_are(
    db: Database, settings: Settings
) -> None:
    path = drop(settings, "a.json")
    name = db.engine.url.database

    def let_write(word: str) -> None:
        with db.begin() as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {word}"))
        db.engine.dispose()

    let_write("on")
    with pytest.raises(DatabaseError, match=r"takes no writes .*read-only transaction"):
        take(db, settings)
    assert path.exists()
    assert not settings.archive_dir.exists()
    let_write("off")
    assert take(db, settings).decisions == 1


def words(**changed: Any) -> bytes:
    return json.dumps(GOOD | changed).encode()


def raw(name: str, value: str) -> bytes:
    """A decision in which `name` has a value as another program's writer put it."""
    return (json.dumps({key: one for key, one in GOOD.items() if key != name})[:-1] + f', "{name}": {value}}}').encode()


SOON = "six minutes from when the test is run"
HOSTILE = {
    "41 NaN": (raw("price", "NaN"), "price"),
    "41 Infinity": (raw("confidence", "-Infinity"), "confidence"),
    "41 1e999": (raw("price", "1e999"), "price"),
    "41 5,000 digits": (raw("price", "9" * 5_000), "price"),
    "42 NUL": (raw("reason", '"a\\u0000b"'), "reason"),
    "42 lone surrogate": (raw("reason", '"\\ud800"'), "reason"),
    "42 in a name": (raw("agent_analyses", '{"A\\u0000": {"signal": "BUY"}}'), "agent_analyses.A\\x00"),
    "43 UTF-16": (words().decode().encode("utf-16"), None),
    "43 Latin-1": (words(reason="x").replace(b'"x"', b'"\xe9"'), None),
    "44 duplicate key": (raw("x", '1, "type": "SELL"'), "type"),
    "44 nested": (raw("agent_analyses", '{"A": {"signal": "BUY", "signal": "SELL"}}'), "agent_analyses.A.signal"),
    "45 depth": (raw("x", "[" * 100_000 + "]" * 100_000), None),
    "45 long string": (words(reason="x" * (40 << 20)), None),
    "51 agents": (words(agent_analyses={f"A{n}": {"signal": "BUY"} for n in range(10_000)}), "agent_analyses"),
    "51 fields": (words(**{f"f{n}": n for n in range(1_000)}), None),
    "52 price 0": (words(price=0), "price"),
    "52 price -1": (words(price=-1), "price"),
    "52 price 45k": (words(price="45k"), "price"),
    "53 year 1": (words(timestamp="0001-01-01T00:00:00Z"), "timestamp"),
    "53 year 9999": (words(timestamp="9999-12-31T00:00:00Z"), "timestamp"),
    "53 infinity": (words(timestamp="infinity"), "timestamp"),
    "53 tomorrow": (words(timestamp=(datetime.now(UTC) + timedelta(days=1)).isoformat()), "timestamp"),
    "53 six minutes ahead": (words(timestamp=SOON), "timestamp"),
}


@pytest.mark.parametrize("confidence", [-5, 101, "high", True])
def test_a_52_confidence_that_is_none_costs_itself_alone_and_is_named(
    db: Database, settings: Settings, confidence: object
) -> None:
    """The decision itself is not refused, since a trade means the same without a confidence."""
    (settings.inbox_dir / "a.json").write_bytes(words(confidence=confidence))
    summary = take(db, settings)
    assert (summary.decisions, summary.rejected, summary.noted) == (1, 0, 1)
    assert [(one["file"], one["line"], one["field"]) for one in summary.notes] == [("a.json", 1, "confidence")]
    with db.begin() as connection:
        kept = connection.exec_driver_sql("SELECT confidence, notes ->> 0 FROM scorekeeper.decision").one()
    assert (kept[0], "left out" in kept[1]) == (None, True)


@pytest.mark.long  # test_hostile.py takes the like of them in one inbox
@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_of_41_to_53_is_refused_and_the_next_file_comes_in(
    db: Database, settings: Settings, case: str
) -> None:
    content, field = HOSTILE[case]
    soon = (datetime.now(UTC) + timedelta(minutes=6)).isoformat()
    (settings.inbox_dir / "a.json").write_bytes(content.replace(SOON.encode(), soon.encode()))
    drop(settings, "b.json")
    began = time.process_time()
    summary = take(db, settings)
    assert time.process_time() - began < 10
    assert (summary.decisions, summary.rejected, summary.trouble) == (1, 1, [])
    (one,) = summary.rejections
    if field is not None:
        assert one["field"] == field
    assert one["reason"].isprintable()
    report = json.loads(next(settings.quarantine_dir.glob("*.error.json")).read_text())
    assert [refusal["reason"] for refusal in report["rejected"]] == [one["reason"]]


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="a file system that holds any year")
@pytest.mark.parametrize("seconds", [-(10**11), 10**12])
def test_a_53_file_whose_own_time_is_of_no_year_stops_no_other(db: Database, settings: Settings, seconds: int) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        settings = settings.model_copy(update={"inbox_dir": Path(folder) / "inbox"})
        settings.inbox_dir.mkdir()
        (settings.inbox_dir / "untimed.json").write_text(json.dumps(GOOD | {"timestamp": None}))
        for path in (drop(settings, "a.json"), settings.inbox_dir / "untimed.json"):
            os.utime(path, ns=(0, seconds * 10**9))
        drop(settings, "b.json")
        summary = take(db, settings)
        assert (summary.decisions, summary.trouble) == (2, [])
        (one,) = summary.rejections
        assert (one["file"], one["line"], one["field"]) == ("untimed.json", 1, "timestamp")
        assert list(settings.inbox_dir.iterdir()) == []


@pytest.mark.parametrize("ended", ["9999-12-31T23:59:00-10:00", "0001-01-01T00:00:00+10:00", "infinity", 5])
def test_an_imported_53_time_of_no_year_is_refused_with_its_field(
    db: Database, settings: Settings, ended: object
) -> None:
    path = settings.base_dir / os.fsdecode(b"old \xff.jsonl")
    lines = [GOOD | {"reason": "bad", "exit_price": 101, "exit_time": ended}, GOOD]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = import_dataset.import_dataset(db, path, settings, datetime.now(UTC))
    assert done.decisions == 1
    assert [(one["line"], one["field"]) for one in done.rejected] == [(1, "exit_time")]


def test_a_43_byte_order_mark_is_no_matter(db: Database, settings: Settings) -> None:
    (settings.inbox_dir / "a.json").write_bytes(b"\xef\xbb\xbf" + words(reason="a"))
    (settings.inbox_dir / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + words(reason="b") + b"\n")
    assert take(db, settings).decisions == 2


@pytest.mark.parametrize("name", ["bomb.json.gz", "bomb.jsonl.gz"])
def test_a_45_gzip_bomb_is_refused_in_bounded_memory(settings: Settings, database_url: str, name: str) -> None:
    """In a process of its own, which may take 800 MiB of address space beyond what it starts with."""
    with gzip.open(settings.inbox_dir / name, "wb", compresslevel=1) as bomb:
        for _ in range(1_500):
            bomb.write(b" " * (1 << 20) if name.endswith("json.gz") else b"x" * (1 << 20))
    script = (
        "import resource; from datetime import *; from scorekeeper.inbox import ingest\n"
        "from scorekeeper.settings import load_settings; from scorekeeper.store.database import open_database\n"
        "import psutil; limit = psutil.Process().memory_info().vms + (800 << 20)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "s = load_settings()\n"
        f"db = open_database({database_url!r}, s.scorekeeper_home)\n"
        "done = ingest.ingest_files(db, s, received_at=datetime.now(UTC) + timedelta(seconds=6))\n"
        "print(done.rejected, done.trouble, done.rejections[0]['reason'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=settings.base_dir, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 [] ")
    assert "MiB" in done.stdout


def test_of_a_45_bomb_of_blank_lines_no_more_than_a_million_are_read(db: Database, settings: Settings) -> None:
    first = json.dumps(GOOD).encode() + b"\n"
    (settings.inbox_dir / "a.jsonl.gz").write_bytes(gzip.compress(first + b"\n" * 3_000_000, 1))
    drop(settings, "b.json")
    summary = take(db, settings)
    assert (summary.decisions, summary.trouble) == (2, [])
    assert [(one["line"], one["reason"]) for one in summary.rejections] == [
        (1_000_002, "more than 1,000,000 blank lines")
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_45_file_full_of_refusals_is_not_read_to_its_end_and_that_is_said(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(reader, "MOST_REFUSED", 7)
    monkeypatch.setattr(reader, "BATCH_DECISIONS", 3)
    entries = ["{}"] * 4 + [json.dumps(GOOD)] + ["{}"] * 100
    whole = "\n".join(entries) + "\n" if name == "a.jsonl" else f"[{','.join(entries)}]"
    (settings.inbox_dir / name).write_text(whole)
    drop(settings, "b.json")
    summary = take(db, settings)
    assert (summary.decisions, summary.rejected) == (2, 8)
    assert summary.rejections[-1]["line"] == 9
    assert summary.rejections[-1]["reason"] == "after 7 refusals the rest of the file, from here on, was not read"
    assert [path.suffix for path in settings.quarantine_dir.glob("a*") if "error" not in path.name] == [
        Path(name).suffix
    ]


def test_text_50_that_looks_like_a_statement_or_a_template_is_plain_data(db: Database, settings: Settings) -> None:
    payloads = [
        "'; DROP TABLE scorekeeper.decision; --",
        "%s %(x)s %%",
        "{{ 7 * 7 }} {x} ${x}",
        ":name :1 $1",
        "\\copy",
    ]
    for number, payload in enumerate(payloads):
        decision = GOOD | {
            "reason": payload, "trade_id": payload, "version": payload, "interval": payload, payload: payload,
            "agent_analyses": {payload: {"signal": payload, payload: payload}},
        }  # fmt: skip
        (settings.inbox_dir / f"{number}.json").write_text(json.dumps(decision))
    summary = take(db, settings)
    assert (summary.decisions, summary.rejections) == (len(payloads), [])
    with db.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT d.trade_id, d.reason, d.version, d.bar_interval, s.agent, s.signal, d.extra, s.extra"
                " FROM scorekeeper.decision AS d JOIN scorekeeper.agent_signal AS s USING (trade_id)"
            )
        ).all()
    for *texts, extra, said in rows:
        assert len(set(texts)) == 1
        assert extra == said == {texts[0]: texts[0]}
    assert {row[0] for row in rows} == set(payloads)

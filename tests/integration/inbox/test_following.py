"""Writers that keep their files open, rotate, cut and rewrite them: every line comes in once, whatever they do."""

import gzip
import json
import os
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from scorekeeper.inbox import file_names, ingest, quarantine
from scorekeeper.inbox.places import leases, walk
from scorekeeper.operations import health
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify
from tests.waiting import busy

DAY = datetime(2025, 5, 5, tzinfo=UTC)


def line(number: int) -> str:
    decision = {
        "symbol": "BTC/USDT", "type": "HOLD", "timestamp": (DAY + timedelta(seconds=number)).isoformat(),
        "trade_id": f"T{number}",
    }  # fmt: skip
    return json.dumps(decision) + "\n"


def lines(*numbers: int) -> str:
    return "".join(map(line, numbers))


def take(db: Database, settings: Settings, later: float = 6) -> ingest.Summary:
    """Long enough after the last line that only an open file is waited for, unless said otherwise."""
    done = ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(seconds=later))
    assert done.trouble == []
    return done


def known(db: Database) -> set[int]:
    """The numbers of the decisions that came in; each is there once, or its key would not be one."""
    with db.begin() as connection:
        return {int(one[1:]) for one in connection.execute(text("SELECT trade_id FROM scorekeeper.decision")).scalars()}


def places(db: Database) -> set[tuple[str, int, int]]:
    """Of each decision the file and the line that it is known to be from, and its number."""
    with db.begin() as connection:
        found = connection.execute(text("SELECT source_name, source_line, trade_id FROM scorekeeper.decision"))
        return {(name, number, int(one[1:])) for name, number, one in found}


def archived(settings: Settings) -> list[str]:
    paths = (path for path in settings.archive_dir.rglob("*") if path.is_file())
    return sorted(path.read_text() for path in paths)


def is_done(db: Database, settings: Settings) -> bool:
    """The inbox is empty, nothing is followed, and the books are right."""
    with db.begin() as connection:
        left = connection.execute(
            text(
                "SELECT (SELECT count(*) FROM scorekeeper.followed_file) "
                "+ (SELECT count(*) FROM scorekeeper.file_arrival WHERE moved_at IS NULL)"
            )
        ).scalar_one()
    assert verify(db, settings) == []
    return left == 0 and not [path for path in settings.inbox_dir.rglob("*") if path.is_file()]


def forget_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a system, or a network folder, that cannot tell who has a file open."""
    monkeypatch.setattr(leases, "has_writer", lambda path: None)


def test_an_open_file_is_followed_line_by_line_and_archived_when_closed(db: Database, settings: Settings) -> None:
    with (settings.inbox_dir / "bot.jsonl").open("a") as bot:
        for number in range(5):
            bot.write(line(2 * number) + line(2 * number + 1)[:30])
            bot.flush()
            assert (done := take(db, settings)).held == ["bot.jsonl"]
            assert (done.decisions, done.duplicates, done.rejected, done.waiting) == (1, 0, 0, [])
            assert take(db, settings, later=600).decisions == 0  # the half line waits, however long
            bot.write(line(2 * number + 1)[30:])
            bot.flush()
            assert take(db, settings).decisions == 1
            assert verify(db, settings) == []
    assert (take(db, settings, later=0).waiting, archived(settings)) == (["bot.jsonl"], [])
    assert take(db, settings).files == 1
    assert archived(settings) == [lines(*range(10))]
    assert places(db) == {("bot.jsonl", number + 1, number) for number in range(10)}
    assert is_done(db, settings)


def test_what_is_refused_of_an_open_file_is_named_once_and_quarantined_with_it(
    db: Database, settings: Settings
) -> None:
    with (settings.inbox_dir / "bot.jsonl").open("a") as bot:
        for number in range(3):
            bot.write(line(number) + f'{{"symbol": {number}}}\n\n')
            bot.flush()
            assert [one["line"] for one in take(db, settings).rejections] == [3 * number + 2]
    take(db, settings)
    report = json.loads(next(settings.quarantine_dir.glob("*.error.json")).read_text())
    assert [one["line"] for one in report["rejected"]] == [2, 5, 8]
    assert is_done(db, settings)
    (one,) = quarantined(db, settings)
    assert one.rejected == 3
    quarantine.put_back(db, settings, one, datetime.now(UTC))
    assert (again := take(db, settings)).rejected == 3
    assert (again.decisions, again.duplicates) == (0, 3)
    assert is_done(db, settings)


def quarantined(db: Database, settings: Settings) -> list[quarantine.Quarantined]:
    with db.begin() as connection:
        return quarantine.list_quarantined(connection, settings)


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_log_that_is_rotated_by_renaming_is_read_to_its_end_under_its_new_name(
    db: Database, settings: Settings, seen_before: bool
) -> None:
    path = settings.inbox_dir / "d.jsonl"
    old = path.open("a")
    old.write(lines(0, 1))
    old.flush()
    if seen_before:
        assert take(db, settings).decisions == 2
    path.rename(settings.inbox_dir / "d.jsonl.1")
    old.write(line(2))
    old.flush()
    with path.open("a") as new:
        new.write(lines(3, 4))
        new.flush()
        assert take(db, settings).decisions == (3 if seen_before else 5)
        old.write(line(5))
        old.close()
        assert take(db, settings).decisions == 1
        assert archived(settings) == [lines(0, 1, 2, 5)]
    take(db, settings)
    assert archived(settings) == [lines(0, 1, 2, 5), lines(3, 4)]
    assert known(db) == set(range(6))
    assert is_done(db, settings)


def test_a_followed_file_renamed_to_a_name_that_is_not_read_is_followed(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "d.jsonl"
    with path.open("a") as bot:
        bot.write(line(0))
        bot.flush()
        take(db, settings)
        path.rename(settings.inbox_dir / "d.old")
        (settings.inbox_dir / "e.old").write_text("notes")
        bot.write(line(1))
        bot.flush()
        done = take(db, settings)
    assert (done.decisions, [kind.names for kind in done.passed_over]) == (1, [["e.old"]])
    (settings.inbox_dir / "e.old").unlink()
    take(db, settings)
    assert archived(settings) == [lines(0, 1)]
    assert is_done(db, settings)


@pytest.mark.parametrize("looked_between", [True, False])
def test_a_log_that_is_copied_and_cut_loses_nothing(db: Database, settings: Settings, looked_between: bool) -> None:
    path = settings.inbox_dir / "d.jsonl"
    with path.open("a") as bot:
        bot.write(lines(0, 1))
        bot.flush()
        take(db, settings)
        bot.write(line(2))
        bot.flush()
        shutil.copy(path, settings.inbox_dir / "d.jsonl.1")
        if looked_between:
            take(db, settings, later=0)
        os.truncate(path, 0)
        bot.write(line(3))
        bot.flush()
        take(db, settings)
        bot.write(lines(4, 5, 6, 7))
    take(db, settings)
    assert known(db) == set(range(8))
    assert sorted(archived(settings)) == sorted([lines(0, 1, 2), lines(3, 4, 5, 6, 7)])
    assert is_done(db, settings)


def test_a_file_that_is_written_anew_in_its_place_is_read_anew(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "d.jsonl"
    with path.open("w+") as bot:
        for first in (0, 100, 200):
            bot.seek(0)
            bot.truncate()
            bot.write(lines(*range(first, first + 10 + first // 100)))
            bot.flush()
            take(db, settings)
    take(db, settings)
    assert known(db) == {*range(10), *range(100, 111), *range(200, 212)}
    assert archived(settings) == [lines(*range(200, 212))]
    assert is_done(db, settings)


def test_a_writer_that_replaces_the_file_with_a_longer_one_adds_no_duplicates(db: Database, settings: Settings) -> None:
    path, part = settings.inbox_dir / "d.jsonl", settings.inbox_dir / ".d.part"
    keeper = path.open("a")  # so that it is followed from the first look
    keeper.write(line(0))
    keeper.flush()
    for number in range(4):
        assert (done := take(db, settings, later=0)).decisions == 1
        assert done.duplicates == 0
        part.write_text(lines(*range(number + 2)))
        part.rename(path)
    keeper.close()
    take(db, settings)
    assert known(db) == set(range(5))
    assert is_done(db, settings)


def test_the_torn_line_of_a_killed_writer_goes_to_quarantine_with_its_reason(db: Database, settings: Settings) -> None:
    bot = (settings.inbox_dir / "bot.jsonl").open("a")
    bot.write(lines(0, 1) + line(2)[:40])
    bot.flush()
    assert (take(db, settings).rejected, known(db)) == (0, {0, 1})
    bot.close()
    (one,) = take(db, settings).rejections
    assert (one["file"], one["line"]) == ("bot.jsonl", 3)
    report = json.loads(next(settings.quarantine_dir.glob("*.error.json")).read_text())
    assert [refusal["line"] for refusal in report["rejected"]] == [3]
    assert is_done(db, settings)


def test_a_file_that_opens_and_closes_for_every_line_is_not_read_whole_each_time(
    db: Database, settings: Settings
) -> None:
    path = settings.inbox_dir / "bot.jsonl"
    for number in range(40):
        with path.open("a") as bot:
            bot.write(lines(*range(10 * number, 10 * number + 10)))
        assert (done := take(db, settings, later=0)).decisions == 10
        assert done.duplicates == 0
    with db.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM scorekeeper.followed_file")).scalar() == 1
    take(db, settings)
    assert archived(settings) == [lines(*range(400))]
    assert is_done(db, settings)


def test_the_cost_of_a_look_hangs_on_what_is_new_and_not_on_how_long_the_file_is(
    db: Database, settings: Settings
) -> None:
    with (settings.inbox_dir / "bot.jsonl").open("a") as bot:
        bot.write(line(0) + ("\n" * 999 + " " * 1_000 + "\n") * 5_000)  # ten megabytes
        bot.flush()
        assert take(db, settings).decisions == 1
        for number in range(1, 4):
            bot.write(line(number))
            bot.flush()
            before = read_bytes()
            assert take(db, settings).decisions == 1
            assert read_bytes() - before < 1 << 20


def read_bytes() -> int:
    """What this process has read of anything so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json.gz", "a.json"])
def test_what_is_uploaded_slowly_waits_while_it_is_open_and_comes_in_once(
    db: Database, settings: Settings, name: str
) -> None:
    content = (lines(*range(50)) if "jsonl" in name else f"[{','.join(map(line, range(50)))}]").encode()
    content = gzip.compress(content) if name.endswith(".gz") else content
    with (settings.inbox_dir / name).open("wb") as upload:
        for part in (content[:100], content[100:150], content[150:]):
            upload.write(part)
            upload.flush()
            if part != content[150:]:
                done = take(db, settings, later=60)
                assert (done.decisions, done.rejected, done.held) == (0, 0, [name])
    assert take(db, settings).decisions == 50
    assert is_done(db, settings)


def test_a_document_that_is_rewritten_while_open_is_not_moved(db: Database, settings: Settings) -> None:
    with (settings.inbox_dir / "latest.json").open("w") as bot:
        for number in range(3):
            bot.seek(0)
            bot.truncate()
            bot.write(line(number))
            bot.flush()
            assert ((done := take(db, settings)).decisions, done.held) == (1, ["latest.json"])
        with db.begin() as connection:
            later = datetime.now(UTC) + timedelta(hours=1)
            checks = list(health.check_database(connection, settings, lambda: later))
        assert "archive" not in {check.name for check in checks}
    assert take(db, settings).decisions == 0
    assert (known(db), archived(settings)) == ({0, 1, 2}, [line(2)])
    assert is_done(db, settings)


def test_of_two_followed_files_of_the_same_lines_the_second_is_a_duplicate(db: Database, settings: Settings) -> None:
    bots = [(settings.inbox_dir / name).open("a") for name in ("a.jsonl", "b.jsonl")]
    for bot in bots:
        bot.write(lines(0, 1))
        bot.flush()
    take(db, settings)
    for bot in bots:
        bot.close()
    take(db, settings)
    with db.begin() as connection:
        found = connection.execute(
            text("SELECT name, outcome, decisions, duplicates FROM scorekeeper.file_arrival ORDER BY name")
        ).all()
    assert [tuple(row) for row in found] == [("a.jsonl", "ingested", 2, 0), ("b.jsonl", "duplicate", 0, 2)]
    assert is_done(db, settings)


@pytest.mark.parametrize("torn", [0, 40])
@pytest.mark.parametrize("first", ["", line(0)])
def test_lines_added_to_a_moved_file_come_in_where_open_files_are_unknown(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, torn: int, first: str
) -> None:
    forget_leases(monkeypatch)
    if not first and not torn:
        first = line(9)
    with (settings.inbox_dir / "bot.jsonl").open("a") as bot:
        bot.write(first + line(1)[:torn])
        bot.flush()
        take(db, settings)  # quiet for six seconds: it is moved from under its writer
        assert not list(settings.inbox_dir.iterdir())
        bot.write(line(1)[torn:] + line(2) + line(3)[:20])
        bot.flush()
        assert verify(db, settings) == []  # what is not taken in yet is no difference
        done = take(db, settings)
        assert (done.returned, done.rejected) == (["bot.jsonl"], 0)
        assert known(db) == {1, 2} | ({int(json.loads(first)["trade_id"][1:])} if first else set())
        assert verify(db, settings) == []
        assert not list(settings.quarantine_dir.glob("*"))
        bot.write(line(3)[20:])
        bot.flush()
        assert take(db, settings).returned == []
        assert {2, 3} <= known(db)
    assert take(db, settings, later=4_000).files == 1  # an hour, since it was wrong once
    assert archived(settings) == [first + lines(1, 2, 3)]
    assert is_done(db, settings)


@pytest.mark.parametrize("grown", [(), (6, 7)])
def test_a_moved_file_is_watched_though_another_took_its_name_before_the_move_was_noted(
    db: Database, settings: Settings, grown: tuple[int, ...]
) -> None:
    path = settings.inbox_dir / "bot.jsonl"
    path.write_text(lines(1, 2))
    take(db, settings)
    (moved,) = (one for one in settings.archive_dir.rglob("*") if one.is_file())
    with db.begin() as connection:  # as by a kill between the move and its note
        connection.execute(text("UPDATE scorekeeper.file_arrival SET moved_at = NULL"))
    with path.open("a") as new, moved.open("a") as late:
        late.write(lines(*grown))
        late.flush()
        new.write(lines(3))
        new.flush()
        take(db, settings)
        late.write(lines(4))
        late.flush()
        new.write(lines(5))
        new.flush()
        take(db, settings, 120)
    take(db, settings, 240)
    assert known(db) == {1, 2, 3, 4, 5, *grown}
    assert is_done(db, settings)


def test_a_file_that_grows_in_the_archive_all_the_time_is_read_on_too(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (settings.inbox_dir / "bot.jsonl").open("a") as bot:
        bot.write(lines(0, 1))
        bot.flush()
        with monkeypatch.context() as elsewhere:
            forget_leases(elsewhere)
            take(db, settings)
        for number in range(2, 6):
            bot.write(line(number))
            bot.flush()
            assert take(db, settings).decisions == 1
        assert (settings.inbox_dir / "bot.jsonl").stat().st_ino == os.fstat(bot.fileno()).st_ino
    take(db, settings)
    assert archived(settings) == [lines(*range(6))]
    assert is_done(db, settings)


def test_what_a_moved_file_gains_is_found_whatever_the_case_of_its_ending(db: Database, settings: Settings) -> None:
    (settings.inbox_dir / "BOT.JSONL").write_text(lines(0))
    take(db, settings)
    (path,) = settings.archive_dir.rglob("*.JSONL")
    with path.open("a") as late:
        late.write(line(1))
    assert take(db, settings).returned == ["BOT.JSONL"]
    assert known(db) == {0, 1}


def test_what_a_moved_file_gains_once_it_is_watched_no_longer_is_a_difference(db: Database, settings: Settings) -> None:
    days = 10 * 24 * 3_600
    (settings.inbox_dir / "bot.jsonl").write_text(lines(0))
    take(db, settings)
    take(db, settings, days)
    assert verify(db, settings) == []
    (path,) = settings.archive_dir.rglob("*.jsonl")
    with path.open("a") as late:
        late.write(line(1))
    assert take(db, settings, days + 120).decisions == 0
    (wrong,) = verify(db, settings)
    assert "lines that came too late" in wrong
    shutil.copy(path, settings.inbox_dir)  # as it says
    assert (done := take(db, settings, days + 240)).decisions == done.duplicates == 1
    assert is_done(db, settings)


def test_a_file_that_came_twice_and_grows_where_it_lies_is_followed_once(db: Database, settings: Settings) -> None:
    for _ in range(2):
        (settings.inbox_dir / "a.jsonl").write_text(lines(0, 1))
        take(db, settings)
    (path,) = settings.archive_dir.rglob("*.jsonl")
    with path.open("a") as late:
        late.write(line(2))
    assert (done := take(db, settings)).returned == ["a.jsonl"]
    assert (done.decisions, done.duplicates) == (1, 0)
    take(db, settings)
    assert archived(settings) == [lines(0, 1, 2)]
    assert is_done(db, settings)


def test_what_is_changed_in_the_archive_is_a_difference_and_not_taken_for_growth(
    db: Database, settings: Settings
) -> None:
    (settings.inbox_dir / "a.jsonl").write_text(lines(0, 1))
    take(db, settings)
    (path,) = (path for path in settings.archive_dir.rglob("*.jsonl"))
    path.write_text(lines(5, 6, 7))
    assert (done := take(db, settings)).returned == []
    assert done.decisions == 0
    assert "has changed since it came in" in verify(db, settings)[0]


def test_folders_below_the_inbox_are_read_and_keep_their_path_when_moved(db: Database, settings: Settings) -> None:
    for name in ("2025-05-01/f.json", "2025-05-01/BTC/f.json", ".hidden/f.json"):
        path = settings.inbox_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(line(len(name)))
    (settings.inbox_dir / "BTC").mkdir()
    (settings.inbox_dir / "BTC" / "bad.jsonlines").write_text(line(1) + "{broken}\n")
    (settings.inbox_dir / "elsewhere").symlink_to(settings.inbox_dir / ".hidden")
    done = take(db, settings)
    assert (done.decisions, done.rejected) == (3, 1)
    assert [kind.names for kind in done.passed_over] == [["elsewhere"]]
    today = next(settings.archive_dir.glob("*/*/*"))
    assert sorted(str(path.parent.relative_to(today)) for path in today.rglob("*.json")) == [
        "2025-05-01", "2025-05-01/BTC",
    ]  # fmt: skip
    assert verify(db, settings) == []
    (one,) = quarantined(db, settings)
    (lies,) = one.files.values()
    assert isinstance(lies, Path)
    assert lies.parent == settings.quarantine_dir / "BTC"
    lies.write_text(lines(1, 2))
    quarantine.put_back(db, settings, one, datetime.now(UTC))
    assert (settings.inbox_dir / "BTC" / "bad.jsonlines").read_text() == lines(1, 2)
    take(db, settings)
    assert {1, 2} <= known(db)
    assert verify(db, settings) == []


def test_an_inbox_that_holds_our_own_folders_does_not_read_them(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    for name in ("datasets/performance_dataset.jsonl", "logs/x.jsonl", "archive/2025/01/01/x.json", "mine/y.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(line(len(name)))
    whole = settings.model_copy(update={"inbox_dir": tmp_path})
    found = walk.walk_inbox(tmp_path, (*settings.own_dirs, *whole.own_dirs)).files
    assert [Path(path).name for path in found] == ["y.jsonl"]


def test_what_is_not_read_is_named_with_what_to_do(db: Database, settings: Settings) -> None:
    names = ["d.json.1", "e.log", "g.jsonl.zst", "h.txt", "noending", "i.zip", "j.xlsx", "k.json.bak"]
    for name in names:
        (settings.inbox_dir / name).write_text("x")
    (settings.inbox_dir / "l.json").symlink_to("/etc/hostname")
    done = take(db, settings)
    assert sorted(name for kind in done.passed_over for name in kind.names) == sorted([*names, "l.json"])
    assert all(kind.do for kind in done.passed_over)
    checks = list(health.check_inbox(settings, datetime.now(UTC), {}))
    assert {check.state for check in checks if check.name == "not read"} == {"warning"}
    assert all(any(name in check.says for check in checks) for name in [*names, "l.json"])


def test_a_line_that_waits_for_its_end_is_shown_with_its_file_and_its_age(db: Database, settings: Settings) -> None:
    with (settings.inbox_dir / "bot.jsonl").open("a") as bot:
        bot.write(line(0) + line(1)[:20])
        bot.flush()
        take(db, settings)

        def look(minutes: int) -> dict[str, health.Check]:
            later = datetime.now(UTC) + timedelta(minutes=minutes)
            return {check.name: check for check in health.check_inbox(settings, later, {})}

        assert "unfinished" not in look(0)
        assert "bot.jsonl for 60 minutes" in look(60)["unfinished"].says
        assert (look(60)["inbox"].state, look(60)["inbox"].says) == ("ok", "1 open at their writers")
        bot.write(line(1)[20:])
        bot.flush()
        assert "unfinished" not in look(60)


def test_a_writer_is_seen_and_a_new_one_is_neither_kept_out_nor_ends_the_run(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    assert leases.has_writer(path) is False
    with path.open("a"):
        assert leases.has_writer(path) is True
    with path.open():
        assert leases.has_writer(path) is False
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            leases.has_writer(path)

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(2_000):
        with path.open("a") as file:
            file.write("x")
    stop.set()
    asking.join()
    assert path.stat().st_size == 2_000


def test_names_of_rotations_keep_their_kind_and_their_turn_in_the_archive() -> None:
    hashed = bytes(32)
    for name, suffix, kept in (
        ("d.jsonl.1", ".jsonl", "d.1-000000000000.jsonl"),
        ("a/d.jsonl-20250501.gz", ".jsonl", "a/d-20250501-000000000000.jsonl.gz"),
        ("d.ndjson.2025-05-01_12-00", ".ndjson", "d.2025-05-01_12-00-000000000000.ndjson"),
        ("d.json.1", ".1", "d.json-000000000000.1"),
        ("2025.05/x", "", "2025.05/x-000000000000"),
        ("d.JSONL", ".jsonl", "d-000000000000.JSONL"),
    ):
        assert (file_names.plain_suffix(name), file_names.archive_name(name, hashed)) == (suffix, kept)


@pytest.mark.drawn
def test_a_thousand_lines_a_second_come_in_within_a_second_and_once(
    db: Database, settings: Settings, pytestconfig: pytest.Config
) -> None:
    seconds: float = pytestconfig.getoption("appends_seconds")
    written: dict[int, float] = {}

    def write() -> None:
        began = time.monotonic()
        with (settings.inbox_dir / "bot.jsonl").open("a") as bot:
            for number in range(int(1_000 * seconds)):
                bot.write(line(number))
                bot.flush()
                written[number] = time.monotonic()
                time.sleep(max(0.0, began + number / 1_000 - time.monotonic()))

    writer, taken, looks = threading.Thread(target=write), 0, 0
    worst, cpu = 0.0, time.process_time()
    writer.start()
    while writer.is_alive():
        time.sleep(0.5)
        before = taken
        taken += take(db, settings, later=0).decisions
        looks += 1
        if taken > before:
            worst = max(worst, time.monotonic() - written[before])
    writer.join()
    taken += take(db, settings).decisions
    cpu = time.process_time() - cpu
    print(f"{taken:,} lines, {looks} looks, worst lag {worst:.2f} s, {cpu:.1f} s of CPU, writer included")
    assert taken == len(written) == len(known(db))
    assert worst < 10 * busy()
    assert is_done(db, settings)

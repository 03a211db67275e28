"""Files as writers really write them: growing, replaced, oddly named, half there."""

import errno
import hashlib
import json
import os
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest, reader, store_decisions
from scorekeeper.inbox.places import found_file, local_files, moves
from scorekeeper.inbox.places.base import ChangedError
from scorekeeper.inbox.places.local_files import LocalFile
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database
from scorekeeper.verify.run import verify


def line(number: int) -> str:
    return json.dumps({"symbol": "BTCUSDT", "type": "HOLD", "timestamp": "2025-05-05T10:00:00Z", "reason": f"{number}"})


def take(db: Database, settings: Settings, seconds_later: float = 0) -> ingest.Summary:
    at = datetime.now(UTC) + timedelta(seconds=seconds_later)
    return ingest.ingest_files(db, settings, received_at=at)


def count(db: Database, table: str = "decision") -> int:
    with db.begin() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM scorekeeper.{table}")).scalar_one())


def outcomes(db: Database) -> list[tuple[Any, ...]]:
    with db.begin() as connection:
        found = connection.execute(
            text(
                "SELECT name, outcome, decisions, duplicates, rejected FROM scorekeeper.file_arrival "
                "ORDER BY arrival_id"
            )
        )
        return [tuple(row) for row in found]


def archived(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.archive_dir.rglob("*") if path.is_file())


def test_lines_come_in_as_they_are_written_once_and_the_file_is_archived_whole(
    db: Database, settings: Settings
) -> None:
    path = settings.inbox_dir / "log.jsonl"
    for number in range(5):
        with path.open("a") as file:
            file.write(line(number) + "\n" + line(number + 100)[:20])
            file.flush()
            summary = take(db, settings)
            assert (summary.decisions, summary.duplicates, summary.held) == (1, 0, ["log.jsonl"])
            file.write(line(number + 100)[20:] + "\n")
        summary = take(db, settings)
        assert (summary.decisions, summary.duplicates, summary.waiting) == (1, 0, ["log.jsonl"])
        assert count(db) == 2 * (number + 1)
    whole = path.read_bytes()
    assert take(db, settings, seconds_later=6).waiting == []
    assert [file.read_bytes() for file in archived(settings)] == [whole]
    with db.begin() as connection:
        outcomes = connection.execute(text("SELECT outcome, moved_at IS NOT NULL FROM scorekeeper.file_arrival")).all()
    assert {tuple(row) for row in outcomes} == {("ingested", True)}


def test_what_was_refused_before_a_file_grew_is_in_its_report(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "log.jsonl"
    path.write_text("{broken}\n" + line(1) + "\n")
    take(db, settings)
    with path.open("a") as file:
        file.write(line(2) + "\n{bad}\n")
    take(db, settings)
    assert take(db, settings, seconds_later=6).waiting == []
    report = json.loads(next(settings.quarantine_dir.glob("*.error.json")).read_text())
    assert [one["line"] for one in report["rejected"]] == [1, 4]
    assert count(db) == 2


def test_what_was_refused_before_a_file_grew_twice_keeps_it_out_of_the_archive(
    db: Database, settings: Settings
) -> None:
    path = settings.inbox_dir / "log.jsonl"
    path.write_text("{broken}\n")
    for number in range(3):
        take(db, settings)
        with path.open("a") as file:
            file.write(line(number) + "\n")
    take(db, settings, seconds_later=6)
    assert archived(settings) == []
    report = json.loads(next(settings.quarantine_dir.glob("*.error.json")).read_text())
    assert [one["line"] for one in report["rejected"]] == [1]
    assert outcomes(db)[-1] == ("log.jsonl", "quarantined", 1, 0, 0)


def test_a_line_whose_end_comes_later_is_one_line(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "log.jsonl"
    path.write_text(line(1))
    take(db, settings)
    with path.open("a") as file:
        file.write("\r\n" + line(2) + "\n{broken}\n")
    assert [one["line"] for one in take(db, settings).rejections] == [3]
    with db.begin() as connection:
        lines = connection.execute(text("SELECT source_line FROM scorekeeper.decision ORDER BY source_line")).scalars()
        assert list(lines) == [1, 2]


def test_a_file_that_grows_leaves_its_refusals_to_its_twin_too(db: Database, settings: Settings) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (settings.inbox_dir / name).write_text("{broken}\n")
    take(db, settings)
    for name in ("b.jsonl", "a.jsonl"):
        with (settings.inbox_dir / name).open("a") as file:
            file.write(line(1) + name + "\n")
        take(db, settings)
    take(db, settings, seconds_later=6)
    reports = [json.loads(path.read_text()) for path in settings.quarantine_dir.glob("*.error.json")]
    assert [[one["line"] for one in report["rejected"]] for report in reports] == [[1, 2], [1, 2]]


def test_a_growing_file_whose_shorter_content_comes_again_keeps_its_refusals(db: Database, settings: Settings) -> None:
    (settings.inbox_dir / "log.jsonl").write_text("{broken}\n")
    take(db, settings)
    (settings.inbox_dir / "log.jsonl").write_text("{broken}\n" + line(1) + "\n")
    (settings.inbox_dir / "copy.jsonl").write_text("{broken}\n")
    take(db, settings, seconds_later=6)
    reports = [json.loads(path.read_text()) for path in settings.quarantine_dir.glob("*.error.json")]
    assert [[one["line"] for one in report["rejected"]] for report in reports] == [[1], [1]]


def test_a_run_that_is_killed_after_a_refusal_goes_on_to_quarantine(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH_DECISIONS", 2)
    (settings.inbox_dir / "a.jsonl").write_text("{broken}\n" + "".join(line(number) + "\n" for number in range(2)))

    def die(_: ingest.Summary) -> None:
        raise KeyboardInterrupt

    later = datetime.now(UTC) + timedelta(seconds=6)
    with pytest.raises(KeyboardInterrupt):
        ingest.ingest_files(db, settings, received_at=later, on_progress=die)
    assert outcomes(db) == [("a.jsonl", "reading", 1, 0, 1)]
    take(db, settings, seconds_later=6)
    assert outcomes(db) == [("a.jsonl", "quarantined", 2, 0, 1)]
    assert archived(settings) == []


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("runs", [1, 2])
def test_the_same_refused_bytes_are_quarantined_under_both_names(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, batch: int, runs: int
) -> None:
    monkeypatch.setattr(reader, "BATCH_DECISIONS", batch)
    for name in ("a.jsonl", "b.jsonl"):
        (settings.inbox_dir / name).write_text("{broken}\n" + line(1) + "\n")
        if runs == 2:
            take(db, settings, seconds_later=6)
    take(db, settings, seconds_later=6)
    assert outcomes(db) == [("a.jsonl", "quarantined", 1, 0, 1), ("b.jsonl", "quarantined", 0, 1, 1)]
    for path in settings.quarantine_dir.glob("*.jsonl"):
        moves.return_file(path, settings.inbox_dir / f"again-{path.name}")
    take(db, settings, seconds_later=6)
    assert len(list(settings.quarantine_dir.glob("again-*.error.json"))) == 2
    assert [one[1:] for one in outcomes(db)[2:]] == [("quarantined", 0, 1, 1)] * 2
    assert count(db, "rejection") == 1


def test_what_is_read_anew_in_several_batches_keeps_no_old_refusal(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH_DECISIONS", 1)
    soon = (datetime.now(UTC) + timedelta(minutes=8)).isoformat()
    early = json.dumps({"symbol": "BTCUSDT", "type": "HOLD", "timestamp": soon})
    (settings.inbox_dir / "a.jsonl").write_text(line(1) + "\n" + early + "\n" + line(2) + "\n")
    take(db, settings, seconds_later=6)
    assert count(db, "rejection") == 1
    moves.return_file(next(settings.quarantine_dir.glob("*.jsonl")), settings.inbox_dir / "a.jsonl")
    take(db, settings, seconds_later=300)
    assert (count(db), count(db, "rejection")) == (3, 0)
    assert outcomes(db)[-1] == ("a.jsonl", "ingested", 1, 2, 0)


def test_a_file_of_lines_that_was_just_opened_is_waited_for(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "a.jsonl"
    path.touch()
    assert take(db, settings).waiting == ["a.jsonl"]
    path.write_text(line(1) + "\n")
    take(db, settings, seconds_later=6)
    assert count(db) == 1
    (settings.inbox_dir / "b.jsonl").touch()
    summary = take(db, settings, seconds_later=6)
    assert [one["reason"] for one in summary.rejections] == ["the file holds no decision"]


def test_half_written_twins_both_wait(db: Database, settings: Settings) -> None:
    for name in ("a.json", "b.json", "c.jsonl", "d.jsonl"):
        (settings.inbox_dir / name).write_text('{"symbol":')
    assert sorted(take(db, settings).waiting) == ["a.json", "b.json", "c.jsonl", "d.jsonl"]
    assert count(db, "file_arrival") == 0


def test_a_file_that_replaced_the_one_that_was_read_is_not_archived_unread(settings: Settings) -> None:
    path = settings.inbox_dir / "latest.json"
    path.write_text(line(1) + " " * found_file.KEPT_BYTES)
    source = local_files.open_source(path)
    assert source is not None
    (settings.inbox_dir / "next").write_text(line(2))
    (settings.inbox_dir / "next").rename(path)
    with pytest.raises(ChangedError):
        list(source.format.read(source))
    assert not moves.move_file(source, settings.archive_dir / "latest.json")
    assert path.read_text() == line(2)
    assert archived(settings) == []


def test_a_small_file_is_read_as_it_was_hashed_though_another_replaced_it(settings: Settings) -> None:
    path = settings.inbox_dir / "latest.json"
    path.write_text(line(1))
    source = local_files.open_source(path)
    assert source is not None
    (settings.inbox_dir / "next").write_text(line(2))
    (settings.inbox_dir / "next").rename(path)
    assert [entry.text for entry in source.format.read(source)] == [line(1).encode()]
    assert not moves.move_file(source, settings.archive_dir / "latest.json")
    assert path.read_text() == line(2)
    assert archived(settings) == []


def test_a_writer_that_renames_over_one_name_without_pause_loses_nothing(db: Database, settings: Settings) -> None:
    def write() -> None:
        for number in range(150):
            part = settings.inbox_dir / ".part"
            part.write_text(line(number))
            part.rename(settings.inbox_dir / "latest.json")
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        take(db, settings)
    writer.join()
    take(db, settings)
    for path in archived(settings):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert path.stem.endswith(digest[:12])
    with db.begin() as connection:
        known = {row.reason for row in connection.execute(text("SELECT reason FROM scorekeeper.decision"))}
    assert "149" in known  # the last one is never overwritten
    assert {json.loads(path.read_text())["reason"] for path in archived(settings)} <= known


def test_names_of_any_kind_come_in_and_are_moved(db: Database, settings: Settings) -> None:
    names = [
        b"a\xff.json",
        "日".encode() * 80 + b".json",
        b"e\x1b[31m\n.json",
        b"x" * 250 + b".json",
        b"%s{{ }}'; --.json",
    ]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(settings.inbox_dir) + b"/" + name)).write_text(line(number))
    summary = take(db, settings)
    assert (summary.decisions, summary.trouble) == (len(names), [])
    assert list(settings.inbox_dir.iterdir()) == []
    assert len(archived(settings)) == len(names)


def test_temporary_names_are_not_looked_at_and_links_pipes_and_notes_are_named(
    db: Database, settings: Settings
) -> None:
    for name in (".a.json", "a.json.tmp", "a.json.part", "a.json~", "notes.txt"):
        (settings.inbox_dir / name).write_text(line(1))
    outside = settings.inbox_dir.parent / "outside.json"
    outside.write_text(line(2))
    (settings.inbox_dir / "link.json").symlink_to(outside)
    os.mkfifo(settings.inbox_dir / "pipe.json")
    (settings.inbox_dir / "folder.json").mkdir()
    before = sorted(settings.inbox_dir.iterdir())
    done = take(db, settings, seconds_later=6)
    assert [(kind.count, kind.names) for kind in done.passed_over] == [
        (1, ["link.json"]), (1, ["pipe.json"]), (1, ["notes.txt"]),
    ]  # fmt: skip
    assert replace(done, passed_over=[]) == ingest.Summary()
    assert sorted(settings.inbox_dir.iterdir()) == before


def test_a_named_link_is_said_and_the_other_files_come_in(db: Database, settings: Settings) -> None:
    (settings.inbox_dir.parent / "b.json").write_text(line(1))
    link = settings.inbox_dir.parent / "a.json"
    link.symlink_to("b.json")
    paths = [link, settings.inbox_dir.parent / "b.json"]
    summary = ingest.ingest_files(db, settings, received_at=datetime.now(UTC), paths=paths)
    assert (summary.decisions, len(summary.trouble)) == (1, 1)
    assert "no regular file" in summary.trouble[0]


def test_an_archive_that_cannot_be_written_is_said_and_nothing_is_ingested_again(
    db: Database, settings: Settings
) -> None:
    settings.archive_dir.write_text("in the way")
    for number in range(3):
        (settings.inbox_dir / f"{number}.json").write_text(line(number))
    first = take(db, settings)
    assert (first.decisions, len(first.trouble)) == (3, 3)
    settings.archive_dir.unlink()
    second = take(db, settings)
    assert (second.decisions, second.duplicates, second.trouble) == (0, 0, [])
    assert len(archived(settings)) == 3


def test_the_same_bytes_under_another_name_count_as_duplicates(db: Database, settings: Settings) -> None:
    content = "".join(line(number) + "\n" for number in range(7))
    (settings.inbox_dir / "a.jsonl").write_text(content)
    (settings.inbox_dir / "b.jsonl").write_text(content)
    assert (summary := take(db, settings, 6)).decisions == summary.duplicates == 7
    (settings.inbox_dir / "c.jsonl").write_text(content)
    assert take(db, settings, 6).duplicates == 7


def test_the_time_of_a_file_is_judged_like_any_timestamp(db: Database, settings: Settings) -> None:
    path = settings.inbox_dir / "a.json"
    path.write_text('{"symbol": "BTCUSDT", "type": "HOLD"}')
    os.utime(path, (4e9, 4e9))
    summary = take(db, settings)
    assert [one["field"] for one in summary.rejections] == ["timestamp"]


def test_great_lines_do_not_pile_up_in_memory(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH_BYTES", 10_000)
    batches: list[int] = []
    real = store_decisions.record_rows

    def counted(connection: Any, rows: Any, *rest: Any) -> Any:
        batches.append(len(rows))
        return real(connection, rows, *rest)

    monkeypatch.setattr("scorekeeper.inbox.batches.record_rows", counted)
    great = [json.dumps(json.loads(line(number)) | {"more": "x" * 3_000}) for number in range(20)]
    (settings.inbox_dir / "great.jsonl").write_text("\n".join(great) + "\n")
    assert take(db, settings, 6).decisions == 20
    assert max(batches) == 4


def test_a_file_read_on_after_a_kill_keeps_the_refusals_of_its_beginning(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH_DECISIONS", 5)
    real, batches = store_decisions.record_rows, 0

    def killed_in_the_third(*given: Any) -> Any:
        nonlocal batches
        batches += 1
        if batches == 3:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr("scorekeeper.inbox.batches.record_rows", killed_in_the_third)
    lines = [line(number) for number in range(20)]
    lines[2] = '{"symbol": "BTCUSDT"}'
    (settings.inbox_dir / "long.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(KeyboardInterrupt):
        take(db, settings, 6)
    monkeypatch.undo()
    assert take(db, settings, 6).decisions == 10
    with db.begin() as connection:
        refused = connection.execute(text("SELECT line, field FROM scorekeeper.rejection")).all()
        arrivals = connection.execute(text("SELECT outcome, decisions, rejected FROM scorekeeper.file_arrival")).all()
    assert [tuple(row) for row in refused] == [(3, "type")]
    assert [tuple(row) for row in arrivals] == [("quarantined", 19, 1)]
    assert [path.suffix for path in sorted(settings.quarantine_dir.iterdir())] == [".jsonl", ".json"]


def test_a_content_that_lies_in_the_archive_already_is_not_written_there_again(
    db: Database, settings: Settings
) -> None:
    for _ in range(3):
        (settings.inbox_dir / "a.json").write_text(line(1))
        take(db, settings, 6)
    (kept,) = archived(settings)
    assert kept.read_text() == line(1)
    kept.write_text("cut sho")
    (settings.inbox_dir / "a.json").write_text(line(1))
    take(db, settings, 6)
    assert [path.read_text() for path in archived(settings)] == [line(1)]
    assert list(settings.inbox_dir.iterdir()) == []


def test_lines_read_where_they_lie_are_one_arrival_however_many_batches_they_take(
    db: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH_DECISIONS", 5)
    paths = [tmp_path / folder / "log.jsonl" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text("".join(line(number) + "\n" for number in range(12)))
    assert ingest.ingest_files(db, settings, received_at=datetime.now(UTC), paths=paths).decisions == 12
    with db.begin() as connection:
        found = connection.execute(
            text("SELECT outcome, decisions, duplicates, moved_at IS NOT NULL FROM scorekeeper.file_arrival ORDER BY 1")
        ).all()
    assert [tuple(row) for row in found] == [("duplicate", 0, 12, True), ("ingested", 12, 0, True)]


def test_a_file_renamed_between_two_batches_leaves_no_unfinished_arrival(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BATCH_DECISIONS", 5)
    (settings.inbox_dir / "x.jsonl").write_text("".join(line(number) + "\n" for number in range(12)))

    def stop(_: ingest.Summary) -> None:
        raise KeyboardInterrupt

    at = datetime.now(UTC) + timedelta(seconds=6)
    with pytest.raises(KeyboardInterrupt):
        ingest.ingest_files(db, settings, received_at=at, on_progress=stop)
    (settings.inbox_dir / "x.jsonl").rename(settings.inbox_dir / "y.jsonl")
    take(db, settings, 6)
    assert count(db) == 12
    with db.begin() as connection:
        found = connection.execute(
            text("SELECT name, outcome, moved_at IS NOT NULL FROM scorekeeper.file_arrival ORDER BY name")
        ).all()
    assert [tuple(row) for row in found] == [("x.jsonl", "ingested", True), ("y.jsonl", "ingested", True)]


def test_a_move_that_was_killed_half_way_is_finished_by_the_next_run(db: Database, settings: Settings) -> None:
    (settings.inbox_dir / "a.json").write_text(line(1))
    take(db, settings, 6)
    (kept,) = archived(settings)
    beside = kept.with_name(f".{kept.name}.again")
    for content, left in ((line(1), []), (line(2), ["a.json"])):
        beside.write_text(content)
        with db.begin() as connection:
            connection.execute(text("UPDATE scorekeeper.file_arrival SET moved_at = NULL"))
            sha256 = connection.execute(text("SELECT sha256 FROM scorekeeper.file_arrival")).scalar_one()
        moves.finish_move(settings.inbox_dir / "a.json", kept, sha256, len(line(1)))
        assert (archived(settings), [path.name for path in settings.inbox_dir.iterdir()]) == ([kept], left)
        assert kept.read_text() == line(1)


@pytest.mark.parametrize("killed", [False, True])
def test_a_run_that_ends_between_batches_leaves_each_file_in_one_place(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    monkeypatch.setattr(ingest, "FILES_AT_ONCE", 2)
    for number in range(9):
        (settings.inbox_dir / f"{number}.json").write_text(line(number) if number != 3 else "{broken}")
    move = moves.move_file

    def move_and_die(source: LocalFile, address: str, *, keep: bool) -> bool:
        move(source, address, keep=keep)
        raise SystemExit  # nothing notes this move, nor those of the files after it

    def stop(now: ingest.Summary) -> None:
        if now.files >= 6:
            raise ScorekeeperError("told to stop")

    if killed:
        monkeypatch.setattr(moves, "move_file", move_and_die)
    later = datetime.now(UTC) + timedelta(seconds=6)
    with pytest.raises(SystemExit if killed else ScorekeeperError):
        ingest.ingest_files(db, settings, received_at=later, on_progress=stop)
    with db.begin() as connection:
        read, noted = connection.execute(
            text("SELECT count(*), count(*) FILTER (WHERE moved_at IS NOT NULL) FROM scorekeeper.file_arrival")
        ).one()
    inbox = len([*settings.inbox_dir.iterdir()])
    assert (read, noted, inbox) == ((4, 0, 7) if killed else (6, 6, 3))

    monkeypatch.setattr(moves, "move_file", move)
    take(db, settings, 6)
    assert [*settings.inbox_dir.iterdir()] == []
    assert (count(db), len(archived(settings)), len(outcomes(db))) == (8, 8, 9)
    with db.begin() as connection:
        unmoved = text("SELECT count(*) FROM scorekeeper.file_arrival WHERE moved_at IS NULL OR destination IS NULL")
        assert connection.execute(unmoved).scalar_one() == 0
    assert verify(db, settings) == []


def test_a_request_to_stop_just_after_files_have_moved_ends_the_run(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writing thread waits for the word that they have moved, which the request holds up."""

    class Interrupted(threading.Event):
        asked = False

        def set(self) -> None:
            if not self.asked:
                self.asked = True
                raise KeyboardInterrupt
            super().set()

    (settings.inbox_dir / "a.json").write_text(line(1))
    monkeypatch.setattr("scorekeeper.inbox.batches.threading", SimpleNamespace(Event=Interrupted))
    with pytest.raises(KeyboardInterrupt):
        take(db, settings, 6)
    monkeypatch.undo()
    assert [*settings.inbox_dir.iterdir()] == []
    assert (count(db), len(archived(settings))) == (1, 1)


def take_late(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, written: dict[str, str]
) -> ingest.Summary:
    """A run that has been at work for longer than a file has to stand still when these are written, and then read."""
    monkeypatch.setattr(found_file, "SETTLED_SECONDS", 2)
    monkeypatch.setattr(ingest, "FILES_AT_ONCE", 1)
    monkeypatch.setattr(reader, "BATCH_DECISIONS", 1)
    for name in ("0.json", "1.json", *written):
        (settings.inbox_dir / name).write_text(line(0))

    def write(now: ingest.Summary) -> None:
        if now.files == 1:
            time.sleep(2.1)
            for name, content in written.items():
                (settings.inbox_dir / name).write_text(content)

    return ingest.ingest_files(db, settings, received_at=datetime.now(UTC), on_progress=write)


def test_a_file_that_is_written_late_in_a_long_run_is_waited_for(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = {"b.json": line(1)[:20], "c.jsonl": line(2) + "\n", "d.jsonl": line(3) + "\n" + line(4)[:20]}
    summary = take_late(db, settings, monkeypatch, written)
    assert (summary.rejections, sorted(summary.waiting)) == ([], list(written))
    assert {path.name: path.read_text() for path in settings.inbox_dir.iterdir()} == written


def test_what_is_decided_late_in_a_long_run_does_not_lie_in_the_future(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scorekeeper.decisions.parse.AHEAD", timedelta(seconds=1))
    soon = datetime.now(UTC) + timedelta(seconds=2)
    written = {"b.json": line(1).replace("2025-05-05T10:00:00Z", soon.isoformat())}
    assert take_late(db, settings, monkeypatch, written).rejections == []


@pytest.mark.parametrize("taken", [False, True])
def test_what_replaced_the_file_that_was_read_is_put_back_where_it_cannot_be_linked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    path, destination = settings.inbox_dir / "log.jsonl", settings.archive_dir / "log.jsonl"
    path.write_text(line(1) + "\n")
    source = local_files.open_source(path)
    assert source is not None
    if taken:
        destination.parent.mkdir()
        destination.write_text(line(1) + "\n")
    with path.open("a") as file:
        file.write(line(2) + "\n")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "as of the file of another user, or on a file system without links")

    monkeypatch.setattr(os, "link", refuse)
    assert moves.move_file(source, destination) is taken
    assert path.read_text() == f"{line(1)}\n{line(2)}\n"


def test_a_file_that_was_moved_unread_by_a_run_that_was_killed_is_put_back_and_read(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.inbox_dir / "latest.json").write_text(line(1))
    real = moves.move_file

    def replaced_and_killed(source: local_files.LocalFile, destination: Path, *, keep: bool) -> bool:
        source.path.write_text(line(2))
        monkeypatch.setattr(moves, "_put_back", die)
        return real(source, destination, keep=keep)

    def die(*_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(moves, "move_file", replaced_and_killed)
    with pytest.raises(KeyboardInterrupt):
        take(db, settings)
    monkeypatch.undo()
    assert not list(settings.inbox_dir.iterdir())
    for _ in range(2):
        take(db, settings)
    assert [path.read_text() for path in archived(settings)] == [line(2)]
    assert count(db) == 2
    assert count(db, "file_arrival WHERE moved_at IS NULL") == 0


@pytest.mark.parametrize("after", ["removed", "renamed", "replaced", "grown into what is known"])
def test_a_file_that_is_taken_away_after_it_was_read_is_not_waited_for_for_ever(
    db: Database, settings: Settings, after: str
) -> None:
    path = settings.inbox_dir / "log.jsonl"
    if after == "grown into what is known":
        (settings.inbox_dir / "copy.jsonl").write_text(f"{line(1)}\n{line(2)}\n")
        take(db, settings, 6)
    path.write_text(line(1) + "\n")
    assert take(db, settings).waiting == ["log.jsonl"]
    match after:
        case "removed":
            path.unlink()
        case "renamed":
            path.rename(settings.inbox_dir / "log-1.jsonl")
        case "replaced":
            path.write_text(line(3) + "\n")
        case _:
            path.write_text(f"{line(1)}\n{line(2)}\n")
    take(db, settings)
    take(db, settings, 6)
    assert not list(settings.inbox_dir.iterdir())
    assert count(db, "file_arrival WHERE moved_at IS NULL") == 0
    assert len(archived(settings)) == count(db, "file_arrival WHERE destination IS NOT NULL")


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs another file system")
def test_to_another_file_system_a_file_is_copied_whole_and_what_replaced_it_stays(settings: Settings) -> None:
    path = settings.inbox_dir / "a.json"
    with tempfile.TemporaryDirectory(dir="/dev/shm") as far:
        for replaced in (False, True):
            path.write_text(line(1))
            source = local_files.open_source(path)
            assert source is not None
            if replaced:
                path.write_text(line(2))
            destination = Path(far) / f"{replaced}.json"
            assert moves.move_file(source, destination) is not replaced
            assert (path.exists(), destination.exists()) == (replaced, not replaced)
    assert path.read_text() == line(2)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs another file system")
def test_from_another_file_system_a_file_returns_beside_a_writers_new_one(settings: Settings) -> None:
    target = settings.inbox_dir / "a.json"
    target.write_text(line(1))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as far:
        quarantined = Path(far) / "a-0123.json"
        quarantined.write_text(line(2))
        moves.return_file(quarantined, target)
        assert not quarantined.exists()
    assert {path.name: path.read_text() for path in settings.inbox_dir.iterdir()} == {
        "a.json": line(1),
        "1-a.json": line(2),
    }

"""The quarantine as a user works with it: listed, mended, tried again, killed in between."""

import errno
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import ingest, quarantine
from scorekeeper.inbox.places import moves
from scorekeeper.inbox.quarantine import Quarantined
from scorekeeper.settings import Settings
from scorekeeper.store.database import Database

GOOD: dict[str, Any] = {"symbol": "BTCUSDT", "type": "HOLD", "timestamp": "2025-05-05T10:00:00Z"}
LATER = timedelta(seconds=6)


def drop(settings: Settings, name: str, *decisions: dict[str, Any]) -> None:
    (settings.inbox_dir / name).write_text("".join(json.dumps(one) + "\n" for one in decisions))


def take(db: Database, settings: Settings) -> ingest.Summary:
    return ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + LATER)


def listed(db: Database, settings: Settings) -> list[Quarantined]:
    with db.begin() as connection:
        return quarantine.list_quarantined(connection, settings)


def path_of(one: Quarantined, name: str) -> Path:
    lies = one.files[name]
    assert isinstance(lies, Path)
    return lies


def retry(db: Database, settings: Settings, one: Quarantined) -> ingest.Summary:
    quarantine.put_back(db, settings, one, datetime.now(UTC))
    return take(db, settings)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def conflict(db: Database, settings: Settings) -> Quarantined:
    """A file of three lines whose second has an id that a decision of another content bears."""
    drop(settings, "first.jsonl", GOOD | {"trade_id": "t1", "reason": "first"})
    take(db, settings)
    drop(
        settings, "log.jsonl", GOOD | {"reason": "a"}, GOOD | {"trade_id": "t1", "reason": "second"},
        GOOD | {"reason": "b"},
    )  # fmt: skip
    assert take(db, settings).decisions == 2
    (one,) = listed(db, settings)
    with db.begin() as connection:
        assert quarantine.count_refused(connection) == {one.sha256.hex(): one.rejected}
    return one


def test_what_is_refused_is_listed_with_file_line_field_and_reason(db: Database, settings: Settings) -> None:
    one = conflict(db, settings)
    assert (one.name, one.rejected, one.line, one.field) == ("log.jsonl", 1, 2, "trade_id")
    assert "first.jsonl, line 1" in one.reason
    assert one.files == {"log.jsonl": settings.quarantine_dir / f"log-{one.id}.jsonl"}
    assert path_of(one, "log.jsonl").is_file()
    with db.begin() as connection:
        assert quarantine.find(connection, settings, one.id[:6].upper()) == one
        (refusal,) = quarantine.read_refusals(connection, one)
    assert '"second"' in refusal["excerpt"]


def test_a_retry_that_is_refused_again_says_why_again_and_counts_nothing_twice(
    db: Database, settings: Settings
) -> None:
    one = conflict(db, settings)
    summary = retry(db, settings, one)
    assert (summary.decisions, summary.duplicates, summary.rejected) == (0, 2, 1)
    (again,) = listed(db, settings)
    assert (again.id, again.name, again.reason, again.files) == (one.id, one.name, one.reason, one.files)
    assert files(settings.quarantine_dir) == [f"log-{one.id}.jsonl", f"log-{one.id}.jsonl.error.json"]


def test_a_retry_that_succeeds_clears_the_refusal_and_archives_the_file(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = GOOD | {"timestamp": (datetime.now(UTC) + timedelta(minutes=10)).isoformat()}
    drop(settings, "a.jsonl", GOOD, far)
    take(db, settings)
    (one,) = listed(db, settings)
    assert one.field == "timestamp"
    quarantine.put_back(db, settings, one, datetime.now(UTC))
    monkeypatch.undo()
    done = ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + timedelta(minutes=9))
    assert (done.decisions, done.duplicates, done.rejected) == (1, 1, 0)
    assert listed(db, settings) == []
    assert files(settings.quarantine_dir) == files(settings.inbox_dir) == []
    assert files(settings.archive_dir) == [f"a-{one.id}.jsonl"]


def test_a_file_that_was_mended_in_quarantine_takes_the_refused_ones_place(db: Database, settings: Settings) -> None:
    one = conflict(db, settings)
    path = path_of(one, "log.jsonl")
    path.write_text(path.read_text().replace('"t1"', '"t2"'))
    summary = retry(db, settings, one)
    assert (summary.decisions, summary.duplicates, summary.rejected) == (1, 2, 0)
    assert listed(db, settings) == []
    assert files(settings.quarantine_dir) == []


def test_a_retry_killed_anywhere_is_finished_by_the_next_one(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = conflict(db, settings)
    # Killed between the two halves of the move back: the file has both names.
    os.link(path_of(one, "log.jsonl"), settings.inbox_dir / "log.jsonl")
    take(db, settings)
    assert files(settings.inbox_dir) == []
    (again,) = listed(db, settings)
    assert again.files == one.files
    # An ingest that was killed between moving the file and saying so.
    with db.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE scorekeeper.file_arrival SET moved_at = NULL WHERE arrival_id ="
            " (SELECT max(arrival_id) FROM scorekeeper.file_arrival)"
        )
    assert retry(db, settings, again).rejected == 1
    # Put back, and no ingest came: it is in the inbox like any other file.
    quarantine.put_back(db, settings, one, datetime.now(UTC))
    assert files(settings.inbox_dir) == ["log.jsonl"]
    assert quarantine.put_back(db, settings, listed(db, settings)[0], datetime.now(UTC)) == []
    assert take(db, settings).rejected == 1


def test_a_file_that_came_under_the_same_name_meanwhile_is_not_replaced(db: Database, settings: Settings) -> None:
    one = conflict(db, settings)
    drop(settings, "log.jsonl", GOOD | {"reason": "new"})
    summary = retry(db, settings, one)
    assert (summary.decisions, summary.duplicates, summary.rejected) == (1, 2, 1)
    assert files(settings.inbox_dir) == []


@pytest.mark.parametrize("name", ["far.json", f"{'x' * 250}.json"])
def test_nor_is_it_replaced_from_another_file_system_or_for_the_length_of_its_name(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    drop(settings, name, GOOD | {"max_hold_minutes": 0})
    take(db, settings)
    (one,) = listed(db, settings)
    drop(settings, name, GOOD | {"reason": "new"})
    link = os.link

    def link_within(source: Path, target: Path) -> None:
        if not target.exists() and source.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        link(source, target)

    monkeypatch.setattr(os, "link", link_within)
    summary = retry(db, settings, one)
    assert (summary.decisions, summary.rejected) == (1, 1)
    assert files(settings.inbox_dir) == []


@pytest.mark.parametrize("name", [b"a\xff.jsonl", b"\xff" * 100 + b".jsonl", b"e\x1b[31m\n<b>.jsonl"])
def test_files_of_any_name_go_back_and_come_in(db: Database, settings: Settings, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(settings.inbox_dir) + b"/" + name)).write_text('{"bad": NaN}\n' + json.dumps(GOOD))
    assert take(db, settings).rejected == 1
    (one,) = listed(db, settings)
    summary = retry(db, settings, one)
    assert (summary.duplicates, summary.rejected) == (1, 1)
    assert files(settings.inbox_dir) == []


def test_a_file_that_somebody_took_away_is_listed_as_gone(db: Database, settings: Settings) -> None:
    one = conflict(db, settings)
    path_of(one, "log.jsonl").unlink()
    (gone,) = listed(db, settings)
    assert gone.files == {}
    assert quarantine.put_back(db, settings, gone, datetime.now(UTC)) == []


def test_a_file_that_could_not_be_moved_is_said_to_lie_in_the_inbox(db: Database, settings: Settings) -> None:
    settings.quarantine_dir.write_text("in the way")
    drop(settings, "stays.jsonl", {"symbol": "BTC/USDT"})
    assert len(take(db, settings).trouble) == 1
    elsewhere = settings.inbox_dir.parent / "elsewhere.jsonl"
    elsewhere.write_text('{"symbol": "ETH/USDT"}\n')
    ingest.ingest_files(db, settings, received_at=datetime.now(UTC) + LATER, paths=[elsewhere])
    whereabouts = {one.name: (dict(one.files), one.whereabouts) for one in listed(db, settings)}
    assert whereabouts["stays.jsonl"] == ({}, "its file still lies in the inbox: the next ingest moves it")
    assert whereabouts["elsewhere.jsonl"] == ({}, "its file was not moved here: it was read where it lay, or had gone")
    settings.quarantine_dir.unlink()
    take(db, settings)
    stays = next(one for one in listed(db, settings) if one.name == "stays.jsonl")
    assert list(stays.files) == ["stays.jsonl"]
    path_of(stays, "stays.jsonl").unlink()
    stays = next(one for one in listed(db, settings) if one.name == "stays.jsonl")
    assert stays.whereabouts == f"its file is gone from {settings.quarantine_dir}"


@pytest.mark.parametrize("name", ["", "abc", "%%%%", "'; DROP TABLE x", "feedbeefcafe", "../../etc"])
def test_an_id_that_is_none_is_said_clearly(db: Database, settings: Settings, name: str) -> None:
    conflict(db, settings)
    with db.begin() as connection, pytest.raises(ScorekeeperError, match="scorekeeper quarantine list"):
        quarantine.find(connection, settings, name)


@pytest.mark.parametrize("how", ["renamed", "copied", "killed"])
def test_what_is_being_mended_in_quarantine_stays_when_the_refused_bytes_come_again(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    bad = {"symbol": "BTCUSDT", "type": 7}
    drop(settings, "a.jsonl", bad)
    take(db, settings)
    (one,) = listed(db, settings)
    place = path_of(one, "a.jsonl")
    place.write_text(json.dumps(GOOD) + "\n")
    drop(settings, "a.jsonl", bad)
    if how == "copied":
        real = Path.rename

        def far(self: Path, target: Path) -> Path:
            if self.parent != target.parent:
                raise OSError(errno.EXDEV, "another file system")
            return real(self, target)

        monkeypatch.setattr(Path, "rename", far)
    if how == "killed":

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(moves, "_settle_beside", die)
        with pytest.raises(KeyboardInterrupt):
            take(db, settings)
        monkeypatch.undo()
    take(db, settings)
    assert place.read_text() == json.dumps(GOOD) + "\n"
    assert files(settings.inbox_dir) == []
    assert files(settings.quarantine_dir) == [place.name, f"{place.name}.error.json"]
    monkeypatch.undo()
    assert retry(db, settings, one).decisions == 1

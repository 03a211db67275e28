"""What every place of decision files must do: a new one joins `there`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scorekeeper.inbox import ingest
from scorekeeper.inbox.places.base import ChangedError, Place, SourceFile
from scorekeeper.inbox.places.choose import open_place
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store.database import Database
from tests.memory_place import MemoryPlace
from tests.object_stores import Bucket

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
CONTENT = b'{"symbol": "BTC/USDT", "type": "HOLD"}\n'


class InFolder:
    """The inbox as a folder, with a writer beside it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.place: Place = open_place(settings)

    def put(self, name: str, content: bytes) -> None:
        path = self.settings.inbox_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.part")
        beside.write_bytes(content)
        beside.rename(path)

    def at(self, address: str) -> bytes | None:
        return Path(address).read_bytes() if Path(address).exists() else None


class InMemory:
    """A place without folders, renames or leases, as an object store is one."""

    def __init__(self, settings: Settings) -> None:
        self.memory = MemoryPlace()
        self.place: Place = self.memory

    def put(self, name: str, content: bytes) -> None:
        self.memory.put(name, content)

    def at(self, address: str) -> bytes | None:
        return self.memory.objects[address][0] if address in self.memory.objects else None


class InBucket:
    """The inbox in an object store, asked over HTTP."""

    def __init__(self, settings: Settings, bucket: Bucket) -> None:
        self.bucket = bucket
        self.place: Place = open_place(load_settings(inbox_dir=bucket.url / "live/inbox"))

    def put(self, name: str, content: bytes) -> None:
        self.bucket.put(f"live/inbox/{name}", content)

    def at(self, address: str) -> bytes | None:
        return self.bucket.get(address.removeprefix(f"s3://{self.bucket.name}/"))


There = InFolder | InMemory | InBucket


@pytest.fixture(params=["folder", "memory", "bucket"])
def there(request: pytest.FixtureRequest, settings: Settings) -> There:
    if request.param == "bucket":
        return InBucket(settings, request.getfixturevalue("bucket"))
    return InFolder(settings) if request.param == "folder" else InMemory(settings)


def opened(place: Place, address: str) -> SourceFile:
    source = place.open(address)
    assert source is not None
    return source


def test_decision_files_are_found_and_the_rest_is_named(there: There) -> None:
    assert there.place.look() == []
    for name in ("b.jsonl", "a.json", "bot/c.jsonl.gz", "notes.txt"):
        there.put(name, CONTENT)
    found = there.place.look()
    assert [there.place.name_of(address) for address in found] == ["a.json", "b.jsonl", "bot/c.jsonl.gz"]
    assert [one.names for one in there.place.passed_over()] == [["notes.txt"]]
    assert there.place.holds("bot/c.jsonl.gz")
    assert not there.place.holds("d.json")


def test_what_waits_is_listed_with_its_size_and_its_time(there: There) -> None:
    there.put("a.jsonl", CONTENT)
    there.put("bot/b.jsonl", CONTENT * 2)
    addresses = there.place.look()
    waiting = list(there.place.arrivals())
    assert [one.address for one in waiting] == addresses
    assert [(one.name, one.size) for one in waiting] == [("a.jsonl", len(CONTENT)), ("bot/b.jsonl", 2 * len(CONTENT))]
    source = opened(there.place, addresses[0])
    assert waiting[0].modified_ns / 1e9 == pytest.approx(source.mtime.timestamp(), abs=1e-3)
    assert there.place.ends_whole(addresses[0])
    assert len(there.place.look(1)) >= 1


def test_a_file_says_what_it_is_and_gives_its_bytes(there: There) -> None:
    there.put("a.jsonl", CONTENT)
    (address,) = there.place.look()
    source, again = opened(there.place, address), opened(there.place, address)
    assert (source.name, source.size, source.is_compressed, source.growing) == ("a.jsonl", len(CONTENT), False, False)
    assert source.sha256 == again.sha256
    assert source.is_unchanged(again)
    with source.open() as file:
        assert file.read() == CONTENT
    assert source.begins_with(5, again.sha256) is False
    assert source.begins_with(len(CONTENT), source.sha256)
    assert source.is_settled((source.mtime + timedelta(minutes=1)).timestamp())
    assert not source.is_settled(source.mtime.timestamp())
    assert not there.place.has_writer(address)
    assert there.place.open(address + ".gone") is None


def test_what_replaced_a_file_is_not_read_as_that_file(there: There) -> None:
    there.put("a.jsonl", CONTENT * 1000)  # too long to be kept in memory
    (address,) = there.place.look()
    source = opened(there.place, address)
    there.put("a.jsonl", CONTENT)
    assert not source.is_unchanged(opened(there.place, address))
    with pytest.raises(ChangedError), source.open() as file:
        file.read()


def test_a_file_moves_to_the_archive_and_to_quarantine_and_back(there: There) -> None:
    place = there.place
    for name, quarantined in (("bot/a.jsonl", False), ("b.jsonl", True)):
        there.put(name, CONTENT)
        (address,) = place.look()
        source = opened(place, address)
        target = (
            place.quarantine_address(name, source.sha256)
            if quarantined
            else place.archive_address(name, source.sha256, NOW)
        )
        assert place.is_quarantined(target) is quarantined
        assert quarantined or "2026/03/04" in target
        if quarantined:
            assert len(place.write_error_file(target, {"file": name, "rejected": []})) == 32
        assert place.move(source, target)
        assert (place.look(), there.at(target)) == ([], CONTENT)
        assert place.finish_move(name, target, source.sha256, source.size), "a move that is finished stays so"
    place.put_back(target, name)
    assert ([place.name_of(one) for one in place.look()], there.at(target)) == ([name], None)


def test_what_took_the_place_of_a_file_stays_where_it_is(there: There) -> None:
    there.put("a.jsonl", CONTENT)
    (address,) = there.place.look()
    source = opened(there.place, address)
    there.put("a.jsonl", CONTENT * 2)
    target = there.place.archive_address("a.jsonl", source.sha256, NOW)
    assert not there.place.move(source, target)
    assert there.place.look() == [address]
    assert there.at(address) == CONTENT * 2


def test_a_file_that_was_moved_is_found_whatever_has_taken_its_name(there: There) -> None:
    there.put("a.jsonl", CONTENT)
    (address,) = there.place.look()
    source = opened(there.place, address)
    target = there.place.archive_address("a.jsonl", source.sha256, NOW)
    assert not there.place.finish_move("a.jsonl", target, source.sha256, source.size), "it was not moved yet"
    assert there.place.move(source, target)
    there.put("a.jsonl", CONTENT * 2)
    assert there.place.finish_move("a.jsonl", target, source.sha256, source.size)
    assert (there.place.look(), there.at(address), there.at(target)) == ([address], CONTENT * 2, CONTENT)
    there.put("a.jsonl", CONTENT)
    assert not there.place.finish_move("a.jsonl", target, source.sha256, source.size), "it may be what was left"


def test_a_file_goes_back_beside_another_of_its_name(there: There) -> None:
    there.put("a.jsonl", CONTENT)
    (address,) = there.place.look()
    source = opened(there.place, address)
    target = there.place.quarantine_address("a.jsonl", source.sha256)
    assert there.place.move(source, target)
    there.put("a.jsonl", CONTENT * 2)
    there.place.put_back(target, "a.jsonl")
    assert sorted(there.at(one) or b"" for one in there.place.look()) == [CONTENT, CONTENT * 2]


def test_an_ingest_takes_files_from_a_place_that_is_no_folder(
    db: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = InMemory(settings)
    monkeypatch.setattr(ingest, "open_place", lambda *_: there.place)
    decision = '{{"symbol": "BTC/USDT", "type": "HOLD", "reason": "{}", "timestamp": "2026-03-04T10:00:00Z"}}\n'
    long_ago = NOW - timedelta(hours=1)
    there.memory.put("good.jsonl", decision.format("a").encode() * 2 + decision.format("b").encode(), long_ago)
    there.memory.put("bot/bad.json", b'{"symbol": 5}', long_ago)
    done = ingest.ingest_files(db, settings, received_at=NOW)
    assert (done.found, done.files, done.decisions, done.duplicates, done.rejected) == (2, 2, 2, 1, 1)
    assert (done.trouble, done.waiting, there.place.look()) == ([], [], [])
    kept = sorted(key.partition("/")[0] for key in there.memory.objects)
    assert kept == ["archive", "quarantine", "quarantine"]
    assert ingest.ingest_files(db, settings, received_at=NOW).found == 0

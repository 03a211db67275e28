"""Decision files in memory, as an object store holds them: a name is a key, nothing is renamed, nothing grows."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import IO, Any

from scorekeeper.inbox.file_names import archive_name, is_decision_file
from scorekeeper.inbox.places.base import Arrival, ChangedError, PassedOver, SourceFile
from scorekeeper.inbox.places.found_file import FoundFile


@dataclass(frozen=True)
class MemoryFile(FoundFile):
    """An object; `version` counts the writes to its key. See SourceFile."""

    place: "MemoryPlace"
    address: str
    name: str
    version: int
    size: int
    mtime: datetime
    sha256: bytes
    growing: bool = False
    is_short: bool = True
    content: bytes | None = None

    @property
    def lasting_id(self) -> str:
        return f"{self.address}@{self.version}"

    def is_unchanged(self, later: SourceFile) -> bool:
        return later.lasting_id == self.lasting_id

    def begins_with(self, size: int, sha256: bytes) -> bool:
        with self.open() as file:
            content = file.read(size)
        return len(content) == size and hashlib.sha256(content).digest() == sha256

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        found = self.place.objects.get(self.address)
        if found is None or found[1] != self.version:
            raise ChangedError(self.name)
        yield io.BytesIO(found[0])


class MemoryPlace:
    """Objects by key: `inbox/…`, `archive/…`, `quarantine/…`, each with its bytes, its version and its time."""

    moves_files = True
    at_once = 3
    watched_folder = None

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int, datetime]] = {}
        self._versions = count(1)

    def put(self, name: str, content: bytes, at: datetime | None = None) -> None:
        self._write(f"inbox/{name}", content, at)

    def look(self, most: int | None = None) -> list[str]:
        return sorted(key for key in self.objects if key.startswith("inbox/") and is_decision_file(_last(key)))

    def arrivals(self) -> Iterator[Arrival]:
        for address in self.look():
            content, version, at = self.objects[address]
            came_at = at.timestamp()
            yield Arrival(
                address, self.name_of(address), len(content), int(came_at * 1e9), came_at, f"{address}@{version}"
            )

    def ends_whole(self, address: str) -> bool:
        return self.objects[address][0].endswith(b"\n")

    def passed_over(self) -> list[PassedOver]:
        others = [key for key in self.objects if key.startswith("inbox/") and not is_decision_file(_last(key))]
        if not others:
            return []
        return [PassedOver("of another ending", len(others), list(map(self.name_of, others)), "take it out")]

    def take_up(self, address: str) -> None:
        raise AssertionError(f"{address}: nothing is followed here")

    def name_of(self, address: str) -> str:
        return address.removeprefix("inbox/")

    def open(self, address: str, name: str | None = None) -> MemoryFile | None:
        if address not in self.objects:
            return None
        content, version, at = self.objects[address]
        digest = hashlib.sha256(content).digest()
        return MemoryFile(self, address, name or self.name_of(address), version, len(content), at, digest)

    def holds(self, name: str) -> bool:
        return f"inbox/{name}" in self.objects

    def has_writer(self, address: str) -> bool | None:
        return None

    def archive_address(self, name: str, sha256: bytes, at: datetime) -> str:
        return f"archive/{at:%Y/%m/%d}/{archive_name(name, sha256)}"

    def quarantine_address(self, name: str, sha256: bytes) -> str:
        return f"quarantine/{archive_name(name, sha256)}"

    def is_quarantined(self, address: str) -> bool:
        return address.startswith("quarantine/")

    def move(self, file: SourceFile, address: str) -> bool:
        return self._move(file.address, file.sha256, address)

    def finish_move(self, name: str, address: str, sha256: bytes, size: int) -> bool:
        there, waiting = self.open(address), self.open(f"inbox/{name}")
        lies = there is not None and there.sha256 == sha256
        return lies and (waiting is None or waiting.sha256 != sha256)

    def write_error_file(self, address: str, report: Mapping[str, Any]) -> bytes:
        content = json.dumps(report).encode()
        self._write(f"{address}.error.json", content)
        return hashlib.sha256(content).digest()

    def put_back(self, address: str, name: str) -> None:
        key = next(key for key in (name, *(f"{n}-{name}" for n in range(1, 99))) if not self.holds(key))
        content, _, at = self.objects.pop(address)
        self.objects.pop(f"{address}.error.json", None)
        self._write(f"inbox/{key}", content, at)

    def open_growing(self, address: str, name: str, key: bytes) -> MemoryFile | None:
        found = self.open(address, name)
        return None if found is None else replace(found, sha256=key, growing=True)

    def find_growable(self) -> Mapping[str, str]:
        return {}

    def fingerprint(self, address: str, size: int, lasting_id: str) -> bytes | None:
        return None

    def read_back(self, address: str, offset: int, lines: int) -> tuple[int, int, int | None]:
        return offset, lines, None

    def _write(self, key: str, content: bytes, at: datetime | None = None) -> None:
        self.objects[key] = (content, next(self._versions), at or datetime.now(UTC))

    def _move(self, key: str, sha256: bytes, address: str) -> bool:
        found = self.open(key)
        if found is None or found.sha256 != sha256:
            return False
        content, _, at = self.objects[key]
        self._write(address, content, at)
        del self.objects[key]
        return True


def _last(key: str) -> str:
    return key.rpartition("/")[2]

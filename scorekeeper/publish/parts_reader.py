"""A published file in an object store, read as one: its parts one after another."""

import hashlib
import io
from typing import IO, Any

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store import open_store
from scorekeeper.object_store.reader import SeekableReader
from scorekeeper.publish.manifest import Entry, Manifest, read_manifest

MANIFEST = "manifest.json"
REPAIR = "repair it with: scorekeeper publish --rebuild"
_TRIES = 3


class BrokenPartError(ScorekeeperError):
    """A part was changed or removed, or the manifest was."""


def manifest_of(at: ObjectUrl) -> ObjectUrl:
    """The manifest of a published file. One that was set aside is an address of its own: its manifest."""
    return at if at.name.startswith("manifest.") and at.name.endswith(".json") else at / MANIFEST


def open_parts(at: ObjectUrl) -> IO[bytes]:
    """The published file at an address, to be read; it is seekable. Raises FileNotFoundError, BrokenPartError."""
    return io.BufferedReader(PartsReader(at), 1 << 18)


def read_part(folder: ObjectUrl, entry: Entry) -> bytes | None:
    """A part's bytes; None if it is not there. Raises BrokenPartError if it was changed."""
    url = folder / entry.name
    found = open_store(url).get(url)
    if found is None:
        return None
    if hashlib.sha256(found[1]).hexdigest() != entry.sha256:
        raise BrokenPartError(f"{url} was changed since it was published: {REPAIR}")
    return found[1]


class PartsReader(SeekableReader):
    """The bytes of a published file; one part in memory at a time.

    A part that was merged meanwhile is looked up in the newest manifest: the bytes at an offset stay the same.
    """

    def __init__(self, at: ObjectUrl) -> None:
        super().__init__()
        self._url = manifest_of(at)
        self._manifest = self._read_manifest()
        self._held: tuple[int, bytes] = (0, b"")  # where a part begins, and its bytes

    def size_bytes(self) -> int:
        return self._manifest.size_bytes

    def readinto(self, buffer: Any) -> int:
        start, content = self._held
        if not start <= self._at < start + len(content):
            self._held = start, content = self._find_part()
        block = content[self._at - start :][: len(buffer)]
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)

    def _find_part(self) -> tuple[int, bytes]:
        for _ in range(_TRIES):
            start = 0
            for entry in self._manifest.parts:
                if start <= self._at < start + entry.size_bytes:
                    content = read_part(self._url.parent, entry)
                    if content is not None:
                        return start, content
                    break
                start += entry.size_bytes
            else:
                return start, b""  # the end
            self._manifest = self._read_manifest()
        raise BrokenPartError(f"{self._url.parent / entry.name} was removed: {REPAIR}")

    def _read_manifest(self) -> Manifest:
        found = open_store(self._url).get(self._url)
        if found is None:
            raise FileNotFoundError(2, "there is no manifest", str(self._url))
        manifest = read_manifest(found[1])
        if manifest is None:
            raise BrokenPartError(f"{self._url} is no manifest of a published file: {REPAIR}")
        return manifest

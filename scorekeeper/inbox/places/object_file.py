"""Decision files in an object store, as they are found and read. bucket.py finds and moves them."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from scorekeeper.inbox.places.base import ChangedError, SourceFile
from scorekeeper.inbox.places.found_file import KEPT_BYTES, FoundFile, begins_with
from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store import ChangedObjectError, ObjectStore, ObjectStoreError, StoredObject, open_store


@dataclass(frozen=True)
class ObjectFile(FoundFile):
    """An object as it was found; see SourceFile.

    It is whole as soon as it is there, and never grows: whoever writes its key again, as a writer of lines may with
    more of them, replaces it. `content`: the bytes of an object of a few kilobytes, which need not be asked for again.
    """

    store: ObjectStore
    found: StoredObject
    name: str
    sha256: bytes
    content: bytes | None = None
    growing = False
    is_short = True

    @property
    def address(self) -> str:
        """See SourceFile."""
        return str(self.found.url)

    @property
    def size(self) -> int:
        """See SourceFile."""
        return self.found.size

    @property
    def mtime(self) -> datetime:
        """See SourceFile: by the store's clock."""
        return self.found.modified_at

    @property
    def lasting_id(self) -> str:
        """See SourceFile."""
        return f"{self.found.url}@{self.found.etag}"

    def is_unchanged(self, later: SourceFile) -> bool:
        """See SourceFile."""
        return isinstance(later, ObjectFile) and later.found == self.found

    def begins_with(self, size: int, sha256: bytes) -> bool:
        """See SourceFile."""
        if self.size < size:
            return False
        with self.open() as file:
            return begins_with(file, size, sha256)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """See SourceFile. An object whose bytes cannot be had to the end is left to the next run, as a changed one."""
        if self.content is not None:
            yield io.BytesIO(self.content)
            return
        try:
            with self.store.open(self.found) as file:
                yield file
        except (ChangedObjectError, ObjectStoreError) as exc:
            raise ChangedError(f"{self.name}: {exc}") from None


def find_object(url: ObjectUrl, name: str, size: int | None = None) -> ObjectFile | None:
    """The object at an address, with the hash of its bytes; None if there is none. Raises ObjectStoreError.

    `size`: in bytes, where that is known: then a small object takes one request.
    """
    store = open_store(url)
    if size is None or size > KEPT_BYTES:
        if (found := store.head(url)) is None:
            return None
        if found.size > KEPT_BYTES:
            return _hash(store, found, name)
    if (given := store.get(url)) is None:
        return None
    found, content = given
    kept = content if len(content) <= KEPT_BYTES else None
    return ObjectFile(store, found, name, hashlib.sha256(content).digest(), kept)


def _hash(store: ObjectStore, found: StoredObject, name: str) -> ObjectFile | None:
    digest = hashlib.sha256()
    try:
        with store.open(found) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except ChangedObjectError:
        return None  # replaced or removed just now
    return ObjectFile(store, found, name, digest.digest())

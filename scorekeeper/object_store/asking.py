"""What the stores do alike, whichever library asks."""

from abc import ABC, abstractmethod
from typing import IO

from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store.base import ChangedObjectError, ObjectStoreError, StoredObject
from scorekeeper.object_store.reader import Stream, read_object


class AskingStore(ABC):
    """Part of an ObjectStore; the rest is a library's."""

    @abstractmethod
    def get(self, url: ObjectUrl) -> tuple[StoredObject, bytes] | None:
        """See ObjectStore."""

    @abstractmethod
    def _stream(self, found: StoredObject, offset: int) -> Stream:
        """The bytes of an object from an offset on. Raises ChangedObjectError, ObjectStoreError."""

    def open(self, found: StoredObject) -> IO[bytes]:
        """See ObjectStore."""
        return read_object(
            found.size, lambda offset: self._stream(found, offset),
            lambda: fail(found.url, "its answer breaks off, time and again"),
        )  # fmt: skip

    def _written_before(self, url: ObjectUrl, content: bytes) -> str:
        """The etag of an object that a condition kept from being written, if it has these very bytes.

        Then an earlier request was carried out whose answer was lost. Raises ChangedObjectError.
        """
        lying = self.get(url)
        if lying is None or lying[1] != content:
            raise ChangedObjectError(str(url)) from None
        return lying[0].etag


def fail(url: ObjectUrl, says: str, do: str = "") -> ObjectStoreError:
    """The error that an object store gives at an address, and what to do about it."""
    return ObjectStoreError(f"{url}: {says}{f': {do}' if do else ''}")

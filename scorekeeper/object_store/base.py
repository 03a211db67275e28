"""What every object store can do, in the few requests that Scorekeeper makes, and what may go wrong."""

import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

from scorekeeper.errors import ScorekeeperError
from scorekeeper.locations import ObjectUrl


class ObjectStoreError(ScorekeeperError):
    """The object store refuses, or cannot be reached. What was asked for may have happened all the same."""


class ChangedObjectError(Exception):
    """The object is not the one that was asked for: it was replaced, removed, or is there already."""


# By the end of the key, so that a browser shows a report instead of saving it. Others are bytes.
_CONTENT_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json"}


def content_type(url: ObjectUrl) -> str:
    """What the store says of an object's content to those who get it.

    >>> content_type(ObjectUrl("s3", "trading", "live/reports/report.html"))
    'text/html; charset=utf-8'
    """
    return _CONTENT_TYPES.get(url.key.rpartition(".")[2], "application/octet-stream")


@dataclass(frozen=True)
class StoredObject:
    """An object as it was found.

    `size`: in bytes. `modified_at`: when it was written, by the store's clock, UTC. `etag`: what differs if it was
    written again with other bytes; only this store can tell what it means.
    """

    url: ObjectUrl
    size: int
    modified_at: datetime
    etag: str


class ObjectStore(Protocol):
    """One bucket. Each method may be called by many threads, and raises ObjectStoreError.

    Requests that fail for a while (503 SlowDown, a broken answer, a lost connection) are repeated with growing pauses.
    A request whose answer is lost may have been carried out; each method says what that means for it.
    """

    def head(self, url: ObjectUrl) -> StoredObject | None:
        """What lies at `url`, without its bytes; None if nothing does."""

    def get(self, url: ObjectUrl) -> tuple[StoredObject, bytes] | None:
        """An object with all its bytes; None if there is none."""

    def open(self, found: StoredObject) -> IO[bytes]:
        """The bytes of the object that was found, read as they are needed; seekable.

        Opening and reading raise ChangedObjectError if it has been replaced or removed.
        """

    def put(self, url: ObjectUrl, content: bytes, *, create: bool = False, etag: str | None = None) -> str:
        """Write an object; its new etag. An object is there as a whole or not at all.

        `create`: only if there is none. `etag`: only if the one that is there has it. Else raises ChangedObjectError,
        unless what is there has the very same bytes: then an earlier request has been carried out whose answer was
        lost.
        """

    def copy(self, found: StoredObject, to: ObjectUrl) -> None:
        """Copy the object that was found within the bucket, over whatever lies at `to`.

        Raises ChangedObjectError if it has been replaced or removed. May be repeated.
        """

    def delete(self, url: ObjectUrl, etag: str | None = None) -> None:
        """Remove an object; it is no error if there is none, since the answer to an earlier request may be lost.

        `etag`: only if it has it, else ChangedObjectError is raised.
        """

    def list(self, prefix: ObjectUrl, without: Sequence[ObjectUrl] = ()) -> Iterator[StoredObject]:
        """The objects below `prefix`, by their keys in the order of their bytes, asked for page by page.

        Objects below `without` are left out. S3 is asked for one page of each such prefix at most.
        """

    def browse(self, prefix: ObjectUrl) -> tuple[builtins.list[ObjectUrl], builtins.list[StoredObject]]:
        """What lies right below `prefix`, as in a folder: the prefixes of what lies deeper, and the objects."""

"""Containers of Azure and buckets of Google Cloud, by obstore.

They take a condition for a write and for a read. A copy and a removal on a condition are checked beforehand: a writer
that replaces the object in the moment between is not noticed, so give each file a name of its own.
"""

import builtins
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, PreconditionError
from obstore.exceptions import UnauthenticatedError as UnknownUserError
from obstore.store import from_url

from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store.asking import AskingStore, fail
from scorekeeper.object_store.base import ChangedObjectError, StoredObject, content_type
from scorekeeper.object_store.reader import BrokenStreamError, Stream


class OtherStore(AskingStore):
    """See ObjectStore."""

    def __init__(self, scheme: str, bucket: str) -> None:
        self._store: Any = from_url(
            f"{scheme}://{bucket}",
            retry_config={"max_retries": 6, "retry_timeout": timedelta(seconds=30)},
            # Plain HTTP only where the environment names such a server.
            client_options={
                "allow_http": True, "connect_timeout": timedelta(seconds=5), "timeout": timedelta(minutes=5),
            },
        )

    def head(self, url: ObjectUrl) -> StoredObject | None:
        """See ObjectStore."""
        try:
            return _describe(url, self._ask(url, lambda: obstore.head(self._store, url.key)))
        except FileNotFoundError:
            return None

    def get(self, url: ObjectUrl) -> tuple[StoredObject, bytes] | None:
        """See ObjectStore."""

        def ask() -> tuple[Any, bytes]:
            answer = obstore.get(self._store, url.key)
            return answer.meta, bytes(answer.bytes())

        try:
            found, content = self._ask(url, ask)
        except FileNotFoundError:
            return None
        return _describe(url, found), content

    def _stream(self, found: StoredObject, offset: int) -> Stream:
        options: Any = {"if_match": found.etag, "range": {"offset": offset}}
        try:
            answer = self._ask(found.url, lambda: obstore.get(self._store, found.url.key, options=options))
        except FileNotFoundError:
            raise ChangedObjectError(str(found.url)) from None
        return _Answer(iter(answer.stream()))

    def put(self, url: ObjectUrl, content: bytes, *, create: bool = False, etag: str | None = None) -> str:
        """See ObjectStore."""
        mode: Any = "create" if create else "overwrite" if etag is None else {"e_tag": etag, "version": etag}
        try:
            said: Any = {"Content-Type": content_type(url)}
            written = self._ask(url, lambda: obstore.put(self._store, url.key, content, mode=mode, attributes=said))
            return str(written["e_tag"] or written["version"])
        except (ChangedObjectError, FileNotFoundError):
            return self._written_before(url, content)

    def copy(self, found: StoredObject, to: ObjectUrl) -> None:
        """See ObjectStore."""
        try:
            self._ask(to, lambda: obstore.copy(self._store, found.url.key, to.key))
        except FileNotFoundError:
            raise ChangedObjectError(str(found.url)) from None
        if (lying := self.head(found.url)) is None or lying.etag != found.etag:
            self.delete(to)
            raise ChangedObjectError(str(found.url))

    def delete(self, url: ObjectUrl, etag: str | None = None) -> None:
        """See ObjectStore."""
        lying = self.head(url)
        if lying is None:
            return
        if etag is not None and lying.etag != etag:
            raise ChangedObjectError(str(url))
        try:
            self._ask(url, lambda: obstore.delete(self._store, url.key))
        except FileNotFoundError:
            return

    def list(self, prefix: ObjectUrl, without: Sequence[ObjectUrl] = ()) -> Iterator[StoredObject]:
        """See ObjectStore. A key with an empty part, or a part of dots alone, is an error here: take it away."""
        pages = self._ask(prefix, lambda: iter(obstore.list(self._store, prefix.key or None, chunk_size=1_000)))
        found = []
        while (page := self._ask(prefix, lambda: next(pages, None))) is not None:
            urls = [(prefix.with_key(one["path"]), one) for one in page]
            found += [_describe(url, one) for url, one in urls if not any(other.holds(url) for other in without)]
        yield from sorted(found, key=lambda one: one.url.key.encode())

    def browse(self, prefix: ObjectUrl) -> tuple[builtins.list[ObjectUrl], builtins.list[StoredObject]]:
        """See ObjectStore."""
        answer = self._ask(prefix, lambda: obstore.list_with_delimiter(self._store, prefix.key or None))
        objects = [_describe(prefix.with_key(one["path"]), one) for one in answer["objects"]]
        return [prefix.with_key(str(one)) for one in answer["common_prefixes"]], objects

    def _ask(self, url: ObjectUrl, request: Any) -> Any:
        """One request. Raises FileNotFoundError, ChangedObjectError or ObjectStoreError."""
        try:
            return request()
        except (AlreadyExistsError, PreconditionError):
            raise ChangedObjectError(str(url)) from None
        except (PermissionDeniedError, UnknownUserError):
            raise fail(url, "access is denied: check the credentials in the environment, and their rights") from None
        except BaseError as exc:
            raise fail(url, f"the object store refuses, or does not answer ({type(exc).__name__})") from None


class _Answer:
    """The body of an answer; see Stream."""

    def __init__(self, blocks: Iterator[Any]) -> None:
        self._blocks = blocks
        self._rest = b""

    def read(self, size: int) -> bytes:
        if not self._rest:
            try:
                self._rest = bytes(next(self._blocks, b""))
            except BaseError:
                raise BrokenStreamError from None
        block, self._rest = self._rest[:size], self._rest[size:]
        return block

    def close(self) -> None:
        self._rest, self._blocks = b"", iter(())


def _describe(url: ObjectUrl, found: Any) -> StoredObject:
    return StoredObject(url, found["size"], found["last_modified"], str(found["e_tag"] or found["version"]))

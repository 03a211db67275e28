"""A published file in an object store: each publication adds a part, then replaces the manifest on a condition."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count
from typing import IO, NamedTuple

from scorekeeper.errors import ContendedError, ScorekeeperError
from scorekeeper.locations import ObjectUrl
from scorekeeper.object_store import ChangedObjectError, ObjectStore, open_store
from scorekeeper.publish.manifest import FULL_BYTES, Before, Entry, Manifest, count_merged, name_part, read_manifest
from scorekeeper.publish.parts_reader import MANIFEST, REPAIR, BrokenPartError, open_parts, read_part
from scorekeeper.publish.set_aside import AHEAD, EDITED, count_shared, read_blocks
from scorekeeper.publish.target import AheadError, Mark

_EMPTY = Manifest()


class _Found(NamedTuple):
    """The manifest as it lies there. `manifest`: None if it cannot be read."""

    etag: str
    content: bytes
    manifest: Manifest | None

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()


class PartsTarget:
    """See Target. The hash of a mark is that of the manifest.

    A part's name holds its place and its hash, so a repeated publication writes the same objects. The manifest is
    replaced only if it is the one that was read: a publisher that has lost its lock in between changes nothing.
    """

    def __init__(self, at: ObjectUrl) -> None:
        self._at, self._url = at, at / MANIFEST
        self._suffix = f".{at.name.rpartition('.')[2]}"

    @property
    def _store(self) -> ObjectStore:
        return open_store(self._at)

    def set_foreign_aside(self) -> ObjectUrl | None:
        """See Target. The parts stay where they are: the manifest that was set aside names them."""
        found = self._read()
        if found is None:
            return None
        aside = self._keep_aside(found, "before-scorekeeper")
        try:
            self._store.delete(self._url, found.etag)
        except ChangedObjectError:
            raise self._contended() from None
        return aside

    def append(self, mark: Mark, lines: bytes, *, last: bool) -> Mark:
        """See Target."""
        found = self._read()
        if found is None:
            if mark.size:
                raise ScorekeeperError(f"{self._url} was removed: {REPAIR}")
            return self._replace(None, _EMPTY, self._add(_EMPTY, lines) if lines else [], [])
        if found.manifest is None:
            raise AheadError
        manifest = found.manifest
        if found.sha256 == mark.sha256:
            if not lines:
                return mark
        elif Before(mark.sha256.hex() if mark.sha256 else "", mark.size) in manifest.before or not mark.size:
            # A publication has written this manifest, and has died before its COMMIT. Its lines must be these.
            with open_parts(self._at) as file:
                file.seek(mark.size)
                ahead = file.read(len(lines))
                if count_shared(lines, ahead) < len(ahead) or file.read(1):
                    raise AheadError
            lines = lines[len(ahead) :]
            if not lines:
                return Mark(manifest.size_bytes, found.sha256)
        else:
            raise AheadError
        before = [*manifest.before, Before(found.sha256.hex(), manifest.size_bytes)]
        return self._replace(found, manifest, self._add(manifest, lines), before)

    def rewrite(self, mark: Mark, lines: Iterator[bytes]) -> tuple[Mark, ObjectUrl | None]:
        """See Target. Parts that are there with the same bytes are kept."""
        found = self._read()
        comparison = None if found is None or found.manifest is None else _Comparison(open_parts(self._at))
        parts: list[Entry] = []
        held: list[bytes] = []
        size = 0
        for line in lines:
            held.append(line)
            if (size := size + len(line)) >= FULL_BYTES:
                parts.append(self._write_part(parts, held, comparison))
                held, size = [], 0
        if held:
            parts.append(self._write_part(parts, held, comparison))
        aside = None
        if found is not None and found.manifest is None:
            aside = self._keep_aside(found, EDITED)
        elif found is not None and comparison is not None and comparison.ends_with_lines():
            aside = self._keep_aside(found, AHEAD if comparison.same >= mark.size else EDITED)
        old = _EMPTY if found is None or found.manifest is None else found.manifest
        return self._replace(found, old, parts, []), aside

    def _write_part(self, parts: Sequence[Entry], lines: list[bytes], comparison: "_Comparison | None") -> Entry:
        content = b"".join(lines)
        if comparison is not None:
            comparison.compare(content)
        return self._put_part(sum(one.size_bytes for one in parts), content)

    def _put_part(self, start: int, content: bytes) -> Entry:
        entry = name_part(start, content, self._suffix)
        url = self._at / entry.name
        try:
            self._store.put(url, content, create=True)
        except ChangedObjectError:
            # Something else bears the name, which says which bytes it must have.
            self._store.put(url, content)
        return entry

    def _add(self, manifest: Manifest, lines: bytes) -> list[Entry]:
        """The parts with one more, which is merged with small ones before it if they are many."""
        parts = list(manifest.parts)
        merged = count_merged([*(one.size_bytes for one in parts), len(lines)]) - 1
        if merged > 0:
            contents = [read_part(self._at, one) for one in parts[-merged:]]
            if None not in contents:
                lines = b"".join([*(one for one in contents if one is not None), lines])
                parts = parts[:-merged]
        parts.append(self._put_part(sum(one.size_bytes for one in parts), lines))
        return parts

    def _replace(
        self, found: _Found | None, old: Manifest, parts: Sequence[Entry], before: Sequence[Before]
    ) -> Mark:
        """Put the manifest with these parts in the place of the one that was found."""
        names = {one.name for one in parts}
        gone = tuple(one.name for one in old.parts if one.name not in names)
        new = old.with_parts(parts, gone or old.superseded, before)
        content = new.render()
        try:
            if found is None:
                self._store.put(self._url, content, create=True)
            else:
                self._store.put(self._url, content, etag=found.etag)
        except ChangedObjectError:
            raise self._contended() from None
        if gone:
            self._sweep(new)
        return Mark(new.size_bytes, hashlib.sha256(content).digest())

    def _contended(self) -> ContendedError:
        return ContendedError(f"{self._url} was written by another process meanwhile: try again")

    def _sweep(self, manifest: Manifest) -> None:
        """Delete the parts that no manifest names: merged before the last merge, or of a publication that died."""
        listed = list(self._store.list(self._at))
        kept = {one.name for one in manifest.parts} | set(manifest.superseded)
        for one in listed:
            if one.url.name.startswith("manifest.") and one.url.name != MANIFEST:
                other = read_manifest((self._store.get(one.url) or (one, b""))[1])
                kept |= set() if other is None else {entry.name for entry in other.parts}
        for one in listed:
            if one.url.name.startswith("part-") and one.url.name not in kept:
                self._store.delete(one.url)

    def _read(self) -> _Found | None:
        found = self._store.get(self._url)
        return None if found is None else _Found(found[0].etag, found[1], read_manifest(found[1]))

    def _keep_aside(self, found: _Found, word: str) -> ObjectUrl:
        """Give the manifest a second name. If the process dies before the fresh one comes, repeat this."""
        for number in count(1):
            aside = self._at / f"manifest.{word}-{number}.json"
            try:
                self._store.put(aside, found.content, create=True)  # the same content is no conflict
            except ChangedObjectError:
                continue
            return aside
        raise AssertionError("unreachable: there is always another number")


class _Comparison:
    """Whether a file's content would be lost if another takes its place, which comes in blocks."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._differs = False
        self._rest = b""
        self.same = 0

    def compare(self, block: bytes) -> None:
        """The next bytes of the other file."""
        if self._differs:
            return
        try:
            found = self._file.read(len(block))
        except BrokenPartError:
            self._differs, self._rest = True, b"\n"  # what is left of it is kept
            return
        shared = count_shared(found, block)
        self.same += shared
        if shared < len(found):
            self._differs, self._rest = True, found[shared:]

    def ends_with_lines(self) -> bool:
        """Whether whole lines follow the bytes that both files share."""
        try:
            return b"\n" in self._rest or any(b"\n" in block for block in read_blocks(self._file))
        except BrokenPartError:
            return True

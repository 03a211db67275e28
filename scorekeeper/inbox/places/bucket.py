"""The inbox as a prefix in an object store, with those of the archive and of quarantine beside it."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import archive_name, is_decision_file, is_unfinished
from scorekeeper.inbox.places import moves, walk
from scorekeeper.inbox.places.base import Arrival, PassedOver, SourceFile
from scorekeeper.inbox.places.object_file import ObjectFile, find_object
from scorekeeper.locations import ObjectUrl, read_key
from scorekeeper.object_store import ChangedObjectError, ObjectStoreError, StoredObject, open_store
from scorekeeper.settings import Settings

# An object of up to so many bytes goes back by a write that replaces nothing; a larger one is copied within the store.
MOST_WRITTEN = 32 << 20
_UNFIT = "a key with control characters, or with a part of dots alone"


class Bucket:
    """Objects are found below `inbox`, and copied below `archive` or `quarantine` before they are removed; see Place.

    An address is that of an object. Nothing is renamed in an object store. So a move is a copy of the very object that
    was read, and then the removal of that object alone: one that took its key meanwhile stays. A move that is killed
    between the two is finished by the next run, which finds the copy.
    """

    moves_files = True
    at_once = 32
    watched_folder = None

    def __init__(self, settings: Settings) -> None:
        inbox, archive, quarantine = settings.inbox, settings.archive, settings.quarantine
        assert isinstance(inbox, ObjectUrl)
        assert isinstance(archive, ObjectUrl)
        assert isinstance(quarantine, ObjectUrl)
        self._inbox, self._archive, self._quarantine = inbox, archive, quarantine
        self._own = [one for one in settings.own_addresses if inbox.holds(one)]
        self._store = open_store(inbox)
        # Size and time of the last write of each, by address.
        self._found: dict[str, tuple[int, float]] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._others: dict[tuple[str, str], list[str]] = {}

    def look(self, most: int | None = None) -> list[str]:
        """See Place."""
        self._found, self._counts, self._others = {}, {}, {}
        for one in self._store.list(self._inbox, self._own):
            self._sort_in(one)
            if most is not None and len(self._found) >= most:
                break
        return sorted(self._found)

    def arrivals(self) -> Iterator[Arrival]:
        """See Place."""
        for address, (size, modified) in self._found.items():
            yield Arrival(address, self.name_of(address), size, int(modified * 1e9), modified, None)

    def ends_whole(self, address: str) -> bool:
        """See Place. An object is complete once it is there."""
        return True

    def _sort_in(self, one: StoredObject) -> None:
        name = self._name(one.url)
        parts = name.split("/")
        if not parts[-1] or any(part.startswith(".") and part.strip(".") for part in parts) or is_unfinished(parts[-1]):
            return  # what some tools write for a folder, what is hidden, and what is not complete
        if not name.isprintable() or any(part and not part.strip(".") for part in parts):
            self._leave(repr(name)[1:-1], (_UNFIT, "write it under a plain key"))
        elif is_decision_file(parts[-1]):
            self._found[str(one.url)] = one.size, one.modified_at.timestamp()
        else:
            self._leave(name, walk.KINDS[walk.judge(parts[-1].lower())])

    def _leave(self, name: str, kind: tuple[str, str]) -> None:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        kept = self._others.setdefault(kind, [])
        if len(kept) < walk.MOST_NAMED:
            kept.append(name)

    def passed_over(self) -> list[PassedOver]:
        """See Place."""
        return [PassedOver(what, count, self._others[what, do], do) for (what, do), count in self._counts.items()]

    def take_up(self, address: str) -> None:
        """See Place. Nothing is renamed here, so nothing that was passed over is read."""

    def name_of(self, address: str) -> str:
        """See Place."""
        return self._name(_url(address))

    def _name(self, url: ObjectUrl) -> str:
        return url.key[len(self._inbox.key) + 1 :] if self._inbox.key else url.key

    def open(self, address: str, name: str | None = None) -> ObjectFile | None:
        """See Place."""
        url = _url(address)
        size, _ = self._found.get(address, (None, None))
        return find_object(url, self._name(url) if name is None else name, size)

    def holds(self, name: str) -> bool:
        """See Place."""
        return self._store.head(self._inbox / name) is not None

    def has_writer(self, address: str) -> bool | None:
        """See Place. An object is there once it is written."""
        return False

    def archive_address(self, name: str, sha256: bytes, at: datetime) -> str:
        """See Place."""
        return str(self._archive / f"{at:%Y/%m/%d}/{archive_name(name, sha256)}")

    def quarantine_address(self, name: str, sha256: bytes) -> str:
        """See Place."""
        return str(self._quarantine / archive_name(name, sha256))

    def is_quarantined(self, address: str) -> bool:
        """See Place."""
        return address.startswith(f"{self._quarantine}/")

    def move(self, file: SourceFile, address: str) -> bool:
        """See Place. An object that lies in quarantine already stays there: it may have been mended."""
        assert isinstance(file, ObjectFile)
        to = _url(address)
        try:
            lies = self._copy(file, to)
            with suppress(ChangedObjectError):  # the next run reads what took its key
                self._store.delete(file.found.url, file.found.etag)
            return lies
        except ObjectStoreError as exc:
            raise ScorekeeperError(
                f"{file.address} was read, but cannot be moved to {to.parent} ({exc}); it will not be ingested again"
            ) from None

    def _copy(self, file: ObjectFile, to: ObjectUrl) -> bool:
        """Copy an object that was read, unless it is there; whether its content is there now."""
        if self.is_quarantined(str(to)) and self._store.head(to) is not None:
            return self._lies(to, file.sha256)
        try:
            self._store.copy(file.found, to)
        except ChangedObjectError:
            return self._lies(to, file.sha256)
        return True

    def _lies(self, url: ObjectUrl, sha256: bytes) -> bool:
        lying = find_object(url, url.name)
        return lying is not None and lying.sha256 == sha256

    def finish_move(self, name: str, address: str, sha256: bytes, size: int) -> bool:
        """See Place. While the object that was read has the name, `move` does what is left.

        The address is a path if the inbox was a folder when the file was read.
        """
        to = read_key(address)
        return to is not None and self._lies(to, sha256) and not self._lies(self._inbox / name, sha256)

    def write_error_file(self, address: str, report: Mapping[str, Any]) -> bytes:
        """See Place."""
        content = moves.render_report(report)
        self._store.put(_url(address + moves.ERROR_FILE_SUFFIX), content)
        return hashlib.sha256(content).digest()

    def put_back(self, address: str, name: str) -> None:
        """See Place. May be killed at any time: the next call finds what was written, and removes what is left."""
        url = _url(address)
        self._store.delete(_url(address + moves.ERROR_FILE_SUFFIX))
        found = self._store.head(url)
        if found is None:
            return
        folder, slash, last = name.rpartition("/")
        number = 0
        while not self._return(found, self._inbox / (f"{folder}{slash}{number}-{last}" if number else name)):
            number += 1
        try:
            self._store.delete(url, found.etag)
        except ChangedObjectError:
            raise ScorekeeperError(f"{url} was changed while it was put back: try again") from None

    def _return(self, found: StoredObject, to: ObjectUrl) -> bool:
        """Write an object to the inbox without replacing another; False if another has the key."""
        try:
            if found.size <= MOST_WRITTEN:
                given = self._store.get(found.url)
                if given is None or given[0].etag != found.etag:
                    raise ScorekeeperError(f"{found.url} was changed while it was put back: try again")
                self._store.put(to, given[1], create=True)
            else:
                if (lying := self._store.head(to)) is not None:
                    return lying.etag == found.etag  # an earlier call was killed
                self._store.copy(found, to)
        except ChangedObjectError:
            return False
        return True

    def open_growing(self, address: str, name: str, key: bytes) -> None:
        """See Place. No object grows."""

    def find_growable(self) -> Mapping[str, str]:
        """See Place."""
        return {}

    def fingerprint(self, address: str, size: int, lasting_id: str) -> None:
        """See Place. It is of files that grow."""

    def read_back(self, address: str, offset: int, lines: int) -> tuple[int, int, int | None]:
        """See Place. It is of files that grow."""
        return offset, lines, None


def _url(address: str) -> ObjectUrl:
    """The address that this place gave as a text."""
    url = read_key(address)
    assert url is not None, address
    return url

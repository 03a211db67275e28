"""The inbox as a folder, with the folders of the archive and of quarantine: the place that decision files lie in."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from scorekeeper.inbox.file_names import archive_name, can_follow, known_name
from scorekeeper.inbox.places import leases, local_files, moves, walk
from scorekeeper.inbox.places.base import Arrival, PassedOver, SourceFile
from scorekeeper.inbox.places.local_files import LocalFile
from scorekeeper.settings import Settings

LONGEST_NAME = 255  # bytes, on the file systems there are


class Folder:
    """Files are found in `inbox_dir` and below, and move to `archive_dir` or `quarantine_dir`; see Place.

    An address is a path. A file is the same under every name that has its device and inode.
    """

    moves_files = True
    at_once = 1

    def __init__(self, settings: Settings) -> None:
        self._inbox, self._archive, self._quarantine = settings.inbox_dir, settings.archive_dir, settings.quarantine_dir
        self._own_dirs = settings.own_dirs
        self._found = walk.InboxContents()
        # The folder of the archive for the time that was asked for last: that of the run.
        self._day_of: datetime | None = None
        self._day = ""

    @property
    def watched_folder(self) -> Path | None:
        """See Place."""
        return self._inbox

    def look(self, most: int | None = None) -> list[str]:
        """See Place."""
        self._found = walk.walk_inbox(self._inbox, self._own_dirs)
        return list(self._found.files)

    def arrivals(self) -> Iterator[Arrival]:
        """See Place. A rename into the inbox sets the time of a file's change, and keeps that of its last write."""
        for path in self._found.files:
            try:
                lies = os.lstat(path)
            except OSError:
                continue
            yield Arrival(
                path, known_name(path, self._inbox), lies.st_size, lies.st_mtime_ns, lies.st_ctime,
                local_files.inode_id(lies.st_dev, lies.st_ino),
            )  # fmt: skip

    def ends_whole(self, address: str) -> bool:
        """See Place."""
        return local_files.ends_whole(Path(address))

    def passed_over(self) -> list[PassedOver]:
        """See Place."""
        return self._found.unread(self._inbox)

    def take_up(self, address: str) -> None:
        """See Place."""
        self._found.take_up(Path(address))

    def name_of(self, address: str) -> str:
        """See Place."""
        return known_name(address, self._inbox)

    def open(self, address: str, name: str | None = None) -> LocalFile | None:
        """See Place."""
        file = local_files.open_source(address, self._inbox)
        return file if file is None or name is None else replace(file, name=name)

    def holds(self, name: str) -> bool:
        """See Place."""
        return (self._inbox / name).exists()

    def has_writer(self, address: str) -> bool | None:
        """See Place."""
        return leases.has_writer(address)

    def archive_address(self, name: str, sha256: bytes, at: datetime) -> str:
        """See Place."""
        if at is not self._day_of:
            self._day_of, self._day = at, str(moves.archive_folder(self._archive, at))
        return f"{self._day}/{archive_name(name, sha256)}"

    def quarantine_address(self, name: str, sha256: bytes) -> str:
        """See Place."""
        return str(moves.quarantine_path(self._quarantine, name, sha256))

    def is_quarantined(self, address: str) -> bool:
        """See Place."""
        return moves.is_quarantined(self._quarantine, address)

    def move(self, file: SourceFile, address: str) -> bool:
        """See Place. A file that lies in quarantine already stays there: it may have been mended."""
        assert isinstance(file, LocalFile)
        return moves.move_file(file, address, keep=self.is_quarantined(address))

    def finish_move(self, name: str, address: str, sha256: bytes, size: int) -> bool:
        """See Place."""
        return moves.finish_move(self._inbox / name, Path(address), sha256, size, keep=self.is_quarantined(address))

    def write_error_file(self, address: str, report: Mapping[str, Any]) -> bytes:
        """See Place."""
        return moves.write_error_file(Path(address), report)

    def put_back(self, address: str, name: str) -> None:
        """See Place. A name that is too long for the file system, with its folders, is that of the file now."""
        path = Path(address)
        fits = len(os.fsencode(name)) <= LONGEST_NAME
        moves.return_file(path, self._inbox / (name if fits else path.name))

    def open_growing(self, address: str, name: str, key: bytes) -> LocalFile | None:
        """See Place."""
        return local_files.find_growing(Path(address), name, key)

    def find_growable(self) -> Mapping[str, str]:
        """See Place."""
        renamed = (str(path) for paths in self._found.others.values() for path in paths)
        growable = (path for path in self._found.files if can_follow(path))
        return _by_inode(renamed) | _by_inode(growable)

    def fingerprint(self, address: str, size: int, lasting_id: str) -> bytes | None:
        """See Place."""
        return local_files.take_fingerprint(Path(address), size, lasting_id)

    def read_back(self, address: str, offset: int, lines: int) -> tuple[int, int, int | None]:
        """See Place."""
        return local_files.read_back(Path(address), offset, lines)


def _by_inode(paths: Iterable[str]) -> dict[str, str]:
    found = {}
    for path in paths:
        try:
            lies = os.lstat(path)
        except OSError:
            continue  # renamed or taken since
        found[local_files.inode_id(lies.st_dev, lies.st_ino)] = path
    return found

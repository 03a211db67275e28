"""What is in the inbox and its folders: the decision files, and what is not read and why."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import is_decision_file, is_unfinished, known_name
from scorekeeper.inbox.places.base import PassedOver

DEEPEST = 8
MOST_FOLDERS = 10_000
MOST_NAMED = 5
MOST_KEPT = 1_000
_NUMBERED = re.compile(r".*\.json[.-][0-9][0-9T_:.-]{0,30}", re.I | re.S)
_PACKED = (".zst", ".zip", ".bz2", ".xz", ".lz4", ".7z", ".tar", ".tgz", ".rar", ".br", ".z")

_NAMES = ".jsonl (a decision a line), .json (one, or an array), .csv (a decision a row) or .parquet"

# The kinds of what is not read: what it is, and what to do.
LINK, SPECIAL, PACKED, ROTATED, UNKNOWN, BARE, DEEP = range(7)
KINDS = {
    LINK: ("a link, which is not followed", "put the file itself there"),
    SPECIAL: ("no regular file", "take it out of the inbox"),
    PACKED: ("packed otherwise than by gzip", "gzip it (name.jsonl.gz), or unpack it"),
    ROTATED: ("a .json with a number behind it", f"name it {_NAMES}"),
    UNKNOWN: ("of another ending", f"name it {_NAMES}, or take it out"),
    BARE: ("without an ending", f"name it {_NAMES}, or take it out"),
    DEEP: (f"a folder more than {DEEPEST} deep, or beyond {MOST_FOLDERS:,} of them", "put its files further up"),
}


@dataclass
class InboxContents:
    """`files`: the paths of the decision files, sorted; as text, since to make a Path of each takes as long as to read
    it. `counts` and `others`: of what is not read, by kind, how many there are and the first of them.
    """

    files: list[str] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    others: dict[int, list[Path]] = field(default_factory=dict)

    def leave(self, path: Path, kind: int) -> None:
        """Note that something is not read."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        kept = self.others.setdefault(kind, [])
        if len(kept) < MOST_KEPT:
            kept.append(path)

    def take_up(self, path: Path) -> None:
        """Note that something counted as not read is read all the same."""
        for kind, paths in self.others.items():
            if path in paths:
                paths.remove(path)
                self.counts[kind] -= 1
        self.files.append(str(path))

    def unread(self, folder: Path) -> list[PassedOver]:
        """What is not read, with names as they are in `folder`."""
        return [
            PassedOver(
                KINDS[kind][0], count, [known_name(path, folder) for path in sorted(self.others[kind])[:MOST_NAMED]],
                KINDS[kind][1],
            )
            for kind, count in sorted(self.counts.items())
            if count
        ]  # fmt: skip


def walk_inbox(folder: Path, skip: Sequence[Path] = ()) -> InboxContents:
    """What is in `folder` and in the folders below it, without hidden ones and those of `skip`.

    A folder below that cannot be read is left out. Raises ScorekeeperError if `folder` itself cannot be read.
    """
    listing, waiting, folders = InboxContents(), [(folder, 0)], 0
    left_out = {(found.st_dev, found.st_ino) for path in skip if (found := _stat(path))}
    while waiting:
        here, depth = waiting.pop()
        folders += 1
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        _sort_in(listing, waiting, here, entry, depth, folders, left_out)
        except OSError as exc:
            if here != folder:
                continue
            if isinstance(exc, FileNotFoundError):
                raise ScorekeeperError(f"the inbox {folder} does not exist: make it, or set INBOX_DIR") from None
            raise ScorekeeperError(f"the inbox {folder} cannot be read: {exc.strerror}") from None
    listing.files.sort()
    return listing


def _sort_in(
    listing: InboxContents, waiting: list[tuple[Path, int]], here: Path, entry: os.DirEntry[str], depth: int,
    folders: int, left_out: set[tuple[int, int]],
) -> None:  # fmt: skip
    name = entry.name
    if entry.is_symlink():
        listing.leave(here / name, LINK)
    elif entry.is_dir(follow_symlinks=False):
        found = _stat(here / name) if left_out else None
        if found and (found.st_dev, found.st_ino) in left_out:
            return
        if depth >= DEEPEST or folders + len(waiting) >= MOST_FOLDERS:
            listing.leave(here / name, DEEP)
        else:
            waiting.append((here / name, depth + 1))
    elif is_unfinished(name):
        return
    elif not entry.is_file(follow_symlinks=False):
        listing.leave(here / name, SPECIAL)
    elif is_decision_file(name):
        listing.files.append(entry.path)
    else:
        listing.leave(here / name, judge(name.lower()))


def judge(name: str) -> int:
    """Of which kind a file is that is not read, by its name in lower case."""
    if name.endswith(_PACKED):
        return PACKED
    if _NUMBERED.fullmatch(name):
        return ROTATED
    return UNKNOWN if "." in name else BARE


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def list_named(paths: Iterable[Path], *, deep: bool = False) -> list[Path]:
    """The named files, and the decision files of the named folders; `deep`: of the folders below them too.

    Raises ScorekeeperError if one does not exist.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = [Path(file) for file in walk_inbox(path).files]
            files += found if deep else [file for file in found if file.parent == path]
        elif path.is_file():
            files.append(path)
        else:
            raise ScorekeeperError(f"{path}: there is no such file or folder")
    return files

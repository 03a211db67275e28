"""Keeps a published file under another name, before a new one takes its place, if content would be lost."""

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

from scorekeeper.locations import Location
from scorekeeper.object_store import open_store

AHEAD, EDITED = "before-restore", "before-rebuild"  # part of the new name


def read_blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block


def find_foreign(path: Path, fresh: IO[bytes]) -> int | None:
    """How many bytes a file shares with the start of a fresh one; None if replacing it would lose no whole line."""
    same = 0
    fresh.seek(0)
    with path.open("rb") as file:
        for block in read_blocks(file):
            shared = count_shared(block, fresh.read(len(block)))
            same += shared
            if shared < len(block):
                rest = block[shared:]
                return same if b"\n" in rest or any(b"\n" in more for more in read_blocks(file)) else None
    return None


def count_shared(one: bytes, other: bytes) -> int:
    """The length of the common prefix.

    >>> count_shared(b"abcd", b"abxd")
    2
    """
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def keep_aside(path: Path, word: str) -> Path:
    """Give the file a second name beside its own. If the process dies before the fresh file comes, repeat this."""
    for number in count(1):
        aside = path.with_name(f"{path.name}.{word}-{number}")
        if not aside.exists():
            try:
                os.link(path, aside)
            except FileExistsError:
                continue
            except OSError:  # this file system has no links
                part = path.with_name(f".{aside.name}.part")
                shutil.copy2(path, part)
                part.rename(aside)
            return aside
        if aside.samefile(path):
            return aside
    raise AssertionError("unreachable: there is always another number")


def list_kept(at: Location, word: str) -> list[Location]:
    """The published files that were kept under another name, by the word in it."""
    if isinstance(at, Path):
        return sorted(at.parent.glob(f"{at.name}.{word}-*"))
    kept = [one.url for one in open_store(at).list(at) if one.url.name.startswith(f"manifest.{word}-")]
    return sorted(kept)

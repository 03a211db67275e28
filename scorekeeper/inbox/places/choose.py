"""Which place the settings name."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.places.base import Place
from scorekeeper.inbox.places.folder import Folder
from scorekeeper.inbox.places.named_files import NamedFiles
from scorekeeper.settings import Settings

MOST_FILES = 10_000
MOST_OBJECTS = 1_000  # a page of a listing


def open_place(settings: Settings, paths: Iterable[Path] | None = None) -> Place:
    """The inbox of the settings; or the files of `paths`, which stay where they are."""
    if paths is not None:
        return NamedFiles(settings, paths)
    if isinstance(settings.inbox, Path):
        return Folder(settings)
    from scorekeeper.inbox.places.bucket import Bucket

    return Bucket(settings)


def count_waiting(settings: Settings, *, often: bool = False) -> int | None:
    """How many files wait in the inbox, without those that their writers have open; None if it cannot be read.

    `often`: for monitoring, up to MOST_FILES, or MOST_OBJECTS in S3. Other object stores give no single page, so
    nothing is counted there.
    """
    inbox, most = settings.inbox, None
    if often:
        if not isinstance(inbox, Path) and inbox.scheme != "s3":
            return None
        most = MOST_FILES if isinstance(inbox, Path) else MOST_OBJECTS
    try:
        place = open_place(settings)
        return sum(not place.has_writer(address) for address in islice(place.look(most), most))
    except (ScorekeeperError, OSError):
        return None

"""Which place the settings name."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.places.base import Place
from scorekeeper.inbox.places.folder import Folder
from scorekeeper.inbox.places.named_files import NamedFiles
from scorekeeper.inbox.places.walk import list_inbox
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


def count_waiting(settings: Settings) -> int | None:
    """How many files lie in the inbox, up to MOST_FILES, or MOST_OBJECTS in S3; None if this process does not see it.

    For monitoring, which asks often. Other object stores give no single page, so nothing is counted there.
    """
    inbox = settings.inbox
    try:
        if isinstance(inbox, Path):
            return sum(1 for _ in islice(list_inbox(inbox, settings.own_dirs), MOST_FILES)) if inbox.is_dir() else None
        if inbox.scheme != "s3":
            return None
        from scorekeeper.object_store import open_store

        return sum(1 for _ in islice(open_store(inbox).list(inbox), MOST_OBJECTS))
    except (ScorekeeperError, OSError):
        return None

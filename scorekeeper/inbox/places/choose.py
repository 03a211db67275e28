"""Which place the settings name."""

from collections.abc import Iterable
from pathlib import Path

from scorekeeper.inbox.places.base import Place
from scorekeeper.inbox.places.folder import Folder
from scorekeeper.inbox.places.named_files import NamedFiles
from scorekeeper.settings import Settings


def open_place(settings: Settings, paths: Iterable[Path] | None = None) -> Place:
    """The inbox of the settings; or the files of `paths`, which stay where they are."""
    if paths is not None:
        return NamedFiles(settings, paths)
    if isinstance(settings.inbox, Path):
        return Folder(settings)
    from scorekeeper.inbox.places.bucket import Bucket

    return Bucket(settings)

"""Published files that are replaced whole: read, written, listed and set aside, on a disk or in an object store."""

from pathlib import Path

from scorekeeper.errors import ContendedError
from scorekeeper.locations import Location
from scorekeeper.object_store import ChangedObjectError, open_store
from scorekeeper.private_files import make_folder, replace_file


def read_output(at: Location) -> bytes | None:
    """A file's content; None if there is none. Raises OSError, ScorekeeperError."""
    if isinstance(at, Path):
        try:
            return at.read_bytes()
        except FileNotFoundError:
            return None
    found = open_store(at).get(at)
    return None if found is None else found[1]


def replace_output(at: Location, content: bytes) -> None:
    """Write a whole file in place of the one there: a reader sees the old one or the new one.

    Raises OSError, ScorekeeperError.
    """
    if isinstance(at, Path):
        replace_file(at, content)
    else:
        open_store(at).put(at, content)


def list_outputs(folder: Location, suffix: str) -> list[str]:
    """The names of the files below a folder, in order, relative to it. Hidden files are left out.

    Raises OSError, ScorekeeperError.
    """
    if isinstance(folder, Path):
        found = [path.relative_to(folder).as_posix() for path in folder.rglob(f"*{suffix}") if path.is_file()]
    else:
        start = len(folder.key) + 1 if folder.key else 0
        found = [one.url.key[start:] for one in open_store(folder).list(folder) if one.url.key.endswith(suffix)]
    return sorted(name for name in found if not any(part.startswith(".") for part in name.split("/")))


def move_output(at: Location, to: Location) -> None:
    """Give a file another place in the same folder or bucket. Raises OSError, ScorekeeperError."""
    if isinstance(at, Path):
        assert isinstance(to, Path)
        make_folder(to.parent)
        at.rename(to)
        return
    assert not isinstance(to, Path)
    store = open_store(at)
    try:
        if (found := store.head(at)) is not None:
            store.copy(found, to)
            store.delete(at, found.etag)
    except ChangedObjectError:
        raise ContendedError(f"{at} was written by another process meanwhile: try again") from None


def has_output(at: Location) -> bool:
    """Whether there is a file. Raises OSError, ScorekeeperError."""
    return at.is_file() if isinstance(at, Path) else open_store(at).head(at) is not None


def link_to(at: Location) -> str:
    """A file's address, for people: file:///... or s3://..."""
    return at.absolute().as_uri() if isinstance(at, Path) else str(at)

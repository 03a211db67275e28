"""Files that are named one by one and stay where they are, as those of a backtest."""

from collections.abc import Iterable
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox.file_names import known_name
from scorekeeper.inbox.places import local_files
from scorekeeper.inbox.places.folder import Folder
from scorekeeper.inbox.places.local_files import LocalFile
from scorekeeper.settings import Settings


class NamedFiles(Folder):
    """The files of `paths`, in their order; see Place. Nothing is moved, and each file counts as finished."""

    moves_files = False

    def __init__(self, settings: Settings, paths: Iterable[Path]) -> None:
        super().__init__(settings)
        self._paths = [str(path) for path in paths]

    def look(self, most: int | None = None) -> list[str]:
        """See Place."""
        return list(self._paths)

    def name_of(self, address: str) -> str:
        """See Place: without folders."""
        return known_name(address)

    def open(self, address: str, name: str | None = None) -> LocalFile:
        """See Place. A file that was named and cannot be read is an error."""
        file = local_files.open_source(Path(address))
        if file is None:
            raise ScorekeeperError(f"{address} is no regular file (a link is not followed)")
        return file

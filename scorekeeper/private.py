"""Who may read what we make: its user alone, unless the user has made the folder and opened it to others.

A folder that we make has mode 0700, and one that was there keeps its own. A file is as open as the folder that it lies
in, but never lets others write. Modes are given to each file and folder, not by a umask: a host's umask is its own.
"""

import contextlib
import os
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder, with those above it that are missing. Raises OSError."""
    if path.is_dir():
        return
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        make_folder(path.parent)
        make_folder(path)
    except FileExistsError:
        if not path.is_dir():  # else somebody else was faster
            raise


def make_file(path: Path) -> None:
    """Make an empty file, unless there is one. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        _set_mode(descriptor, _mode_in(path.parent))
    finally:
        os.close(descriptor)


def keep_mode(descriptor: int, path: Path) -> None:
    """Give the open file that is to stand at `path` the mode of the one that it replaces, or of a new one there."""
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = _mode_in(path.parent)
    _set_mode(descriptor, mode)


def _mode_in(folder: Path) -> int:
    return 0o600 | folder.stat().st_mode & 0o064


def _set_mode(descriptor: int, mode: int) -> None:
    with contextlib.suppress(OSError):  # some file systems know no modes
        os.fchmod(descriptor, mode)

"""Who may read what we make: its user alone, unless the user has made the folder and opened it to others.

A folder that we make has mode 0700, and one that was there keeps its own. A file is as open as the folder that it lies
in, but never lets others write. Modes are given to each file and folder, not by a umask: a host's umask is its own.
"""

import contextlib
import os
import pwd
from pathlib import Path

from scorekeeper.errors import ScorekeeperError


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


def check_owner(home: Path) -> None:
    """Raises ScorekeeperError, which names the owner, if a home is closed to this user."""
    try:
        found = home.stat()
    except FileNotFoundError:
        return
    except OSError:
        closed = next((one for one in home.parents if os.access(one, os.X_OK)), home)
        raise ScorekeeperError(f"the home {home} cannot be reached: {whose(_closed_child(home, closed))}") from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        if os.geteuid() in (0, found.st_uid):
            raise ScorekeeperError(f"the home {home} is closed: chmod u+rwx {home}, or mount its disk for writing")
        raise ScorekeeperError(f"the home {home} cannot be used: {whose(home)}")


def _closed_child(home: Path, reached: Path) -> Path:
    """The first folder on the way from `reached` to `home`."""
    return reached / home.relative_to(reached).parts[0]


def whose(path: Path) -> str:
    """Whose it is, and what somebody else can do."""
    name = _name_of(path.lstat().st_uid)
    return f"{path} belongs to {name}: run as {name}, or use a home of your own (SCOREKEEPER_HOME, --home)"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

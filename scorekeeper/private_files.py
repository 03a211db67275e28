"""Files and folders that only their user can read, unless he has opened the folder to others himself.

A new folder has mode 0700, and an existing one keeps its mode. A file is as open as its folder, but other users can
never write it. Each file and folder gets its mode explicitly: the umask belongs to the host program.
"""

import contextlib
import os
import pwd
import secrets
import stat
from pathlib import Path

from scorekeeper.errors import ScorekeeperError


def make_folder(path: Path) -> None:
    """Make a folder, and missing ones above it. Raises OSError."""
    if path.is_dir():
        return
    try:
        path.mkdir(mode=0o700)
    except FileNotFoundError:
        make_folder(path.parent)
        make_folder(path)
    except FileExistsError:
        if not path.is_dir():  # else another process was faster
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


def write_private(path: Path, words: str) -> None:
    """Write a whole file of mode 0600, which no other user can read at any time. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(words)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def keep_mode(descriptor: int, path: Path) -> None:
    """Give an open file, which is to replace the one at `path`, the mode of that one, or of a new file there."""
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = _mode_in(path.parent)
    _set_mode(descriptor, mode)


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file beside its name and rename it: a reader sees the old one or the new one. Raises OSError."""
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            keep_mode(file.fileno(), path)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _mode_in(folder: Path) -> int:
    return 0o600 | folder.stat().st_mode & 0o064


def _set_mode(descriptor: int, mode: int) -> None:
    with contextlib.suppress(OSError):  # some file systems have no modes
        os.fchmod(descriptor, mode)


def check_owner(home: Path) -> None:
    """Raises ScorekeeperError, which names the owner, if this user cannot use the home."""
    try:
        found = home.stat()
    except FileNotFoundError:
        return
    except OSError:
        reached = next((one for one in home.parents if os.access(one, os.X_OK)), home)
        raise ScorekeeperError(f"the home {home} cannot be reached: {whose(_first_below(reached, home))}") from None
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        if os.geteuid() in (0, found.st_uid):
            raise ScorekeeperError(f"the home {home} is closed: chmod u+rwx {home}, or mount its disk for writing")
        raise ScorekeeperError(f"the home {home} cannot be used: {whose(home)}")


def _first_below(reached: Path, home: Path) -> Path:
    """The first folder on the way from `reached` to `home`."""
    return reached / home.relative_to(reached).parts[0]


def whose(path: Path) -> str:
    """Whose file or folder it is, and what another user can do."""
    name = _name_of(path.lstat().st_uid)
    return f"{path} belongs to {name}: run as {name}, or use a home of your own (SCOREKEEPER_HOME, --home)"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def is_plain_file(path: Path) -> bool:
    """Whether there is a file. Raises ScorekeeperError if its folder is that of another user, who keeps it closed."""
    try:
        return stat.S_ISREG(path.stat().st_mode)  # Path.is_file hides a PermissionError from Python 3.14 on
    except PermissionError:
        check_owner(path.parent)
        return False
    except OSError:
        return False

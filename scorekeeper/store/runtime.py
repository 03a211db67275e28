"""The runtime folders in the system's temporary folder, each with the socket of one embedded server."""

import contextlib
import hashlib
import os
import socket
import tempfile
import time
from pathlib import Path

from scorekeeper.errors import ScorekeeperError, explain

PREFIX = "scorekeeper"
LONGEST_NAME = 85  # of a socket's address macOS takes 103 bytes, the socket's own name among them
YOUNG_SECONDS = 60.0
_SOCKET = ".s.PGSQL."


def runtime_folder(home: Path, cluster: Path, uid: int) -> Path:
    """Where the server of a home has its socket: a name of its own for each home, and each copy of one."""
    try:
        found = cluster.stat()
        which = f"{home}\0{found.st_dev}:{found.st_ino}"
    except OSError:
        which = str(home)
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}-{uid}-{hashlib.sha256(which.encode()).hexdigest()[:12]}"
    if len(str(folder)) > LONGEST_NAME:
        return Path("/tmp") / folder.name  # noqa: S108 - make_runtime checks that it is ours
    return folder


def make_runtime(folder: Path, uid: int, gid: int) -> None:
    """Make it, of mode 0700; one that is there must be that user's. Raises ScorekeeperError."""
    try:
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, uid, gid)
    except FileExistsError:
        found = folder.lstat()
        if found.st_uid != uid or not folder.is_dir() or folder.is_symlink() or found.st_mode & 0o077:
            raise ScorekeeperError(f"{folder} belongs to somebody else: remove it, or use DATABASE_URL") from None
    except OSError as failed:
        raise ScorekeeperError(f"{folder} cannot be made: {explain(failed)}") from None


def remove_runtime(folder: Path) -> None:
    """Remove the folder of a server that has ended, with what a kill has left in it; anything else stays."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f"{_SOCKET}*"):
            left.unlink()
        folder.rmdir()


def sweep_runtimes(uid: int) -> None:
    """Remove what dead servers of this user have left; a young folder may be that of one that is being started."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}-{uid}-*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            is_ours = found.st_uid == uid and folder.is_dir() and not folder.is_symlink()
            if is_ours and time.time() - found.st_mtime > YOUNG_SECONDS and not _is_served(folder):
                remove_runtime(folder)


def _is_served(folder: Path) -> bool:
    """Whether somebody listens at a socket in it; the kernel refuses who calls at one that is left over."""
    for path in folder.glob(f"{_SOCKET}*"):
        if path.suffix == ".lock":
            continue
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(1)
            try:
                caller.connect(str(path))
            except (ConnectionRefusedError, FileNotFoundError):
                continue
            except OSError:
                return True  # too many callers, or we may not ask
            return True
    return False

"""The folders of the embedded servers' sockets, each with a name of its own, in the system's temporary folder."""

import contextlib
import hashlib
import os
import socket
import tempfile
import time
from pathlib import Path

from scorekeeper.errors import ScorekeeperError, explain

PREFIX = "scorekeeper"
LONGEST_NAME = 85  # a socket's address has at most 103 bytes on macOS, which include the socket's own name
YOUNG_SECONDS = 60.0
_SOCKET = ".s.PGSQL."


def choose_socket_folder(home: Path, cluster: Path, uid: int) -> Path:
    """The folder for the socket of a home's server. Each home has its own, and so has each copy of a home."""
    try:
        found = cluster.stat()
        which = f"{home}\0{found.st_dev}:{found.st_ino}"
    except OSError:
        which = str(home)
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}-{uid}-{hashlib.sha256(which.encode()).hexdigest()[:12]}"
    if len(str(folder)) > LONGEST_NAME:
        return Path("/tmp") / folder.name  # noqa: S108 - make_socket_folder checks that it is ours
    return folder


def make_socket_folder(folder: Path, uid: int, gid: int) -> None:
    """Make the folder with mode 0700; an existing one must belong to that user. Raises ScorekeeperError."""
    try:
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, uid, gid)
    except FileExistsError:
        found = folder.lstat()
        if found.st_uid != uid or not folder.is_dir() or folder.is_symlink() or found.st_mode & 0o077:
            raise ScorekeeperError(f"{folder} belongs to another user: remove it, or use DATABASE_URL") from None
    except OSError as exc:
        raise ScorekeeperError(f"{folder} cannot be made: {explain(exc)}") from None


def remove_socket_folder(folder: Path) -> None:
    """Remove the folder of a server that has ended, with sockets that a kill has left; any other file stays."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f"{_SOCKET}*"):
            left.unlink()
        folder.rmdir()


def sweep_folders(uid: int) -> None:
    """Remove folders that dead servers of this user have left; a young one may belong to a server that is starting."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}-{uid}-*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            is_ours = found.st_uid == uid and folder.is_dir() and not folder.is_symlink()
            if is_ours and time.time() - found.st_mtime > YOUNG_SECONDS and not _is_served(folder):
                remove_socket_folder(folder)


def _is_served(folder: Path) -> bool:
    """Whether a server listens at a socket in it; the kernel refuses a connection to a left-over one."""
    for path in folder.glob(f"{_SOCKET}*"):
        if path.suffix == ".lock":
            continue
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(path))
            except (ConnectionRefusedError, FileNotFoundError):
                continue
            except OSError:
                return True  # a full queue, or a missing permission: something listens
            return True
    return False

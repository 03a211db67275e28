"""Whether somebody has a file open for writing, where the system can tell. No database here."""

import errno
import os
import signal
import sys
from functools import cache
from pathlib import Path

if sys.platform == "linux":
    import fcntl

# File systems on which somebody else's machine may have the file open, of which this one's kernel knows nothing.
_FAR = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "afs", "lustre", "gpfs", "vboxsf",
}  # fmt: skip


def has_writer(path: Path) -> bool | None:
    """Whether a process has the file open for writing; None: this system, file system or user cannot tell.

    Linux grants nobody a read lease on a file that is open for writing. It takes the file's owner, or root. The lease
    is given back at once: a writer that opens the file meanwhile waits for some microseconds.
    """
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if _is_far(os.fstat(descriptor).st_dev):
            return None
        _try_lease(descriptor)
    except OSError as refused:
        return True if refused.errno == errno.EAGAIN else None
    else:
        return False
    finally:
        os.close(descriptor)


def _try_lease(descriptor: int) -> None:
    """Take a read lease and give it back. Raises OSError; its errno is EAGAIN while a writer has the file open."""
    if sys.platform == "linux":
        # A writer that comes now makes the kernel tell us, by SIGIO if nothing else is chosen, which ends a process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


@cache
def _is_far(device: int) -> bool:
    """Whether the file system of this device is one that other machines write to; what is not known is not."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                parts = line.split()
                if parts[2] == wanted:
                    kind = parts[parts.index("-") + 1]
                    return kind in _FAR or kind.startswith("fuse")
    except (OSError, ValueError, IndexError):
        pass
    return False

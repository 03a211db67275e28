"""Whether a process has a file open for writing, if the system can tell."""

import errno
import os
import signal
import sys
from functools import cache
from pathlib import Path

if sys.platform == "linux":
    import fcntl

# File systems on which another machine may have the file open, without this machine's kernel knowing.
_FAR = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "glusterfs", "afs", "lustre", "gpfs", "vboxsf",
}  # fmt: skip


def has_writer(path: Path | str) -> bool | None:
    """Whether a process has the file open for writing; None if this system, file system or user cannot tell.

    Linux grants no read lease on a file that is open for writing. Only the file's owner and root may ask for one. The
    lease is released at once: a writer that opens the file in between waits for some microseconds.
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
    except OSError as exc:
        return True if exc.errno == errno.EAGAIN else None
    else:
        return False
    finally:
        os.close(descriptor)


def _try_lease(descriptor: int) -> None:
    """Take a read lease and release it. Raises OSError; its errno is EAGAIN while a writer has the file open."""
    if sys.platform == "linux":
        # When a writer opens the file now, the kernel signals it. The default signal is SIGIO, which ends a process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


@cache
def _is_far(device: int) -> bool:
    """Whether other machines may write to the file system of this device; False if that is not known."""
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

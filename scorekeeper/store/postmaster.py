"""The process of an embedded server: finding it, and running the programs that start and stop it.

It imports little, for processes that only look whether the server runs.
"""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

FOLDER = "postgres"  # in the home
PID_FILE, SOCKET = "postmaster.pid", ".s.PGSQL.5432"
# How long a start or a stop that is under way may go on after a signal has asked us to stop.
LAST_SECONDS = 5


def find_folder(home: Path) -> Path:
    """The folder of the server's files, which need not exist."""
    link = home / FOLDER
    return Path(os.path.normpath(home / link.readlink())) if link.is_symlink() else link


def find_data(home: Path) -> Path:
    """The data folder in it, as Postgres calls it."""
    return find_folder(home.expanduser().resolve()) / "data"


class Postmaster(NamedTuple):
    """A running server; `socket_folder`: None until it has one; `is_ready`: it accepts connections."""

    pid: int
    socket_folder: Path | None
    is_ready: bool


def find_postmaster(data: Path) -> Postmaster | None:
    """The server of these files, if it runs.

    The process must have `data` as its working directory. In a copied folder, or after a restart of the machine, the
    process id in the file belongs to another process, which may be the server of another home.
    """
    lines = _noted(data)
    if not lines:
        return None
    with contextlib.suppress(OSError, ValueError):
        pid = int(lines[0])
        if _works_in(pid, data):
            socket_folder = Path(lines[4]) if len(lines) > 4 and lines[4] else None
            return Postmaster(pid, socket_folder, is_ready=len(lines) > 7)
    return None


def _works_in(pid: int, data: Path) -> bool:
    """Whether the process works in that folder. Raises OSError if it has ended, or is another user's."""
    if sys.platform == "linux":
        return Path(f"/proc/{pid}/cwd").samefile(data)
    import psutil  # seldom needed, and trading systems import this module

    try:
        return Path(psutil.Process(pid).cwd()).samefile(data)
    except psutil.Error:
        return False


def is_within_reach(data: Path) -> bool:
    """Whether the server of these files runs and has its socket, or is about to. It is not asked."""
    found = find_postmaster(data)
    if found is None:
        return False
    return not found.is_ready or found.socket_folder is None or (found.socket_folder / SOCKET).exists()


def server_started(data: Path) -> tuple[str, str] | None:
    """Process id and start time of the server, as it noted them; None if there is none."""
    match _noted(data):
        case [pid, _, started, *_]:
            return pid, started
    return None


def remove_stale_pid(data: Path) -> None:
    """Remove the file if its process id belongs to another process by now. Postgres handles one that has ended."""
    import psutil

    if (lines := _noted(data)) and not find_postmaster(data):
        with contextlib.suppress(ValueError):
            if psutil.pid_exists(int(lines[0])):
                (data / PID_FILE).unlink(missing_ok=True)


def _noted(data: Path) -> list[str]:
    try:
        return (data / PID_FILE).read_text().splitlines()
    except OSError:
        return []


def run_program(
    command: Sequence[str], owner: pwd.struct_passwd, *, folder: Path | None, kill: bool
) -> subprocess.CompletedProcess[str]:
    """Run one of the server's programs as its user in `folder`; its output is in `stdout`.

    On an interruption a start or a stop may go on for LAST_SECONDS, so that it is not left half-done. With `kill` the
    program ends at once.
    """
    import tempfile  # it imports much, and who only looks for the server stays small

    user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryFile("w+") as output:
        # A file, because the server would keep a pipe open for as long as it runs. A session of its own, because the
        # terminal's Ctrl-C is meant for us.
        process = subprocess.Popen(  # noqa: S603 - our own binaries, our own arguments
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, text=True, start_new_session=True,
            cwd=folder or "/", env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, umask=0o077,
            **user,  # type: ignore[call-overload]
        )  # fmt: skip
        try:
            process.wait()
        except BaseException:
            _end(process, at_once=kill)
            raise
        output.seek(0)
        return subprocess.CompletedProcess(command, process.returncode, output.read())


def _end(process: "subprocess.Popen[str]", *, at_once: bool) -> None:
    if not at_once:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LAST_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL) if at_once else process.kill()
    process.wait()

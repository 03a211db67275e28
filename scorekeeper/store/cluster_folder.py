"""Where the files of a home's embedded server are. A home that has lost its database is an error, not a new start.

The files are in `postgres/` in the home, which belongs to the user that runs the server. For root that is a system
user, who needs no access to the home: the server starts in its own folder. Some network and foreign file systems cannot
give that user a folder. Then the files are below SYSTEM_HOME, and `postgres` in the home is a link. A note in the home
says that it has a database.
"""

import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scorekeeper.errors import ScorekeeperError, explain
from scorekeeper.private_files import check_owner, make_folder, whose
from scorekeeper.store.binaries import SYSTEM_HOME, make_system_home
from scorekeeper.store.postmaster import FOLDER, find_postmaster
from scorekeeper.store.postmaster import find_folder as find_folder

NOTE, LOCK = "database.json", ".database.lock"
READY = "ready"  # in the data folder, once initdb has done everything
HOME_OF = "home"  # in a folder below SYSTEM_HOME: whose it is
_MOVING, _COPYING = ".postgres.moving", ".postgres.copying"
# On Linux a process may use its working directory through this path, whatever the folders above it allow.
_FROM_WITHIN = "/proc/self/cwd"


def lies_elsewhere(home: Path) -> bool:
    """Whether the database is outside the home, so that it does not move with the home."""
    return (home / FOLDER).is_symlink()


def describe_folder(home: Path) -> str:
    """The folder of the database, in words."""
    outside = " (outside of the home)" if lies_elsewhere(home) else ""
    return f"{find_folder(home)}{outside}"


def has_cluster(home: Path) -> bool:
    """Whether the home has a database. Raises ScorekeeperError if it had one and lost it."""
    check_owner(home)
    folder = find_folder(home)
    try:
        (folder / "data" / READY).stat()
    except PermissionError:
        raise ScorekeeperError(f"the home's database cannot be used: {whose(folder)}") from None
    except OSError:
        pass
    else:
        return True
    if (home / _MOVING).is_dir():
        return True  # a move was killed: the next start completes it
    if (find_folder(home) / "data" / READY).exists():
        return True  # a move has been completed meanwhile
    note = home / NOTE
    is_noted = note.exists()
    if is_noted or (lies_elsewhere(home) and not folder.exists()):
        with contextlib.suppress(OSError, ValueError, KeyError):
            noted = Path(json.loads(note.read_bytes())["folder"]) if is_noted else folder
            if noted.name != FOLDER:  # else it was in the home, which may have been elsewhere then
                folder = noted
        remove = f"{note if is_noted else home / FOLDER}"
        # In earlier versions a home and its copies shared a database. It has moved into the one that was used first.
        copied = "" if is_noted else " (a copy of this home that was used before may hold it by now)"
        raise ScorekeeperError(
            f"the home {home} has lost its database, which was in {folder}: put that folder back as it was{copied}, "
            f"or remove {remove} to begin an empty one"
        )
    return False


def prepare_folder(home: Path, owner: pwd.struct_passwd) -> Path:
    """The folder, made for `owner` if there was none; a database below SYSTEM_HOME moves into the home.

    Raises ScorekeeperError.
    """
    check_owner(home)
    try:
        make_folder(home)
        with _alone(home):
            _finish_move(home)
            has_cluster(home)
            if lies_elsewhere(home):
                folder = find_folder(home)
                if folder.parent == SYSTEM_HOME and os.geteuid() == 0:
                    _check_not_copied(home, folder)
                    return _move_in(home, folder, owner) or folder
                _check_folder(folder, owner)
                return folder
            return _make(home, owner)
    except OSError as exc:
        raise ScorekeeperError(f"the home {home} cannot be used: {explain(exc)}") from None


def note_cluster(home: Path, folder: Path) -> None:
    """Write the note that the home has a database. Raises ScorekeeperError."""
    note, draft = home / NOTE, home / f".{NOTE}.part"
    if note.exists():
        return
    content = {"folder": str(folder), "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(json.dumps(content) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(note)
    except OSError as exc:
        raise ScorekeeperError(f"{note} cannot be written: {explain(exc)}") from None


def name_data(data: Path) -> str:
    """The path of its files that the server is given; `data` is its working directory."""
    return _FROM_WITHIN if os.geteuid() == 0 and sys.platform == "linux" else str(data)


@dataclass(frozen=True)
class Stray:
    """A database below SYSTEM_HOME that no known home links to; `home`: the home that it belonged to, if known."""

    folder: Path
    home: Path | None


def list_strays(own: Path | None = None) -> Iterator[Stray]:
    """Databases without a home, whose server does not run; for root only. `own`: a home whose database is no stray."""
    if os.geteuid() != 0 or not SYSTEM_HOME.is_dir():
        return
    for data in sorted(SYSTEM_HOME.glob("*/data")):
        folder = data.parent
        if find_postmaster(data) or (own is not None and find_folder(own) == folder):
            continue
        try:
            home = Path((folder / HOME_OF).read_text(encoding="utf-8"))
        except OSError:
            yield Stray(folder, None)  # an earlier version made it without noting the home
            continue
        if find_folder(home) != folder:
            yield Stray(folder, home)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make(home: Path, owner: pwd.struct_passwd) -> Path:
    folder = home / FOLDER
    if folder.exists():
        _check_folder(folder, owner)
        return folder
    fresh = home / _COPYING
    shutil.rmtree(fresh, ignore_errors=True)
    if _make_own(fresh, owner):
        fresh.rename(folder)
        return folder
    shutil.rmtree(fresh, ignore_errors=True)
    if os.geteuid() != 0:
        raise ScorekeeperError(
            f"{home} is on a file system that cannot make a folder private, as Postgres needs it: "
            "use another SCOREKEEPER_HOME, or DATABASE_URL"
        )
    make_system_home()
    folder = SYSTEM_HOME / secrets.token_hex(6)
    _make_own(folder, owner)
    (home / FOLDER).symlink_to(folder)
    _note_home(home, folder)
    return folder


def _note_home(home: Path, folder: Path) -> None:
    (folder / HOME_OF).write_text(str(home), encoding="utf-8")


def _check_folder(folder: Path, owner: pwd.struct_passwd) -> None:
    """Raises ScorekeeperError unless it is a folder of that owner; the mode may be any."""
    found = folder.lstat()
    if not folder.is_dir():
        raise ScorekeeperError(f"{folder} is no folder: remove it, or use another SCOREKEEPER_HOME")
    if found.st_uid == owner.pw_uid:
        return
    if os.geteuid() == 0 and _runs_no_server(found.st_uid):
        _chown_all(folder, owner)
        return
    raise ScorekeeperError(f"the home's database cannot be used: {whose(folder)}")


def _runs_no_server(uid: int) -> bool:
    """Whether no server can run as that user: root, after a copy without owners, or a user of another machine."""
    try:
        return pwd.getpwuid(uid).pw_uid == 0
    except KeyError:
        return True


def _chown_all(folder: Path, owner: pwd.struct_passwd) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def _make_own(folder: Path, owner: pwd.struct_passwd) -> bool:
    """Make a folder of mode 0700 that `owner` can write to; whether the file system allowed it."""
    folder.mkdir(mode=0o700)
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        found = folder.lstat()
        return (found.st_uid, found.st_mode & 0o777) == (owner.pw_uid, 0o700) and _can_write(folder, owner)
    return False


def _can_write(folder: Path, owner: pwd.struct_passwd) -> bool:
    if os.geteuid() != 0:
        return os.access(folder, os.W_OK)
    path = name_data(folder)
    tried = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/sh", "-c", ': > "$0/.probe" && rm "$0/.probe"', path], cwd=folder, check=False, capture_output=True,
        user=owner.pw_uid, group=owner.pw_gid, extra_groups=[],
    )  # fmt: skip
    return tried.returncode == 0


def _check_not_copied(home: Path, folder: Path) -> None:
    """Raises ScorekeeperError if `home` is a copy of another home, whose database is in `folder`."""
    try:
        theirs = Path((folder / HOME_OF).read_text(encoding="utf-8"))
    except OSError:
        theirs = home
    if theirs != home and find_folder(theirs) == folder and not theirs.samefile(home):
        raise ScorekeeperError(
            f"{home} is a copy of {theirs}, and holds no database of its own, only a link to that one's in {folder}: "
            f"use {theirs}, or remove {home / FOLDER} and {home / NOTE} to begin an empty one"
        )
    _note_home(home, folder)


def _move_in(home: Path, folder: Path, owner: pwd.struct_passwd) -> Path | None:
    """Move a database from below SYSTEM_HOME into its home, if it has no users and there is room; its new folder.

    It may be killed anywhere: until the first rename the old folder is used, after it the new one.
    """
    fresh, target = home / _COPYING, home / FOLDER
    with contextlib.ExitStack() as held:
        for name in ("start.lock", "users.lock"):
            file = held.enter_context((folder / name).open("a"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
        if (folder / "data" / "postmaster.pid").exists():
            return None  # it runs without users, or was killed: it moves after its next stop
        shutil.rmtree(fresh, ignore_errors=True)
        size = sum(path.lstat().st_size for path in folder.rglob("*"))
        if not _make_own(fresh, owner) or shutil.disk_usage(home).free < 1.2 * size:
            shutil.rmtree(fresh, ignore_errors=True)
            return None
        try:
            shutil.copytree(folder, fresh, symlinks=True, dirs_exist_ok=True)
            _chown_all(fresh, owner)
        except (OSError, shutil.Error):
            shutil.rmtree(fresh, ignore_errors=True)
            return None
        (fresh / HOME_OF).unlink(missing_ok=True)
        os.sync()
        fresh.rename(home / _MOVING)
        _finish_move(home)
        (home / NOTE).unlink(missing_ok=True)
        note_cluster(home, target)
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _finish_move(home: Path) -> None:
    moved, target = home / _MOVING, home / FOLDER
    if not moved.is_dir():
        return
    if target.is_symlink():
        target.unlink()
    moved.rename(target)

"""Where the files of a home's embedded server lie, and that what a home has had is never begun anew in silence.

They lie in the home, in `postgres/`, which belongs to whoever runs the server. Run as root that is a system user, who
needs no way into the home: the server is started from within its folder. Where the file system gives that user no
folder (some network and foreign ones do not), the files lie below SYSTEM_HOME, and `postgres` in the home is a link.
A note in the home says that it has a database; where that is gone, it is an error.
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
from scorekeeper.store.postmaster import find_postmaster

FOLDER, NOTE, LOCK = "postgres", "database.json", ".database.lock"
READY = "ready"  # in the data folder, once initdb has done everything
HOME_OF = "home"  # in a folder below SYSTEM_HOME: whose it is
_MOVING, _COPYING = ".postgres.moving", ".postgres.copying"
# The working directory of a process on Linux, which it may use whatever the folders above it allow.
_FROM_WITHIN = "/proc/self/cwd"


def find_folder(home: Path) -> Path:
    """Where the server's files are, or will be first looked for; nothing is made."""
    link = home / FOLDER
    return Path(os.path.normpath(home / link.readlink())) if link.is_symlink() else link


def lies_elsewhere(home: Path) -> bool:
    """Whether the database is not in the home itself, so that it does not go where the home goes."""
    return (home / FOLDER).is_symlink()


def say_where(home: Path) -> str:
    """Where the database is, for a person."""
    outside = " (outside of the home)" if lies_elsewhere(home) else ""
    return f"{find_folder(home)}{outside}"


def has_cluster(home: Path) -> bool:
    """Whether the home has a database. Raises ScorekeeperError if it had one, and has lost it."""
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
        return True  # a move that was killed: the next start ends it
    if (find_folder(home) / "data" / READY).exists():
        return True  # a move that has ended since
    note = home / NOTE
    is_noted = note.exists()
    if is_noted or (lies_elsewhere(home) and not folder.exists()):
        with contextlib.suppress(OSError, ValueError, KeyError):
            noted = Path(json.loads(note.read_bytes())["folder"]) if is_noted else folder
            if noted.name != FOLDER:  # else it lay in the home, which may have had another place then
                folder = noted
        remove = f"{note if is_noted else home / FOLDER}"
        # Homes of earlier versions shared it with their copies; it has moved into the one that was used first.
        copied = "" if is_noted else " (a copy of this home that was used before may hold it by now)"
        raise ScorekeeperError(
            f"the home {home} has lost its database, which was in {folder}: put that folder back as it was{copied}, "
            f"or remove {remove} to begin an empty one"
        )
    return False


def settle(home: Path, owner: pwd.struct_passwd) -> Path:
    """The folder, which is there and belongs to `owner` afterwards; a database below SYSTEM_HOME moves into the home.

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
    except OSError as failed:
        raise ScorekeeperError(f"the home {home} cannot be used: {explain(failed)}") from None


def note_cluster(home: Path, folder: Path) -> None:
    """Note in the home that its database has been made. Raises ScorekeeperError."""
    note, part = home / NOTE, home / f".{NOTE}.part"
    if note.exists():
        return
    said = {"folder": str(folder), "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(json.dumps(said) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.rename(note)
    except OSError as failed:
        raise ScorekeeperError(f"{note} cannot be written: {explain(failed)}") from None


def name_data(data: Path) -> str:
    """What the server, started with `data` as its working directory, is told of where its files are."""
    return _FROM_WITHIN if os.geteuid() == 0 and sys.platform == "linux" else str(data)


@dataclass(frozen=True)
class Stray:
    """A database below SYSTEM_HOME that no home is known to lead to; `home`: whose it was, if that is known."""

    folder: Path
    home: Path | None


def list_strays(own: Path | None = None) -> Iterator[Stray]:
    """Databases whose home is gone, or not known, and which rest; only root can tell. `own`: a home that is known."""
    if os.geteuid() != 0 or not SYSTEM_HOME.is_dir():
        return
    for data in sorted(SYSTEM_HOME.glob("*/data")):
        folder = data.parent
        if find_postmaster(data) or (own is not None and find_folder(own) == folder):
            continue
        try:
            home = Path((folder / HOME_OF).read_text(encoding="utf-8"))
        except OSError:
            yield Stray(folder, None)  # made before homes were noted, and not used since
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
            f"{home} lies on a file system on which a folder cannot be private, as Postgres needs it: "
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
    """It must be a folder of that owner; its mode is left alone."""
    found = folder.lstat()
    if not folder.is_dir():
        raise ScorekeeperError(f"{folder} is no folder: remove it, or use another SCOREKEEPER_HOME")
    if found.st_uid == owner.pw_uid:
        return
    if os.geteuid() == 0 and _is_nobodys(found.st_uid):
        _chown_all(folder, owner)
        return
    raise ScorekeeperError(f"the home's database cannot be used: {whose(folder)}")


def _is_nobodys(uid: int) -> bool:
    """Whether no server runs as that user: root, whose copy kept no owners, or a number of another machine."""
    try:
        return pwd.getpwuid(uid).pw_uid == 0
    except KeyError:
        return True


def _chown_all(folder: Path, owner: pwd.struct_passwd) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def _make_own(folder: Path, owner: pwd.struct_passwd) -> bool:
    """Make a folder of mode 0700 that its owner can work in; whether the file system allowed it."""
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
    place = name_data(folder)
    tried = subprocess.run(  # noqa: S603 - a fixed command
        ["/bin/sh", "-c", ': > "$0/.probe" && rm "$0/.probe"', place], cwd=folder, check=False, capture_output=True,
        user=owner.pw_uid, group=owner.pw_gid, extra_groups=[],
    )  # fmt: skip
    return tried.returncode == 0


def _check_not_copied(home: Path, folder: Path) -> None:
    """Two homes, one a copy of the other, must not share what lies outside of both."""
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
    """Move a database from below SYSTEM_HOME into its home, if nobody uses it, and there is room; its new folder.

    May be killed anywhere: up to the first rename the old folder counts, and then the new one.
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
            return None  # it runs without users, or was killed: once it has been started and stopped it moves
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

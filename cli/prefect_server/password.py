"""The password of Prefect's server below `up`: made at each start, kept in the home, handed on by environment alone.

Prefect calls it an auth string, `user:password`; whoever has it can run anything as the user (docs/operations.md).
"""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from scorekeeper.errors import ScorekeeperError
from scorekeeper.private_files import whose

SERVERS, CLIENTS = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
# `up`'s place in a home, and the file in it.
PLACE, NAME = "up", "password"
# Below this path the server is ours; the rest is Prefect's.
DOOR = "/scorekeeper"


def password_file(home: Path) -> Path:
    """Where the password of the last `up` of this home lies."""
    return home / PLACE / NAME


def make_place(home: Path) -> Path:
    """The folder of `up` in a home. Raises ScorekeeperError if it is somebody else's, who could say there what runs."""
    place = home / PLACE
    place.mkdir(parents=True, exist_ok=True)
    if place.is_symlink() or place.lstat().st_uid != os.geteuid():
        raise ScorekeeperError(f"up cannot use what others may change: {whose(place)}")
    return place


def settle_password(home: Path) -> str:
    """The password of this `up`: the user's own (PREFECT_SERVER_API_AUTH_STRING), else a new one, kept in the home.

    The last one may be known: once `up` has ended, a page of the UI that is still open asks whoever listens on its port
    then, and shows it. Raises ScorekeeperError.
    """
    given = os.environ.get(SERVERS, "").strip()
    if not given.isascii():
        raise ScorekeeperError(f"{SERVERS}: Prefect compares ASCII only; use letters without accents")
    read_password(home)  # a file that others have laid there is said, and not replaced
    password = given or f"scorekeeper:{secrets.token_urlsafe(32)}"
    write_private(password_file(home), password)
    return password


def read_password(home: Path) -> str | None:
    """The password that is kept. Raises ScorekeeperError if somebody else may have read or written it."""
    try:
        number = os.open(password_file(home), os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as refused:
        raise ScorekeeperError(f"{password_file(home)} cannot be read ({refused.strerror}): delete it") from None
    with os.fdopen(number, encoding="utf-8") as file:
        found = os.fstat(number)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            what_to_do = "delete it, and scorekeeper up makes another"
            raise ScorekeeperError(f"{password_file(home)} is open to others: {what_to_do}")
        return file.read().strip() or None


def write_private(path: Path, words: str) -> None:
    """Write a file that from its first byte on nobody else can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(words)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def prove(password: str, nonce: str) -> str:
    """What only who has the password can answer to a nonce: a server is asked for it before it is told the password."""
    return hmac.new(password.encode(), f"scorekeeper {nonce}".encode(), hashlib.sha256).hexdigest()

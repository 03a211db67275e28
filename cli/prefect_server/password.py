"""The password of Prefect's server below `up`: made at each start, kept in the home, handed on by environment alone.

Prefect calls it an auth string, `user:password`. A user who has it can run any program as the user of
`up` (docs/operations/access.md).
"""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from cli.folders import password_file
from scorekeeper.errors import ScorekeeperError
from scorekeeper.private_files import write_private

# The variables in which Prefect's server and its clients read it.
SERVERS, CLIENTS = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"
# The gate answers requests below this path itself; the rest goes to Prefect.
DOOR = "/scorekeeper"


def choose_password(home: Path) -> str:
    """The password of this `up`, kept in the home: the user's own (PREFECT_SERVER_API_AUTH_STRING), else a new one.

    The last one may be known. After `up` has ended, a page of the UI that is still open sends it to whatever listens on
    the port. Raises ScorekeeperError.
    """
    given = os.environ.get(SERVERS, "").strip()
    if not given.isascii():
        raise ScorekeeperError(f"{SERVERS}: Prefect compares ASCII only; use letters without accents")
    read_password(home)  # a file that others made is an error, and is not replaced
    password = given or f"scorekeeper:{secrets.token_urlsafe(32)}"
    write_private(password_file(home), password)
    return password


def read_password(home: Path) -> str | None:
    """The password that is kept. Raises ScorekeeperError if other users may have read or written it."""
    try:
        descriptor = os.open(password_file(home), os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ScorekeeperError(f"{password_file(home)} cannot be read ({exc.strerror}): delete it") from None
    with os.fdopen(descriptor, encoding="utf-8") as file:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            what_to_do = "delete it, and scorekeeper up makes another"
            raise ScorekeeperError(f"{password_file(home)} is open to others: {what_to_do}")
        return file.read().strip() or None


def prove(password: str, nonce: str) -> str:
    """The answer to a nonce that only a holder of the password can give: a client asks for it before it sends the
    password to a server.

    >>> prove("scorekeeper:secret", "1a2b") == prove("scorekeeper:secret", "1a2b")
    True
    """
    return hmac.new(password.encode(), f"scorekeeper {nonce}".encode(), hashlib.sha256).hexdigest()

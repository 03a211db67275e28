"""What a user of Scorekeeper can be told."""

import errno

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ROOM_NEEDED = "make room, and the next run goes on"


class ScorekeeperError(Exception):
    """Something that a user can understand and act on: its text is one clear line and holds no secret."""


class ContendedError(ScorekeeperError):
    """Others work on the same rows: the database has undone a transaction again and again; a later try may succeed."""


class DatabaseError(ScorekeeperError):
    """The database cannot be reached, or refuses: `says` why, and `do` what helps; its text is both."""

    def __init__(self, says: str, do: str) -> None:
        super().__init__(says, do)
        self.says = says
        self.do = do

    def __str__(self) -> str:
        return f"{self.says}: {self.do}"


class AwayError(DatabaseError):
    """The database does not answer now, or ended the connection; a later try may succeed."""


def explain(failed: OSError) -> str:
    """Why the system refused, and what to do where that can be said."""
    reason = failed.strerror or type(failed).__name__
    return f"{reason}: {ROOM_NEEDED}" if failed.errno in _NO_ROOM else reason

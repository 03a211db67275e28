"""Errors whose text a user can understand and act on."""

import errno
from collections.abc import Mapping, Sequence
from itertools import islice

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ROOM_NEEDED = "make room, and the next run goes on"


class ScorekeeperError(Exception):
    """An error that a user can act on: its text is one clear line and contains no secret."""


class ContendedError(ScorekeeperError):
    """A transaction conflicted with others on the same rows several times; a later try may succeed."""


class RefusedError(ScorekeeperError, ValueError):
    """Some decisions of many were refused; all others are stored.

    `trade_ids`: the id of each decision, in order; None for one that was refused. `reasons`: by its place from 0, the
    error that names the field. The text names the first ten.
    """

    def __init__(self, trade_ids: Sequence[str | None], reasons: Mapping[int, Exception]) -> None:
        super().__init__(trade_ids, reasons)
        self.trade_ids = list(trade_ids)
        self.reasons = dict(reasons)

    def __str__(self) -> str:
        named = [f"[{place}] {reason}" for place, reason in islice(self.reasons.items(), 10)]
        rest = len(self.reasons) - len(named)
        others = "" if len(self.reasons) == len(self.trade_ids) else ", the others are stored"
        return (
            f"{len(self.reasons):,} of {len(self.trade_ids):,} decisions were refused{others}: "
            + "; ".join(named) + (f"; and {rest:,} more" if rest else "")
        )  # fmt: skip


class DatabaseError(ScorekeeperError):
    """The database cannot be reached, or refuses; `says`: why, `do`: what helps. The text is both."""

    def __init__(self, says: str, do: str) -> None:
        super().__init__(says, do)
        self.says = says
        self.do = do

    def __str__(self) -> str:
        return f"{self.says}: {self.do}"


class AwayError(DatabaseError):
    """The database does not answer now, or has ended the connection; a later try may succeed."""


class CancelledByReplayError(AwayError):
    """A standby cancelled a read, because it had to apply a change of its primary; a later try may succeed."""


def explain(exc: OSError) -> str:
    """The system's reason, and what to do if the disk is full.

    >>> explain(OSError(errno.ENOSPC, "No space left on device"))
    'No space left on device: make room, and the next run goes on'
    """
    reason = exc.strerror or type(exc).__name__
    return f"{reason}: {ROOM_NEEDED}" if exc.errno in _NO_ROOM else reason

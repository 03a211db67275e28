"""How far a verification is, in words."""

from collections.abc import Callable

# Called with what a check walks over, and how many more of it there were.
Progress = Callable[[str, int], None]
TELL_EVERY = 2_000  # rows


def silent(_what: str, _more: int) -> None:
    """Tell nothing."""


class Walk:
    """Counts what each check walks over, and tells it now and then.

    >>> walk = Walk(print, 2)
    >>> walk.begin("trades")
    check 1 of 2: trades
    >>> walk("decisions", 1_500)
    >>> walk("decisions", 1_500)
    check 1 of 2: 3,000 decisions
    """

    def __init__(self, tell: Callable[[str], None], checks: int) -> None:
        self._tell, self._checks = tell, checks
        self._number, self._what, self._walked = 0, "", 0

    def begin(self, check: str) -> None:
        """The next check."""
        self._number, self._what = self._number + 1, ""
        self._tell(f"check {self._number} of {self._checks}: {check}")

    def __call__(self, what: str, more: int) -> None:
        if what != self._what:
            self._what, self._walked = what, 0
        before, self._walked = self._walked, self._walked + more
        if before // TELL_EVERY != self._walked // TELL_EVERY:
            self._tell(f"check {self._number} of {self._checks}: {self._walked:,} {what}")

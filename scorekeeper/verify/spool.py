"""Outcomes that are looked at several times. Many are kept on the disk meanwhile: memory does not grow with them."""

from collections.abc import Iterator
from itertools import accumulate
from tempfile import SpooledTemporaryFile

import numpy as np
from numpy.typing import NDArray

from scorekeeper.verify.relearn import Outcome

_AT_ONCE = 20_000
_ROW = 3  # numbers of an outcome
_IN_MEMORY = 16 << 20  # bytes
Floats = NDArray[np.float64]


class Spool:
    """The outcomes of a version in order of `expires`: score, uniqueness, and whether the return is above 0."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it lives as long as this object
        self._waiting: list[float] = []
        self._days: dict[int, int] = {}

    def add(self, one: Outcome, day: int) -> None:
        """The next outcome, and the midnight from which on it is fitted."""
        self._waiting += (one.score, one.uniqueness, float(one.return_pct > 0))
        self._days[day] = self._days.get(day, 0) + 1
        if len(self._waiting) >= _AT_ONCE * _ROW:
            self._write()

    def count_days(self) -> dict[int, int]:
        """By midnight with something new, in order: how many outcomes are fitted then."""
        return dict(zip(self._days, accumulate(self._days.values()), strict=True))

    def read(self, count: int) -> Iterator[tuple[Floats, Floats, Floats]]:
        """The first `count` outcomes in parts."""
        self._write()
        self._file.seek(0)
        while count > 0:
            content = self._file.read(min(count, _AT_ONCE) * _ROW * 8)
            rows = np.frombuffer(content, dtype=np.float64).reshape(-1, _ROW)
            yield rows[:, 0], rows[:, 1], rows[:, 2]
            count -= len(rows)

    def _write(self) -> None:
        self._file.seek(0, 2)
        self._file.write(np.array(self._waiting, dtype=np.float64).tobytes())
        self._waiting = []

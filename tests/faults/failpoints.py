"""Places in a process at which it is killed: before, within or after its n-th COMMIT, rename or write."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg

POINTS = ("before commit", "after commit", "before rename", "after rename", "within write", "before fsync")


class Failpoints:
    """Counts how often each point is come by, and kills this process at one of them.

    `point` and `number`: where (the first is 1); without them it only counts.
    """

    def __init__(self, point: str | None = None, number: int = 0) -> None:
        self.passed: Counter[str] = Counter()
        self._point, self._number = point, number

    def arm(self) -> None:
        """From now on, until this process ends: it is made to be killed."""
        psycopg.Connection.commit = self._around(psycopg.Connection.commit, "commit")  # type: ignore[method-assign]
        os.rename = self._around(os.rename, "rename")
        os.replace = self._around(os.replace, "rename")
        os.fsync = self._around(os.fsync, "fsync")
        points, plain_open = self, Path.open

        def opened(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
            file = plain_open(self, mode, *more, **named)
            return _Torn(file, points) if "b" in mode and ("+" in mode or "w" in mode) else file

        Path.open = opened  # type: ignore[method-assign]

    def come_by(self, point: str) -> bool:
        """Note it; whether this is where the process has to die."""
        self.passed[point] += 1
        return point == self._point and self.passed[point] == self._number

    def _around(self, act: Callable[..., Any], what: str) -> Callable[..., Any]:
        def acted(*given: Any, **named: Any) -> Any:
            if self.come_by(f"before {what}"):
                die()
            done = act(*given, **named)
            if self.come_by(f"after {what}"):
                die()
            return done

        return acted


class _Torn:
    """A file that is written, half of a write on the disk when the process dies within it."""

    def __init__(self, file: Any, points: Failpoints) -> None:
        self._file, self._points = file, points

    def writelines(self, lines: Iterable[bytes]) -> None:
        self.write(b"".join(lines))

    def write(self, content: bytes) -> int:
        if content and self._points.come_by("within write"):
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            die()
        return int(self._file.write(content))

    def __enter__(self) -> "_Torn":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def die() -> None:
    """As by kill -9: nothing is flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)

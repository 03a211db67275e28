"""The bytes of an object as a file, which goes on where it was when the connection is lost."""

import io
import time
from collections.abc import Callable
from typing import Any, Protocol

TRIES = 6
LONGEST_PAUSE = 8.0
BUFFER_BYTES = 1 << 18


class BrokenStreamError(Exception):
    """The answer ended early. What follows can be asked for again."""


class Stream(Protocol):
    """The bytes of one answer. `read` raises BrokenStreamError if it ends early."""

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""

    def close(self) -> None:
        """Give up what is left."""


def read_object(size: int, fetch: Callable[[int], Stream], fail: Callable[[], Exception]) -> io.BufferedReader:
    """A file of `size` bytes; `fetch` asks for those from an offset on. After TRIES broken answers `fail` is raised."""
    return io.BufferedReader(_Reader(size, fetch, fail), BUFFER_BYTES)


class SeekableReader(io.RawIOBase):
    """Bytes at offsets, as a file to be read: a class that inherits it has `readinto`, which reads from `_at` on."""

    _at = 0

    def size_bytes(self) -> int:
        """How many bytes there are."""
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes()}[whence]
        self._at = offset + start
        return self._at


class _Reader(SeekableReader):
    def __init__(self, size: int, fetch: Callable[[int], Stream], fail: Callable[[], Exception]) -> None:
        super().__init__()
        self._size, self._fetch, self._fail = size, fetch, fail
        self._stream: Stream | None = None

    def size_bytes(self) -> int:
        return self._size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        before = self._at
        if super().seek(offset, whence) != before:
            self._drop()
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        for attempt in range(TRIES):
            try:
                if self._stream is None:
                    self._stream = self._fetch(self._at)
                block = self._stream.read(wanted)
                if not block:
                    raise BrokenStreamError
            except BrokenStreamError:
                self._drop()
                if attempt + 1 < TRIES:
                    time.sleep(min(0.1 * 2**attempt, LONGEST_PAUSE))
                continue
            buffer[: len(block)] = block
            self._at += len(block)
            return len(block)
        raise self._fail()

    def close(self) -> None:
        self._drop()
        super().close()

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

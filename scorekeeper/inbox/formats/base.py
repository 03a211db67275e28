"""What every format of decision files has in common."""

from dataclasses import dataclass

from scorekeeper.errors import ScorekeeperError


class FileError(ScorekeeperError):
    """A file that cannot be read as decisions: `reason`, and the line where it is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True)
class Entry:
    """One line: number from 1, where it ends in the decompressed file, its bytes; `torn`: no line end, no JSON."""

    line_no: int
    end_offset: int
    text: bytes
    torn: bool = False
    error: str | None = None

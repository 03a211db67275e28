"""How far a decision file is read, and what was read of it since the last batch."""

from dataclasses import dataclass, field, replace

from scorekeeper.decisions.decision import Decision
from scorekeeper.inbox.places.base import SourceFile
from scorekeeper.safe_text import escape_controls

LONGEST_EXCERPT = 400


@dataclass
class FileProgress:
    """How far a file is read, and what it brings to the next batch.

    `offset` (bytes of the decompressed file) and `lines` say where to read on. `decisions`: line, decision and the
    beginning of its text. `rejections`: field, reason and excerpt by line, escaped for display. `refusals`: how many
    entries of the file were refused so far.

    `known`: the content has been read before. `again`: it is read once more from its beginning, since something was
    refused. `grown_from`: the hash of the content that the file had before it grew; `torn`: the number of its last line
    if that had no end then.

    Of a file that is followed while it grows: `identity` tells it from other files, `fingerprint` what was read of it
    from other content, and `whole` is the file with its hash, once it is complete. `left`: the rest is left to its
    writer.

    `refused` and `destination` are set once the batch is written: how many decisions were refused so far, and where the
    file goes when it is read to its end.
    """

    source: SourceFile
    offset: int = 0
    lines: int = 0
    decisions: list[tuple[int, Decision, bytes]] = field(default_factory=list)
    rejections: dict[int, tuple[str | None, str, str]] = field(default_factory=dict)
    refusals: int = 0
    known: bool = False
    again: bool = False
    grown_from: bytes | None = None
    identity: str | None = None
    fingerprint: bytes | None = None
    torn: int | None = None
    whole: SourceFile | None = None
    finished: bool = False
    left: bool = False
    committed: bool = False
    refused: int = 0
    destination: str | None = None

    @property
    def outcome(self) -> str:
        """What its arrival came to so far."""
        if not self.finished:
            return "reading"
        return "quarantined" if self.refused else "duplicate" if self.known else "ingested"

    @property
    def content(self) -> SourceFile:
        """The file with the hash of its content, once that is known."""
        return self.whole or self.source

    @property
    def holds_one_refusal(self) -> bool:
        """Whether the first entry was refused, and nothing else has been read."""
        return len(self.rejections) == 1 and not (self.decisions or self.committed)

    def accept(self, line: int, decision: Decision, text: bytes) -> None:
        """Take a decision that was read."""
        self.decisions.append((line, decision, text[:LONGEST_EXCERPT]))

    def refuse(self, line: int, name: str | None, reason: str, shown: bytes) -> None:
        """Note why an entry (line 0: the file) is refused: the field if it is one's fault, and the text in question."""
        self.refusals += 1
        self.rejections[line] = (
            name and show_excerpt(name.encode("utf-8", "replace")),
            escape_controls(reason),
            show_excerpt(shown),
        )

    def refuse_whole(self, line: int, reason: str) -> None:
        """Replace the reason of a refusal by one that holds for the whole file."""
        _, _, shown = self.rejections[line]
        self.rejections[line] = (None, escape_controls(reason), shown)

    def hand_over(self) -> "FileProgress":
        """What was read since the last batch, as an object of its own. This one goes on with what follows, if any."""
        if self.finished:
            return self
        given = replace(self)
        self.decisions, self.rejections = [], {}
        self.committed, self.again, self.grown_from = True, False, None
        return given


@dataclass
class Counts:
    """Over a whole run, by the hash of a content: how many decisions it holds, and how many of it were refused."""

    holds: dict[bytes, int] = field(default_factory=dict)
    refused: dict[bytes, int] = field(default_factory=dict)


def show_excerpt(text: bytes) -> str:
    """The beginning of a text as one printable line."""
    return escape_controls(text[:LONGEST_EXCERPT].decode("utf-8", "replace"))[:300]

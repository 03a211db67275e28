"""What a batch, and a whole ingest, came to."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scorekeeper.decisions.decision import Decision
from scorekeeper.decisions.word_warnings import SYSTEM
from scorekeeper.inbox.places.base import PassedOver
from scorekeeper.safe_text import escape_controls

MOST_TOLD = 1_000
MOST_WORDS = 1_000


@dataclass
class Tally:
    """What a batch came to. `rejections` and `notes`: file, line, field and reason of each.

    Of new decisions: `opened`: how many opened a trade. `idle`: the words of the others, with counts. `unread`: words
    in no list with counts, by agent (SYSTEM: the decision's own). `noted`: how many have notes.
    """

    decisions: int = 0
    duplicates: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    opened: int = 0
    idle: Counter[str] = field(default_factory=Counter)
    unread: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    noted: int = 0
    notes: list[dict[str, Any]] = field(default_factory=list)

    def take(self, name: str, line: int, decision: Decision) -> None:
        """Count a new decision."""
        self.decisions += 1
        if decision.direction:
            self.opened += 1
        else:
            self.idle[decision.action] += 1
        if not decision.understood:
            self.unread[SYSTEM][decision.action] += 1
        for said in decision.signals:
            if not said.understood:
                self.unread[said.agent][said.signal] += 1
        if decision.notes:
            self.noted += 1
            self.notes += [
                {"file": name, "line": line, "field": escape_controls(one.field), "reason": escape_controls(one.reason)}
                for one in decision.notes
            ]


@dataclass
class Summary:
    """What an ingest did.

    `found`: how many files there were; `files`: how many were read to their end. `outside`: decisions of another time
    than the one asked for. `rejections` and `notes` (file, line, field, reason): the first MOST_TOLD of each. `noted`:
    decisions with fields that could not be read.

    `skipped`: what stood in files of other systems and is no decision, with counts.

    Names of files: `waiting` may still be written to; `held` are open in a writer, and what is complete in them was
    taken; `returned` were written to after they had been moved, and are read on. `passed_over`: what is not read, by
    kind. `trouble`: a line for each file that could not be read or moved.

    Of new decisions: `opened`: how many opened a trade. `idle`: the words of the others, with counts. `unread`: words
    in no list with counts, by agent (SYSTEM: the decision's own). `small`: agents whose latest confidences never exceed
    1, where they are read as percent. `unresolved`: spellings of symbols that wait for the market's list. `unlisted`:
    symbols that the market did not list at the last track.
    """

    found: int = 0
    files: int = 0
    decisions: int = 0
    duplicates: int = 0
    rejected: int = 0
    outside: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    rejections: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    opened: int = 0
    noted: int = 0
    notes: list[dict[str, Any]] = field(default_factory=list)
    idle: dict[str, int] = field(default_factory=dict)
    unread: dict[str, dict[str, int]] = field(default_factory=dict)
    small: list[str] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)

    def skip(self, what: str) -> None:
        """Count something that is no decision."""
        _add(self.skipped, {what: 1})

    def count(self, tally: Tally) -> None:
        """Add what a batch came to."""
        self.decisions += tally.decisions
        self.duplicates += tally.duplicates
        self.rejected += len(tally.rejections)
        self.rejections += tally.rejections[: MOST_TOLD - len(self.rejections)]
        self.opened += tally.opened
        self.noted += tally.noted
        self.notes += tally.notes[: MOST_TOLD - len(self.notes)]
        self._count_words(tally.idle, tally.unread)

    def add(self, later: "Summary") -> None:
        """Add what a later pass did. Which files wait or are in trouble is what that pass says."""
        self.found += later.found
        self.files += later.files
        self.decisions += later.decisions
        self.duplicates += later.duplicates
        self.rejected += later.rejected
        self.outside += later.outside
        _add(self.skipped, later.skipped)
        self.rejections = (self.rejections + later.rejections)[:MOST_TOLD]
        self.returned += [name for name in later.returned if name not in self.returned]
        self.waiting, self.held, self.trouble = later.waiting, later.held, later.trouble
        self.passed_over, self.unresolved, self.unlisted = later.passed_over, later.unresolved, later.unlisted
        self.opened += later.opened
        self.noted += later.noted
        self.notes = (self.notes + later.notes)[:MOST_TOLD]
        self._count_words(later.idle, later.unread)
        self.small = later.small or self.small

    def _count_words(self, idle: Mapping[str, int], unread: Mapping[str, Mapping[str, int]]) -> None:
        _add(self.idle, idle)
        for agent, words in unread.items():
            if agent in self.unread or len(self.unread) < MOST_WORDS:
                _add(self.unread.setdefault(agent, {}), words)


def _add(counted: dict[str, int], more: Mapping[str, int]) -> None:
    """Add counts of words to those of a run, which keeps at most MOST_WORDS words apart."""
    for word, times in more.items():
        key = word if word in counted or len(counted) < MOST_WORDS else "others"
        counted[key] = counted.get(key, 0) + times

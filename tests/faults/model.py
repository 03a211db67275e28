"""What an installation has to hold, in plain dicts and loops: files, refusals, decisions, trades. No product code.

`Model` is told what is done (`apply`) and answers what has to be said of it. What prices decide is worked out by
tests/reference.py, at the looks at the market, and kept: what has closed never changes.
"""

import copy
import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests import reference
from tests.reference import MINUTE, RefCandle, RefScored
from tests.universes import stored_id, to_ref

GRACE_MINUTES = 5
SUSPECT_PCT = 5
KEEP_DAYS = 1
SETTLED_SECONDS = 5


@dataclass(frozen=True)
class Entry:
    """A line of a file: the decision in it, or the field that it is refused for and a word of the reason."""

    text: bytes
    document: dict[str, Any] | None = None
    refused: tuple[str | None, str] = (None, "")


@dataclass(frozen=True)
class File:
    """A file: `entries` by line (0: the whole of it); `tail`: the one after them, whose end is not written yet."""

    name: str
    content: bytes
    entries: dict[int, Entry]
    tail: Entry | None
    modified_at: datetime

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.content).digest()

    @property
    def is_lines(self) -> bool:
        return ".jsonl" in self.name

    @property
    def kind(self) -> tuple[bool, bool]:
        return self.is_lines, self.name.endswith(".gz")

    @property
    def kept_as(self) -> str:
        """The name that it is archived or quarantined under."""
        stem, _, suffix = self.name.partition(".")
        return f"{stem}-{self.sha256.hex()[:12]}.{suffix}"


@dataclass
class Arrival:
    """A content that came under a name, and its one outcome; `lines`: how many of it have been read."""

    file: File
    outcome: str = "reading"
    decisions: int = 0
    duplicates: int = 0
    rejected: int = 0
    destination: str = ""
    moved: bool = False
    lines: int = 0


@dataclass
class Decided:
    """A decision that came in, where it was read, and what has become of it."""

    document: dict[str, Any]
    place: tuple[str, int]
    received_at: datetime
    requests: list[datetime] = field(default_factory=list)
    voided: bool = False
    exit: reference.RefExit | None = None
    horizon_return_pct: float | None = None
    suspect: bool = False

    @property
    def ref(self) -> reference.RefDecision:
        plain = to_ref(self.document, None)
        return replace(plain, close_requested_at=reference.close_that_counts(self.requests, plain.opened_at))


@dataclass(frozen=True)
class Step:
    """Something that is done at `at`: ingest, track, publish, rebuild, prune, void, close, retry or write.

    `about`: the trade, or the content (in hex); `moment`: the time that is asked for; `file`: what is written.
    """

    kind: str
    at: datetime
    about: str = ""
    moment: datetime | None = None
    file: File | None = None


class Model:
    """`inbox` by name, `archive` by path and `quarantine` by name; `refusals` by content and line.

    `grown`: contents that have been shorter ones before, read in pieces.
    """

    def __init__(self, candles: dict[str, list[RefCandle]]) -> None:
        self._candles = candles
        self.inbox: dict[str, File] = {}
        self.archive: dict[str, bytes] = {}
        self.quarantine: dict[str, File] = {}
        self.arrivals: list[Arrival] = []
        self.refusals: dict[bytes, dict[int, tuple[str | None, str]]] = {}
        self.decisions: dict[str, Decided] = {}
        self.grown: set[bytes] = set()
        self.as_of: datetime | None = None
        self._finished: set[bytes] = set()
        self._read: dict[bytes, int] = {}

    def fork(self) -> "Model":
        """One that goes on by itself."""
        other = copy.copy(self)
        other.inbox, other.archive, other.quarantine = dict(self.inbox), dict(self.archive), dict(self.quarantine)
        other.arrivals = [replace(arrival) for arrival in self.arrivals]
        other.refusals = {sha256: dict(lines) for sha256, lines in self.refusals.items()}
        other.decisions = {
            trade_id: replace(one, requests=list(one.requests)) for trade_id, one in self.decisions.items()
        }
        other.grown = set(self.grown)
        other._finished, other._read = set(self._finished), dict(self._read)
        return other

    def apply(self, step: Step, begun: dict[bytes, int]) -> str:
        """Do it here too; what has to be said of it.

        `begun`: contents with a torn end of which some lines came in before the rest, and how many: it is left open
        how many come in before the end stands still.
        """
        if step.kind == "ingest":
            self._ingest(step.at, begun)
        elif step.kind == "track":
            return self._track(step.at)
        elif step.kind == "prune":
            self._prune(step.at)
        elif step.kind == "void":
            return self._void(step.about)
        elif step.kind == "close":
            assert step.moment is not None
            return self._close(step.about, step.moment)
        elif step.kind == "retry":
            self._retry(bytes.fromhex(step.about))
        elif step.kind == "write":
            assert step.file is not None
            self.inbox[step.file.name] = step.file
        else:
            assert step.kind in ("publish", "rebuild")  # what they write is compared with a rebuild
        return ""

    def scored(self) -> list[RefScored]:
        """Every decision with what has become of it, for the reference's figures."""
        return [RefScored(d.ref, d.exit, d.horizon_return_pct, d.suspect, d.voided) for d in self.decisions.values()]

    def waiting(self, name: str) -> list[Arrival]:
        """What came under this name and has not left the inbox."""
        return [arrival for arrival in self.arrivals if arrival.file.name == name and not arrival.moved]

    # Files.

    def _ingest(self, at: datetime, begun: dict[bytes, int]) -> None:
        for arrival in self.arrivals:
            # It was moved by a run that could not say so, or another process has taken it away.
            if arrival.outcome != "reading" and arrival.file.name not in self.inbox:
                arrival.moved = True
        unmoved = [arrival for arrival in self.arrivals if arrival.outcome != "reading" and not arrival.moved]
        left: set[bytes] = set()
        found = dict(self.inbox)
        seen: dict[bytes, tuple[bool, bool]] = {}
        for name in sorted(found):
            self._take(found[name], at, begun, left, seen)
        for arrival in unmoved:
            now = found[arrival.file.name]
            if now.content != arrival.file.content and now.sha256 not in left:  # it was replaced
                arrival.moved = True

    def _take(
        self, file: File, at: datetime, begun: dict[bytes, int], left: set[bytes],
        seen: dict[bytes, tuple[bool, bool]],
    ) -> None:  # fmt: skip
        settled = abs((at - file.modified_at).total_seconds()) >= SETTLED_SECONDS
        may_move = settled or not file.is_lines
        here = [arrival for arrival in self.waiting(file.name) if arrival.file.content == file.content]
        if here and here[0].outcome != "reading":
            if may_move:
                self._move(file, here[0])
            return
        if file.sha256 in left or seen.get(file.sha256, file.kind) != file.kind:
            return  # the same bytes, read as what this one is not: the next run takes it
        done, grown = self._read.get(file.sha256, 0), None
        if file.sha256 in self._finished:
            done = 0
            if not self.refusals.get(file.sha256):
                arrival = Arrival(
                    file, "duplicate", duplicates=sum(e.document is not None for e in file.entries.values())
                )
                self.arrivals.append(arrival)
                self._finish(file, arrival, at, may_move)
                return
        elif file.sha256 not in self._read and file.is_lines:
            before = [a for a in self.waiting(file.name) if file.content.startswith(a.file.content)]
            if before:
                grown = max(before, key=lambda arrival: len(arrival.file.content))
                done = grown.lines
        seen[file.sha256] = file.kind
        stop = max(file.entries, default=0)
        if file.tail is not None and not settled:
            left.add(file.sha256)
            stop = begun.get(file.sha256, 0)
            if stop <= done:
                return
        arrival = here[0] if here else Arrival(file)
        if not here:
            self.arrivals.append(arrival)
        if grown is not None:
            grown.outcome = "ingested" if grown.outcome == "reading" else grown.outcome
            grown.moved = True
            self.grown.add(file.sha256)
            self.refusals[file.sha256] = dict(self.refusals.get(grown.file.sha256, {}))
            if not [a for a in self.arrivals if a.file.sha256 == grown.file.sha256 and a is not grown]:
                self.refusals.pop(grown.file.sha256, None)
        if file.sha256 in self._finished:  # it is read again
            self._finished.remove(file.sha256)
            self.refusals[file.sha256] = {}
        for line in range(done, stop + 1):
            if line in file.entries and (line > done or line == 0):
                self._decide(file, line, at, arrival)
        self._read[file.sha256] = arrival.lines = stop
        if file.tail is None or settled:
            if file.tail is not None:
                self._refuse(file, stop + 1, (None, ""), arrival)
            self._finished.add(file.sha256)
            arrival.outcome = "quarantined" if self.refusals.get(file.sha256) else "ingested"
            self._finish(file, arrival, at, may_move)

    def _decide(self, file: File, line: int, at: datetime, arrival: Arrival) -> None:
        entry = file.entries[line]
        if entry.document is None:
            self._refuse(file, line, entry.refused, arrival)
            return
        trade_id = stored_id(entry.document)
        if datetime.fromisoformat(entry.document["timestamp"]) > at + 5 * MINUTE:
            self._refuse(file, line, ("timestamp", "in the future"), arrival)
        elif trade_id not in self.decisions:
            self.decisions[trade_id] = Decided(entry.document, (file.name, line), at)
            arrival.decisions += 1
        elif self.decisions[trade_id].document == entry.document:
            arrival.duplicates += 1
        else:
            name, place = self.decisions[trade_id].place
            self._refuse(file, line, ("trade_id", f"{trade_id} has other content in {name}, line {place}"), arrival)

    def _refuse(self, file: File, line: int, why: tuple[str | None, str], arrival: Arrival) -> None:
        self.refusals.setdefault(file.sha256, {})[line] = why
        arrival.rejected += 1

    def _finish(self, file: File, arrival: Arrival, at: datetime, may_move: bool) -> None:
        quarantined = arrival.outcome == "quarantined"
        arrival.destination = file.kept_as if quarantined else f"{at:%Y/%m/%d}/{file.kept_as}"
        if may_move:
            self._move(file, arrival)

    def _move(self, file: File, arrival: Arrival) -> None:
        del self.inbox[file.name]
        arrival.moved = True
        if arrival.outcome == "quarantined":
            self.quarantine[arrival.destination] = file
        else:
            self.archive[arrival.destination] = file.content

    def _retry(self, sha256: bytes) -> None:
        for kept_as, file in sorted(self.quarantine.items()):
            if file.sha256 == sha256:
                del self.quarantine[kept_as]
                name, number = file.name, 0
                while name in self.inbox:
                    number += 1
                    name = f"{number}-{file.name}"
                self.inbox[name] = replace(file, name=name)

    # Trades.

    def _track(self, as_of: datetime) -> str:
        if self.as_of is not None and as_of < self.as_of:
            return "refused"
        self.as_of = as_of
        refs = {trade_id: decided.ref for trade_id, decided in self.decisions.items()}
        exits = [
            ref for trade_id, ref in refs.items() if ref.opened_at <= as_of and not self.decisions[trade_id].voided
        ]
        for trade_id, decided in self.decisions.items():
            ref = refs[trade_id]
            if ref.opened_at > as_of:
                continue
            candles = self._candles[ref.symbol]
            sealed = reference.sealed_by_file(candles, as_of)
            decided.suspect = reference.is_suspect(ref, candles, sealed, SUSPECT_PCT)
            if ref.direction and decided.exit is None:  # it closes once, whatever decision comes or goes later
                named = {name for name, other in refs.items() if other.direction and other.symbol == ref.symbol}
                signal_at, _ = reference.first_signal(ref, exits, named)
                decided.exit = reference.settle_trade(replace(ref, signal_at=signal_at), candles, sealed, as_of)
            was = decided.horizon_return_pct
            decided.horizon_return_pct = reference.horizon_return(ref, candles, sealed, as_of)
            assert was in (None, decided.horizon_return_pct), "it is known once"
        return ""

    def _void(self, trade_id: str) -> str:
        if trade_id not in self.decisions:
            return "unknown"
        if self.decisions[trade_id].voided:
            return "already voided"
        self.decisions[trade_id].voided = True
        return "voided"

    def _close(self, trade_id: str, moment: datetime) -> str:
        if trade_id not in self.decisions:
            return "unknown"
        decided = self.decisions[trade_id]
        ref = decided.ref
        if not ref.direction:
            return "no trade"
        if decided.exit is not None:
            return "closed"
        if ref.close_requested_at is not None:
            return "already requested"
        if moment < ref.opened_at:
            return "not open yet"
        decided.requests.append(max(reference.floor_minute(moment), ref.opened_at))
        return "requested"

    def _prune(self, at: datetime) -> None:
        before = f"{at - timedelta(days=KEEP_DAYS):%Y/%m/%d}"
        self.archive = {path: content for path, content in self.archive.items() if path[:10] >= before}

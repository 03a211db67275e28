"""What is learned, recomputed decision by decision from the definitions: forgetting multiplies, nothing is carried on.

The code is its own: it shares none with scorekeeper.learning, whose sums are scaled and run over columns.
"""

import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from scorekeeper.verify.remap import Remapped

HOUR = 3_600_000_000  # microseconds
_SHIFT = 40  # shares of a life are counted in units of 2^-40 microseconds


class Said(NamedTuple):
    """A decision that counts: times in microseconds since 1970, the return in percent (None: unknown), its signals."""

    trade_id: str
    opened: int
    expires: int
    returned: float | None
    signals: list[tuple[str, int, float | None]]


class Vote(NamedTuple):
    """What the votes said of a decision at its opening."""

    trade_id: str
    opened: int
    direction: int
    equal_direction: int
    score: float
    equal_score: float
    scale_pct: float | None
    move_pct: float | None


class Outcome(NamedTuple):
    """A decision whose return became known."""

    trade_id: str
    expires: int
    opened: int
    return_pct: float
    score: float
    excess: float
    uniqueness: float
    independent_until: float


class AgentRow(NamedTuple):
    """An agent at a whole hour."""

    agent: str
    weight: float
    p: float
    calls: int
    independent_calls: float
    long_share: float | None


class Hour(NamedTuple):
    """A whole hour in which something was learned."""

    as_of: int
    outcomes: int
    independent: float
    agents: list[AgentRow]


@dataclass
class _Clock:
    """The integral over time of 1 / (lives that are open), of one agent's calls or of all decisions."""

    open: int = 0
    at: int = 0
    gathered: int = 0

    def move(self, now: int, change: int) -> int:
        """The integral up to `now`, after which `change` more lives are open."""
        if self.open:
            self.gathered += ((now - self.at) << _SHIFT) // self.open
        self.at, self.open = now, self.open + change
        return self.gathered


@dataclass
class _Agent:
    """What is remembered of an agent: [right, wrong] of calls on moves up, and on moves down."""

    up: list[float] = field(default_factory=lambda: [0.0, 0.0])
    down: list[float] = field(default_factory=lambda: [0.0, 0.0])
    calls: int = 0
    longs: int = 0
    independent: float = 0.0
    clock: _Clock = field(default_factory=_Clock)


class _Life(NamedTuple):
    """An open decision, in the order in which they expire."""

    expires: int
    trade_id: bytes
    said: Said
    began: int
    calls: dict[str, int]
    vote: Vote


class Relearned:
    """Relearns one version. `events` goes through its decisions; the rest is complete when they have ended."""

    def __init__(self) -> None:
        self.outcomes = 0
        self.maps = Remapped()
        self.holds: list[int] = []  # of the first 20 decisions
        self.twentieth: int | None = None  # when the 20th was made
        self._agents: dict[str, _Agent] = {}
        self._lives: list[_Life] = []
        self._clock = _Clock()
        self._up = self._down = self._independent = self._squares = self._sizes = 0.0
        self._weights: dict[str, tuple[float, float]] | None = None
        self._hour: int | None = None  # the end of the hour in which something was learned since the last row

    def events(self, decisions: Iterable[Said], until: int) -> Iterator[Vote | Outcome | Hour]:
        """Votes, outcomes and hours up to `until`, in order of time; decisions in order of (opened, trade_id)."""
        for opened, together in groupby(decisions, lambda said: said.opened):
            if opened > until:
                break
            yield from self._expire(opened)
            yield from self._turn(opened)
            at_once = list(together)
            for said in at_once:
                self._meet(said)
            for said in at_once:
                yield self._open(said)
        yield from self._expire(until)
        yield from self._turn(until + 1)
        self.maps.end_day()

    def _turn(self, now: int) -> Iterator[Hour]:
        """The row of the hour that ended before `now`, if something was learned in it."""
        if self._hour is not None and now > self._hour:
            rows = [
                AgentRow(name, *self._weigh()[name], one.calls, one.independent,
                         one.longs / one.calls if one.calls else None)
                for name, one in sorted(self._agents.items())
            ]  # fmt: skip
            yield Hour(self._hour, self.outcomes, self._independent, rows)
            self._hour = None

    def _meet(self, said: Said) -> None:
        for agent, _, _ in said.signals:
            if agent not in self._agents:
                self._agents[agent] = _Agent()
                self._weights, self._hour = None, -(-said.opened // HOUR) * HOUR

    def _open(self, said: Said) -> Vote:
        weights = self._weigh()
        learned = equal = 0.0
        for agent, direction, confidence in said.signals:
            call = direction * (50.0 if confidence is None else confidence) / 100.0
            learned += weights[agent][0] * call
            equal += call
        many, known = max(1, len(self._agents)), self.outcomes
        vote = Vote(
            said.trade_id, said.opened, _sign(learned), _sign(equal), learned / many, equal / many,
            math.sqrt(self._squares / known) if known else None, self._sizes / known if known else None,
        )  # fmt: skip
        began = self._clock.move(said.opened, 1)
        calls = {
            agent: self._agents[agent].clock.move(said.opened, 1) for agent, direction, _ in said.signals if direction
        }
        heapq.heappush(self._lives, _Life(said.expires, said.trade_id.encode(), said, began, calls, vote))
        if len(self.holds) < 20:
            self.holds.append(said.expires - said.opened)
            self.twentieth = said.opened if len(self.holds) == 20 else None
        return vote

    def _expire(self, now: int) -> Iterator[Outcome | Hour]:
        while self._lives and self._lives[0].expires <= now:
            life = heapq.heappop(self._lives)
            said, long = life.said, (life.expires - life.said.opened) << _SHIFT
            yield from self._turn(life.expires)
            share = (self._clock.move(life.expires, -1) - life.began) / long
            shares = {
                agent: (self._agents[agent].clock.move(life.expires, -1) - began) / long
                for agent, began in life.calls.items()
            }
            if said.returned is None or said.returned == 0:
                continue
            yield self._judge(life, said.returned, share, shares)
            self._weights, self._hour = None, -(-life.expires // HOUR) * HOUR

    def _judge(self, life: _Life, returned: float, share: float, shares: dict[str, float]) -> Outcome:
        kept = 0.5 ** (share / 336)
        self._independent += share
        self.maps.add_outcome(life.expires, self._independent)
        self._up, self._down = self._up * kept, self._down * kept
        if returned > 0:
            self._up += share
        else:
            self._down += share
        for one in self._agents.values():
            one.up = [value * kept for value in one.up]
            one.down = [value * kept for value in one.down]
        for agent, direction, confidence in life.said.signals:
            if direction:
                if confidence:
                    self.maps.add_call(agent, life.said.opened, confidence, direction * returned > 0, shares[agent])
                one = self._agents[agent]
                one.calls, one.longs = one.calls + 1, one.longs + (direction > 0)
                one.independent += shares[agent]
                (one.up if returned > 0 else one.down)[0 if direction * returned > 0 else 1] += shares[agent]
        self._squares += returned * returned
        self._sizes += abs(returned)
        vote = life.vote
        move = 0.0 if vote.scale_pct is None else max(-4.0, min(4.0, returned / vote.scale_pct))
        self.outcomes += 1
        return Outcome(
            vote.trade_id, life.expires, vote.opened, returned, vote.score, (vote.score - vote.equal_score) * move,
            share, self._independent,
        )  # fmt: skip

    def _weigh(self) -> dict[str, tuple[float, float]]:
        """Weight and p of each agent that has spoken."""
        if self._weights is None:
            both = self._up + self._down + 20.0
            for_up, for_down = 0.5 * both / (self._up + 10.0), 0.5 * both / (self._down + 10.0)
            p = {}
            for name, one in self._agents.items():
                good = one.up[0] * for_up + one.down[0] * for_down
                bad = one.up[1] * for_up + one.down[1] * for_down
                p[name] = (good + 55.0) / (good + bad + 100.0)
            odds = {name: math.log(one) - math.log1p(-one) for name, one in p.items()}
            size = sum(abs(one) for one in odds.values())
            if size == 0 or not any(one.calls for one in self._agents.values()):
                self._weights = {name: (1.0, one) for name, one in p.items()}
            else:
                self._weights = {name: (odds[name] * len(p) / size, one) for name, one in p.items()}
        return self._weights


def _sign(total: float) -> int:
    return 0 if abs(100 * total) <= 1e-9 else 1 if total > 0 else -1

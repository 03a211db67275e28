"""What is learned: votes, outcomes, weights, evidence and how sure the score is, compared with a recompute."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from math import exp, isclose
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row

from scorekeeper.store.sql import statement
from scorekeeper.verify.maps import check_maps
from scorekeeper.verify.meta import check_meta_model
from scorekeeper.verify.progress import Progress, silent
from scorekeeper.verify.rejudge import DAY, Block, Blocks, block_hours, fit_beta
from scorekeeper.verify.relearn import HOUR, AgentRow, Hour, Outcome, Relearned, Said, Vote
from scorekeeper.verify.spool import Spool

ROWS_AT_ONCE = 2_000
MOST_FITS = 8  # of a version whose betas are fitted again
MOST_NAMED = 20  # differences of one kind
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_learned(connection: Connection, progress: Progress = silent) -> Iterator[str]:
    """One line per difference. What is to be made again by the next run of learn is not compared.

    Neither is a version of which decisions were deleted by their age: what was learned follows from all of them.
    """
    for row in connection.execute(statement("verify/select_learning")).all():
        if row.holds_until is not None and not row.is_cut:
            yield from _Check(connection, row.version, row.holds_until, row.block_hours).run(progress)
            yield from check_meta_model(connection, row.version, row.holds_until, row.block_hours, progress)


def find_waiting_learning(connection: Connection) -> Iterator[str]:
    """What the next run of learn has to make again, a sentence each."""
    for row in connection.execute(statement("verify/select_learning")).all():
        if row.again_from is not None:
            since = f"{row.again_from:%Y-%m-%d %H:%M} UTC"
            yield f"what version {row.version} has learned since {since} waits to be learned again"


@dataclass
class _Stored:
    """The stored rows of one kind, in order, and what was found of them."""

    what: str
    rows: Iterator[Row[Any]]
    found: list[str] = field(default_factory=list)

    def next(self) -> Row[Any] | None:
        return next(self.rows, None)

    def note(self, says: str) -> None:
        if len(self.found) < MOST_NAMED:
            self.found.append(f"{self.what} {says}")


class _Check:
    def __init__(self, connection: Connection, version: str, until: datetime, block_hours: int | None) -> None:
        self.connection, self.version, self.until, self.block_hours = connection, version, until, block_hours
        self.given = {"version": version, "until": until}
        self.fits = self._select("verify/select_fits").all()
        self.midnights = [fit.as_of for fit in self.fits]
        self.votes, self.outcomes, self.states = (
            _Stored(f"{what} of {version}", iter(self._select(name)))
            for what, name in (
                ("vote", "verify/select_votes"),
                ("outcome", "verify/select_outcomes"),
                ("weights", "verify/select_states"),
            )
        )
        self.in_use: list[tuple[int, bool | None]] = []
        self.waiting: Row[Any] | None = None  # a state that was read before its hour
        self.last: Hour | None = None

    def _select(self, name: str) -> Any:
        return self.connection.execute(statement(name).execution_options(yield_per=ROWS_AT_ONCE), self.given)

    def run(self, progress: Progress = silent) -> Iterator[str]:
        again, past = Relearned(), Spool()
        blocks = Blocks(again)
        until = (self.until - _EPOCH) // timedelta(microseconds=1)
        for event in again.events(self._said(), until):
            if isinstance(event, Vote):
                self._compare(self.votes, event)
                progress("decisions of what is learned", 1)
            elif isinstance(event, Outcome):
                self._compare(self.outcomes, event)
                past.add(event, -(-event.expires // DAY) * DAY)
                blocks.add(event)
            else:
                self._compare_hour(event)
        while (state := self._next_state()) is not None:
            self._unchanged(state)
        for stored in (self.votes, self.outcomes):
            if (row := stored.next()) is not None:
                stored.note(f"{row.trade_id}: stored, and not found again")
        yield from (*self.votes.found, *self.outcomes.found, *self.states.found)
        yield from self._check_fits(past, until)
        yield from self._check_blocks(again, blocks.find(until))
        yield from check_maps(self.connection, self.version, until, again.maps)

    def _said(self) -> Iterator[Said]:
        for row in self._select("verify/select_said"):
            signals = zip(row.agents, row.directions, row.confidences, strict=True) if row.agents[0] is not None else ()
            yield Said(row.trade_id, row.opened, row.expires, row.horizon_return_pct, list(signals))

    def _compare(self, stored: _Stored, wanted: Vote | Outcome) -> None:
        row = stored.next()
        if row is None or row.trade_id != wanted.trade_id:
            stored.note(f"{wanted.trade_id}: missing, instead comes {None if row is None else row.trade_id}")
            return
        names = wanted._fields
        for name, kept, value in zip(names, attrgetter(*names)(row), wanted, strict=True):
            if kept != value and not _near(kept, value):
                stored.note(f"{wanted.trade_id}: {name} is {kept}, recomputed {value}")
        if isinstance(wanted, Vote):
            p_up = 1 / (1 + exp(-self._beta(wanted.opened) * wanted.score))
            if not _near(row.p_up, p_up):
                stored.note(f"{wanted.trade_id}: p_up is {row.p_up}, recomputed {p_up}")

    def _beta(self, moment: int) -> float:
        """The stored beta that holds at a moment."""
        place = bisect_right(self.midnights, moment)
        return float(self.fits[place - 1].beta) if place else 0.0

    def _next_state(self) -> Row[Any] | None:
        state, self.waiting = self.waiting or self.states.next(), None
        return state

    def _compare_hour(self, wanted: Hour) -> None:
        while (state := self._next_state()) is not None and state.as_of < wanted.as_of:
            self._unchanged(state)
        if state is None or state.as_of > wanted.as_of:
            self.waiting = state
            self.states.note(f"at {_moment(wanted.as_of)}: missing")
            return
        self.last = wanted
        self._compare_state(state, wanted)

    def _unchanged(self, state: Row[Any]) -> None:
        """A state of an hour in which nothing was learned: the weights came into use, or went out of it."""
        if self.last is None:
            self.states.note(f"at {_moment(state.as_of)}: stored, and not found again")
            return
        before = self.in_use[-1][1] if self.in_use else None
        self._compare_state(state, self.last)
        if self.in_use[-1][1] == before:
            self.states.note(f"at {_moment(state.as_of)}: stored, though nothing was learned in its hour")

    def _compare_state(self, state: Row[Any], wanted: Hour) -> None:
        at = f"at {_moment(state.as_of)}"
        for name, stored, value in (
            ("outcomes", state.outcomes, wanted.outcomes),
            ("independent", state.independent, wanted.independent),
            ("beta", state.beta, self._beta(state.as_of)),
            ("agents", [row["agent"] for row in state.agents], [row.agent for row in wanted.agents]),
        ):
            if not _near(stored, value):
                self.states.note(f"{at}: {name} is {stored}, recomputed {value}")
                return
        for row, meant in zip(state.agents, wanted.agents, strict=True):
            for name, wants in zip(AgentRow._fields, meant, strict=True):
                if row[name] != wants and not _near(row[name], wants):
                    self.states.note(f"{at}: {name} of {meant.agent} is {row[name]}, recomputed {wants}")
        uses = {
            row["weight_in_use"] == row["weight"] if row["weight_in_use"] in (1.0, row["weight"]) else None
            for row in state.agents
            if row["weight"] != 1.0
        }
        if len(uses) > 1 or None in uses:
            self.states.note(f"{at}: weight_in_use is neither the weight nor 1 for all agents")
        self.in_use.append((state.as_of, uses.pop() if uses else None))

    def _check_fits(self, past: Spool, until: int) -> Iterator[str]:
        outcomes = past.count_days()
        days = [day for day in outcomes if day <= until]
        if days != self.midnights:
            yield f"probability of {self.version}: {len(self.midnights)} days have fits, {len(days)} have outcomes"
            return
        for fit in self.fits[:: -max(1, len(self.fits) // MOST_FITS)]:
            known = outcomes[fit.as_of]
            beta = fit_beta(partial(past.read, known))
            if not isclose(fit.beta, beta, rel_tol=1e-8, abs_tol=1e-8) or fit.outcomes != known:
                yield f"probability of {self.version} at {_moment(fit.as_of)}: beta is {fit.beta}, recomputed {beta}"

    def _check_blocks(self, again: Relearned, wanted: list[Block]) -> Iterator[str]:
        stored = self._select("verify/select_blocks").all()
        hours = block_hours(again)
        if hours != self.block_hours:
            yield f"evidence of {self.version}: its blocks have {self.block_hours} hours, recomputed {hours}"
            return
        if [row.begins for row in stored] != [block.begins for block in wanted]:
            yield f"evidence of {self.version}: {len(stored)} blocks are stored, {len(wanted)} are found again"
            return
        for row, block in zip(stored, wanted, strict=True):
            for name, value in block._asdict().items():
                kept = tuple(row.wealth) if name == "wealth" else getattr(row, name)
                if not _near(kept, value):
                    yield f"evidence of {self.version} at {_moment(row.begins)}: {name} is {kept}, recomputed {value}"
        effect = -(-(again.twentieth or 0) // HOUR) * HOUR
        turns = [max(block.ends, effect) for block in wanted]
        for as_of, used in self.in_use:
            place = bisect_right(turns, as_of)
            if used is not None and used != (place > 0 and wanted[place - 1].adopted):
                which = "the learned" if used else "equal"
                yield f"weights of {self.version} at {_moment(as_of)}: in use are {which} ones"


def _moment(micros: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=micros):%Y-%m-%d %H:%M} UTC"


def _near(stored: Any, wanted: Any) -> bool:
    if isinstance(wanted, float) and isinstance(stored, int | float):
        return isclose(stored, wanted, rel_tol=1e-9, abs_tol=1e-11)
    if isinstance(wanted, tuple):
        return len(stored) == len(wanted) and all(map(_near, stored, wanted))
    return bool(stored == wanted)

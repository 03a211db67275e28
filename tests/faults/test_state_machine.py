"""Whatever comes in and whatever is done, in any order, at once and killed: the invariant of README.md holds.

`--machine-examples N --machine-steps M` lives more and longer lives than CI does, `--hypothesis-seed S` others.
"""

import shutil
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from scorekeeper.errors import ScorekeeperError
from scorekeeper.inbox import reader
from scorekeeper.publish import publish
from scorekeeper.store import embedded
from tests.conftest import fresh_database
from tests.faults.failpoints import POINTS
from tests.faults.installation import Installation
from tests.faults.kill_loop import Zygote
from tests.faults.model import File, Model, Step
from tests.faults.steps import BATCH_DECISIONS
from tests.faults.writing import EXPECTED, Plan, Writer, hostile, plans
from tests.reference import MINUTE, floor_minute
from tests.universes import START, SYMBOLS, Course, Universe, courses

T = TypeVar("T")
NAMES = ("a.json", "b.jsonl", "c.jsonl", "d.jsonl.gz", "B.json", "e.json.gz")
MARKET_MINUTES = 240
ACTIONS = ("ingest", "track", "publish", "rebuild", "prune", "void", "close", "retry")

seldom = st.sampled_from([False, False, True])
ages = st.sampled_from([0, 0, 4, 5, 60])
some = st.integers(0, 99)
often = st.sampled_from([*ACTIONS, "ingest", "ingest", "ingest", "track", "track"])


class Machine(RuleBasedStateMachine):
    """Time is `now`, and passes only where a rule says so."""

    def __init__(self, url: str, folder: Path, zygote: Zygote, tally: Counter[str]) -> None:
        super().__init__()
        self._tally, self._url, self._folder, self._zygote = tally, url, folder, zygote
        self._now = START + 60 * MINUTE
        self._unchecked = False
        self._written: list[File] = []

    @initialize(market=st.tuples(courses(), courses()))
    def begin(self, market: tuple[Course, ...]) -> None:
        universe = Universe()
        for symbol, course in zip(SYMBOLS, market, strict=False):
            universe.candles[symbol] = course.candles(MARKET_MINUTES)
        self._model = Model(universe.candles)
        self._writer = Writer(universe)
        self._real = Installation(self._folder, self._url, universe, self._zygote)
        self._tally["lives"] += 1

    def teardown(self) -> None:
        if hasattr(self, "_real"):
            self._count()
            self._real.close()

    # What comes in.

    @rule(name=st.sampled_from(NAMES), planned=plans, torn=seldom, ended=st.booleans(), age=ages)
    def a_file_arrives(self, name: str, planned: list[Plan], torn: bool, ended: bool, age: int) -> None:
        self._arrive(
            self._writer.compose(name, planned, self._minutes(), self._ago(age), torn=torn, ended=ended or not age)
        )

    @precondition(lambda self: self._growing())
    @rule(number=some, planned=plans, torn=seldom, ended=st.booleans(), age=ages)
    def a_file_grows(self, number: int, planned: list[Plan], torn: bool, ended: bool, age: int) -> None:
        file = pick(self._growing(), number)
        self._arrive(self._writer.grow(file, planned, self._minutes(), self._ago(age), torn=torn, ended=ended))

    @precondition(lambda self: self._written)
    @rule(number=some, name=st.sampled_from(NAMES), age=ages)
    def the_same_bytes_come_again(self, number: int, name: str, age: int) -> None:
        file = pick(self._written, number)
        alike = name.partition(".")[2] == file.name.partition(".")[2]
        self._arrive(replace(file, name=name if alike else file.name, modified_at=self._ago(age)))

    @rule(name=st.sampled_from(sorted(EXPECTED)))
    def a_hostile_file_arrives(self, name: str) -> None:
        self._arrive(hostile(name, self._ago(60)))

    @precondition(lambda self: self._model.inbox)
    @rule(number=some)
    def a_file_is_renamed(self, number: int) -> None:
        name = pick(sorted(self._model.inbox), number)
        (self._folder / "inbox" / name).unlink()
        self._arrive(replace(self._model.inbox.pop(name), name=f"r{name}"[:40]))

    # What is done.

    @rule(seconds=st.sampled_from([2, 6, 60, 420, 3_600, 86_400, 20 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self._now += timedelta(seconds=seconds)

    @rule()
    def everything_is_done_once(self) -> None:
        for kind in ("ingest", "track", "publish"):
            self._do(self._step(kind))

    @rule(kind=st.sampled_from(ACTIONS), number=some)
    def something_is_done(self, kind: str, number: int) -> None:
        self._do(self._step(kind, number))

    @rule()
    def it_is_restarted(self) -> None:
        self._real.restart()

    @rule(
        kind=st.sampled_from([*ACTIONS, "ingest", "ingest", "track", "publish", "publish"]),
        number=some,
        point=st.sampled_from(POINTS),
        time=st.sampled_from([1, 1, 2, 3, 5, 8]),
        name=st.sampled_from(NAMES),
        planned=plans,
    )
    def it_is_killed_and_does_it_again(
        self, kind: str, number: int, point: str, time: int, name: str, planned: list[Plan]
    ) -> None:
        self._arrive(self._writer.compose(name, planned, self._minutes(), self._ago(60), torn=False, ended=True))
        if kind != "ingest":
            self._do(self._step("ingest"))
        step = self._step(kind, number)
        self._tally["kills"] += self._real.kill(step, point, time)
        answer, begun = self._real.perform(step), self._real.begun()
        # A request that was killed after its COMMIT is answered as one that is made for the second time.
        answers = {self._model.apply(step, begun), self._model.apply(step, begun)}
        assert answer in answers
        self._look_again()

    @rule(first=often, second=often, number=some, other=some, name=st.sampled_from(NAMES), planned=plans)
    def two_things_are_done_at_once(
        self, first: str, second: str, number: int, other: int, name: str, planned: list[Plan]
    ) -> None:
        """With something new to do; what is torn stands still: how much of it comes in is no question."""
        self._now += timedelta(seconds=6)
        self._arrive(self._writer.compose(name, planned, self._minutes(), self._ago(60), torn=False, ended=True))
        self._at_once(self._step(first, number), self._step(second, other))

    @rule(kind=st.sampled_from(ACTIONS), number=some, name=st.sampled_from(NAMES), planned=plans)
    def a_file_arrives_while_something_is_done(self, kind: str, number: int, name: str, planned: list[Plan]) -> None:
        self._now += timedelta(seconds=6)
        file = self._writer.compose(name, planned, self._minutes(), self._ago(0), torn=False, ended=True)
        self._written.append(file)
        self._at_once(self._step(kind, number), Step("write", self._now, file=file))

    @rule(number=st.integers(0, 1), how=st.sampled_from(["removed", "cut", "edited"]))
    def a_published_file_is_damaged_and_rebuilt(self, number: int, how: str) -> None:
        self._do(self._step("publish"))
        paths = {"log_path": self._real.settings.log_path, "dataset_path": self._real.settings.dataset_path}
        path = list(paths.values())[number]
        if content := path.read_bytes():
            path.write_bytes(content[: len(content) // 2] if how == "cut" else content[:-2] + b"!\n")
            if how == "removed":
                path.unlink()
            with pytest.raises(ScorekeeperError, match="publish --rebuild"):
                publish.publish(self._real.db, **paths)
            self._do(self._step("rebuild"))
            assert path.read_bytes() == content

    # What holds.

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        if hasattr(self, "_real"):
            self._tally["steps"] += 1
            self._real.check_files(self._model)
            self._real.check_decisions(self._model)
            if self._unchecked:
                self._real.check_published(self._model)
                self._real.check_recompute()
            self._unchecked = False

    def _step(self, kind: str, number: int = 0) -> Step:
        """A step of this kind, now, about one of the things that there are."""
        minute = floor_minute(self._now)
        if kind == "track":
            return Step(kind, minute - number % 3 * MINUTE)
        if kind in ("void", "close"):
            moment = minute - number % 7 * 5 * MINUTE if kind == "close" else None
            return Step(kind, self._now, pick([*sorted(self._model.decisions), "nobody"], number), moment)
        if kind == "retry":
            refused = [sha256.hex() for sha256, lines in sorted(self._model.refusals.items()) if lines]
            return Step(kind, self._now, pick([*refused, "ff" * 32], number))
        return Step(kind, minute if kind == "prune" else self._now)

    def _do(self, step: Step) -> None:
        answer = self._real.perform(step)
        assert answer == self._model.apply(step, self._real.begun()), step
        self._tally[answer or step.kind] += 1
        self._unchecked = self._unchecked or step.kind not in ("ingest", "write")

    def _at_once(self, *steps: Step) -> None:
        """Both, and a look at all again: it is as if one had come after the other."""
        answers = self._real.at_once(*steps)
        self._tally["pairs at once"] += 1
        outcomes = []
        for order in ((0, 1), (1, 0)):
            ahead = self._model.fork()
            said = {number: ahead.apply(steps[number], {}) for number in order}
            if [said[0], said[1]] == answers:
                outcomes.append(ahead)
        assert outcomes, f"{steps} at once are answered with {answers}"
        again = self._step("ingest"), self._step("track")
        for step in again:
            assert {self._real.perform(step)} == {ahead.apply(step, {}) for ahead in outcomes}
        self._model = next((ahead for ahead in outcomes[1:] if self._is_so(ahead)), outcomes[0])
        self._unchecked = True

    def _is_so(self, model: Model) -> bool:
        try:
            self._real.check_files(model)
            self._real.check_decisions(model)
        except AssertionError:
            return False
        return True

    def _look_again(self) -> None:
        for kind in ("ingest", "track"):
            self._do(self._step(kind))

    def _arrive(self, file: File) -> None:
        self._written.append(file)
        self._do(Step("write", self._now, file=file))

    def _growing(self) -> list[File]:
        return [file for _, file in sorted(self._model.inbox.items()) if file.is_lines and file.name not in EXPECTED]

    def _minutes(self) -> int:
        """Decisions are made up to a few minutes from now on, which is too early for some, while the market is open."""
        return min((self._now - START) // MINUTE + 9, MARKET_MINUTES)

    def _ago(self, seconds: int) -> datetime:
        return self._now - timedelta(seconds=seconds)

    def _count(self) -> None:
        """What there was in this life."""
        self._tally["files"] += len(self._model.arrivals)
        self._tally.update(f"{arrival.outcome} files" for arrival in self._model.arrivals)
        self._tally["decisions"] += len(self._model.decisions)
        for one in self._model.decisions.values():
            if one.ref.direction:
                self._tally["left open" if one.exit is None else one.exit.exit_reason] += 1


def pick(things: list[T], number: int) -> T:
    return things[number % len(things)]


@pytest.mark.drawn
def test_in_any_order_at_once_and_killed_the_invariant_holds(
    cluster: embedded.Lease,
    tmp_path: Path,
    pytestconfig: pytest.Config,
    monkeypatch: pytest.MonkeyPatch,
    machine_tally: Counter[str],
) -> None:
    monkeypatch.setattr(reader, "BATCH_DECISIONS", BATCH_DECISIONS)
    zygote = Zygote()
    with ExitStack() as stack:

        def new_machine() -> Machine:
            stack.close()  # the database of the life before
            folder = tmp_path / "life"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            return Machine(stack.enter_context(fresh_database(cluster)), folder, zygote, machine_tally)

        run_state_machine_as_test(
            new_machine,  # type: ignore[arg-type]  # any callable is taken
            settings=settings(
                max_examples=pytestconfig.getoption("--machine-examples"),
                stateful_step_count=pytestconfig.getoption("--machine-steps"),
                derandomize=pytestconfig.getoption("--hypothesis-seed") is None,
                database=None,
                deadline=None,
                print_blob=True,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    zygote.close()

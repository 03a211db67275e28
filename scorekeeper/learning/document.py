"""What was learned of a version at a moment, and the file `agent_weights.json` that says it to other programs. Pure.

Returns are in percent, unless a name says bps; shares are 0 to 1; times are in UTC. What is undefined is None. Names of
versions and agents come from decision files: escape them where they are shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from scorekeeper.analysis.intervals import RobustMean
from scorekeeper.learning import constants

FORMAT = 1
VALID_FOR = timedelta(hours=24)
UNKNOWN_WEIGHT = 1.0
VOTE = "sign(sum(weight * direction * confidence)); a missing confidence counts 50; a sum within 1e-9 of 0 is HOLD"


@dataclass(frozen=True)
class AgentWeight:
    """An agent's weight, its shrunk share of right calls `p`, and what both rest on."""

    agent: str
    weight: float
    p: float
    calls: int
    independent_calls: float
    long_share: float | None


@dataclass(frozen=True)
class Block:
    """A block of UTC time, and the e-process after it.

    `e_value` is the mean of `wealth`, one for each bet, which only the last block has.
    `running`: whom the process of this block speaks for, the learned weights (for) or equal ones (against). `adopted`:
    whether the learned weights are in use from `ends_at` on.
    """

    begins_at: datetime
    ends_at: datetime
    decisions: int
    independent: float
    mean_excess: float
    scale: float
    wealth: Sequence[float] | None
    e_value: float
    running: str
    adopted: bool


@dataclass(frozen=True)
class CalibrationMap:
    """P(right | c) = 1 / (1 + exp(-a - b logit(c))) of an agent; without 20 independent calls a and b are None.

    The Brier scores are of each call by what was known at its own time: as stated, by the running rate, by the map.
    `gain_ci95`: the robust interval of the map's gain. `helps`: whether it lies above 0.
    """

    agent: str
    as_of: datetime
    calls: int
    independent_calls: float
    a: float | None
    b: float | None
    brier_raw: float | None
    brier_rate: float | None
    brier_map: float | None
    gain_ci95: tuple[float, float] | None
    helps: bool | None


@dataclass(frozen=True)
class MetaModel:
    """A model of whether a trade pays; its metrics (`describe_judged`) are of trades predicted before they ended."""

    target: str
    as_of: datetime
    trades: int
    independent_trades: float
    coefficients: Mapping[str, Any] | None
    metrics: Mapping[str, Any]
    informs: bool | None
    worth_it: bool | None


@dataclass(frozen=True)
class Fees:
    """Whether the learned vote pays after both sides' fees, `cost_pct` together.

    `outcomes`: the last ones, 1,000 at most; `worth`: of how many of them it expected more than the cost. `net`: what
    the vote earned after fees on all outcomes of which it expected that.
    """

    cost_pct: float
    outcomes: int
    worth: int
    net: RobustMean

    @property
    def edge(self) -> bool | None:
        """Whether the interval of `net` lies above 0; None without an interval, below 20 independent outcomes."""
        return None if self.net.ci95 is None else self.net.ci95[0] > 0

    @property
    def share(self) -> float | None:
        """The share of the last outcomes that were worth trading; None before the first."""
        return self.worth / self.outcomes if self.outcomes else None


@dataclass(frozen=True)
class Learned:
    """Everything learned of `version` at `as_of`, a whole hour, from `outcomes` that were known then.

    `independent`: how many independent decisions they come to. `move_pct`: the mean size of their returns.
    `advantage_bps`: what the learned vote earned more than the equal one, a decision, before fees. `stale_from`: from
    when on a change of the past is not learned yet. The rest is in the order of names or of time.
    """

    version: str
    as_of: datetime
    block_hours: int | None
    outcomes: int
    independent: float
    beta: float
    move_pct: float | None
    advantage_bps: float | None
    agents: tuple[AgentWeight, ...]
    blocks: tuple[Block, ...]
    maps: tuple[CalibrationMap, ...]
    models: tuple[MetaModel, ...]
    fees: Fees
    stale_from: datetime | None = None

    @property
    def adopted(self) -> bool:
        """Whether the learned weights are in use."""
        return bool(self.blocks) and self.blocks[-1].adopted

    @property
    def turns(self) -> list[int]:
        """The blocks, by place, at whose end the learned weights came into use or went out of it."""
        before = [False, *(one.adopted for one in self.blocks)]
        return [i for i, one in enumerate(self.blocks) if one.adopted != before[i]]

    @property
    def running(self) -> tuple[Block, ...]:
        """The blocks of the process that runs now: those after the last turn."""
        return self.blocks[self.turns[-1] + 1 :] if self.turns else self.blocks

    @property
    def deciding(self) -> tuple[Block, ...]:
        """The blocks that the verdict rests on: if adopted, of the process that adopted, else of the one that runs."""
        turns = self.turns
        if not turns or not self.adopted:
            return self.running
        return self.blocks[turns[-2] + 1 if len(turns) > 1 else 0 : turns[-1] + 1]

    @property
    def verdict(self) -> str:
        """adopted, lapsed (adopted earlier, equal weights since), or not_adopted (never adopted)."""
        return "adopted" if self.adopted else "lapsed" if self.turns else "not_adopted"

    @property
    def since(self) -> datetime | None:
        """Since when the verdict holds; None if the learned weights were never adopted."""
        return self.blocks[self.turns[-1]].ends_at if self.turns else None


class Parameters(msgspec.Struct, frozen=True):
    """The numbers of the method that a reader may want to see."""

    k: int = int(constants.PRIOR_CALLS)
    p0: float = constants.PRIOR_RIGHT
    half_life: int = int(constants.HALF_LIFE)
    balanced: bool = True


class FileEvidence(msgspec.Struct, frozen=True):
    """The e-process that the verdict rests on."""

    e_value: float
    threshold: int
    blocks: int
    decisions: int
    independent: float
    advantage_bps: float | None


class FileFees(msgspec.Struct, frozen=True):
    """Whether it pays after fees."""

    edge_after_fees: bool | None
    share_worth_trading: float | None


class FileMap(msgspec.Struct, frozen=True):
    """An agent's map from stated to recalibrated confidence."""

    a: float
    b: float


class FileAgent(msgspec.Struct, frozen=True):
    """An agent's part of the file."""

    weight: float
    weight_in_use: float
    p: float
    independent_calls: float
    calls: int
    long_share: float | None
    recalibration: FileMap | None


class FileProbability(msgspec.Struct, frozen=True):
    """P(up) = 1 / (1 + exp(-beta * score))."""

    beta: float


class WeightsFile(msgspec.Struct, frozen=True):
    """The file, field by field in its order. docs/learning.md defines each."""

    format: int
    as_of: str
    version: str
    method: str
    parameters: Parameters
    verdict: str
    since: str | None
    valid_until: str
    evidence: FileEvidence
    fees: FileFees
    vote: str
    agents: dict[str, FileAgent]
    probability: FileProbability
    unknown_agent_weight: float
    sentence: str


def build_file(learned: Learned, sentence: str) -> WeightsFile:
    """The file of what was learned; `sentence`: the verdict in words."""
    deciding = learned.deciding
    maps = {one.agent: FileMap(one.a, one.b) for one in learned.maps if one.a is not None and one.b is not None}
    return WeightsFile(
        format=FORMAT,
        as_of=iso(learned.as_of),
        version=learned.version,
        method=constants.METHOD,
        parameters=Parameters(),
        verdict=learned.verdict,
        since=None if learned.since is None else iso(learned.since),
        valid_until=iso(learned.as_of + VALID_FOR),
        evidence=FileEvidence(
            deciding[-1].e_value if deciding else 1.0, int(constants.THRESHOLD), len(deciding),
            sum(one.decisions for one in deciding), sum((one.independent for one in deciding), 0.0),
            learned.advantage_bps,
        ),
        fees=FileFees(learned.fees.edge, learned.fees.share),
        vote=VOTE,
        agents={
            one.agent: FileAgent(
                one.weight, one.weight if learned.adopted else 1.0, one.p, one.independent_calls, one.calls,
                one.long_share, maps.get(one.agent),
            )
            for one in learned.agents
        },
        probability=FileProbability(learned.beta),
        unknown_agent_weight=UNKNOWN_WEIGHT,
        sentence=sentence,
    )  # fmt: skip


def render_file(file: WeightsFile) -> bytes:
    """The bytes of the file: the same for the same rows."""
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def iso(moment: datetime) -> str:
    """A time as the file has it.

    >>> iso(datetime(2025, 5, 1, 12, tzinfo=UTC))
    '2025-05-01T12:00:00Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

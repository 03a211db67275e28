"""What an agent reads about itself: counts, rates with their intervals, and its last calls, in at most 200 words.

The text is for a prompt. It holds no word of another agent, gives no advice and claims no cause.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scorekeeper.analysis.intervals import FEWEST_INDEPENDENT, RobustMean, robust_gap, robust_mean, robust_rate
from scorekeeper.learning.constants import CLIP_CONFIDENCE
from scorekeeper.phrases import counted

MOST_WORDS = 200
LAST_CALLS = 5
FEWEST_MOVES = 20  # outcomes of a symbol, below which the moves of all symbols say what is usual
BANDS = ((90, 100), (80, 90), (70, 80), (60, 70), (50, 60), (0, 50))
MOST_BANDS = 2
# A version is named if its name cannot be read as a sentence: names come from decision files.
_NAME = re.compile(r"[\w.+\-]{1,40}")
_LONGEST_SYMBOL = 30


@dataclass(frozen=True)
class Signal:
    """What the agent said to a decision whose outcome is known. `confidence`: 0 to 100, or None.

    `direction`: +1, -1, or 0 for an abstention. `move_pct`: where the price went by the horizon, in percent.
    `late`: the decision came in after its own expiry.
    """

    trade_id: str
    symbol: str
    opened_at: datetime
    expires_at: datetime
    direction: int
    confidence: float | None
    move_pct: float
    late: bool


@dataclass(frozen=True)
class Rate:
    """Of some calls that the price decided, the share that was right, in percent, with its robust interval.

    `low`, `high`: None for all calls, else the band of confidence [low, high), 100 included.
    """

    right: RobustMean
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class Recalibration:
    """The agent's map from stated confidence to how often it is right: 1 / (1 + exp(-a - b logit(c))).

    `helps`: whether it has told better than the stated confidence, each call by the map of its own time.
    """

    a: float
    b: float
    helps: bool | None

    def at(self, confidence: float) -> float:
        """What a stated confidence reads as, both in percent.

        >>> Recalibration(0.0, 1.0, None).at(90)
        90.0
        """
        low, high = CLIP_CONFIDENCE
        share = min(max(confidence / 100, low), high)
        return round(100 / (1 + math.exp(-self.a - self.b * math.log(share / (1 - share)))), 9)


@dataclass(frozen=True)
class LastCall:
    """One of the last calls. `right`: None if the price stood still.

    `usual_pct`: the mean size of such a move (None: too few are known). `within_noise`: the move is smaller than that,
    and so its outcome proves nothing; None if that cannot be told.
    """

    trade_id: str
    symbol: str
    opened_at: datetime
    direction: int
    confidence: float | None
    move_pct: float
    right: bool | None
    usual_pct: float | None
    within_noise: bool | None


@dataclass(frozen=True)
class Feedback:
    """The feedback on one agent. Rates are in percent, `call_return_pct` and moves in percent of the price.

    `as_of`: the moment, None before the first track. `version`: None if no decision counts yet. `abstentions`: signals
    without a direction; `calls`: the others, `flat` of them on a price that stood still, `late` of them to decisions
    that came in after their own expiry. `overconfidence`: the mean
    confidence minus the rate of right calls, in points. `bands`: the two bands of confidence with the most calls that
    the price decided; calls with no confidence, or 0, are in none. `recalibration`: None if none was learned. `text`:
    all of it in words.
    """

    agent: str
    version: str | None
    symbol: str | None
    as_of: datetime | None
    signals: int
    abstentions: int
    calls: int
    flat: int
    late: int
    right: RobustMean
    call_return_pct: RobustMean
    up: RobustMean
    down: RobustMean
    overconfidence: RobustMean
    bands: tuple[Rate, ...]
    recalibration: Recalibration | None
    last: tuple[LastCall, ...]
    text: str


def give_feedback(
    agent: str, version: str | None, symbol: str | None, as_of: datetime | None, signals: Sequence[Signal],
    moves: Mapping[str | None, tuple[int, float]], recalibration: Recalibration | None = None,
) -> Feedback:  # fmt: skip
    """The feedback on an agent from its signals with a known outcome, in order of opening.

    `moves`: for each symbol, and for all of them (None), how many outcomes are known and their mean size in percent.
    """
    calls = [one for one in signals if one.direction]
    decided = [one for one in calls if one.move_pct]
    sure = [one for one in decided if one.confidence]
    bands = [
        Rate(_rate(within), low, high)
        for low, high in BANDS
        if (within := [one for one in sure if low <= (one.confidence or 0) < high or one.confidence == high == 100])
    ]
    most = sorted(bands, key=lambda one: -one.right.n)[:MOST_BANDS]
    last = tuple(_last_call(one, moves) for one in reversed(calls[-LAST_CALLS:]))
    found = Feedback(
        agent, version, symbol, as_of, len(signals), len(signals) - len(calls), len(calls), len(calls) - len(decided),
        sum(one.late for one in calls), _rate(decided),
        robust_mean([one.direction * one.move_pct for one in calls], *_spans(calls)),
        _rate([one for one in decided if one.direction > 0]), _rate([one for one in decided if one.direction < 0]),
        robust_gap([one.confidence or 0 for one in sure], [_right(one) for one in sure], *_spans(sure)),
        tuple(sorted(most, key=lambda one: -(one.low or 0))), recalibration, last, "",
    )  # fmt: skip
    return Feedback(**{**vars(found), "text": write_words(found)})


def write_words(feedback: Feedback) -> str:
    """The feedback in words: at most 200, a line each. The oldest of the last calls are left out if it takes more."""
    lines = [*_figures(feedback)]
    last = [*_last_calls(feedback)]
    while last and sum(len(line.split()) for line in (*lines, *last)) > MOST_WORDS:
        last.pop()
    return "\n".join([*lines, *last])


def _figures(feedback: Feedback) -> Iterator[str]:
    if feedback.as_of is None:
        yield "Your score: no price has been tracked yet, so nothing is known about your calls."
        return
    named = feedback.version is not None and _NAME.fullmatch(feedback.version)
    version = f", version {feedback.version}" if named else ""
    symbol = f", {shown_symbol(feedback.symbol)} only" if feedback.symbol else ""
    yield f"Your score at {_minute(feedback.as_of)}{version}{symbol}. It describes the past and advises nothing."
    right = feedback.right
    if not feedback.calls:
        yield (
            f"No outcome of a call of yours is known yet ({counted(feedback.abstentions, 'abstention')}): nothing can "
            "be said."
        )
        return
    flat = f", {feedback.flat:,} on a price that stood still" if feedback.flat else ""
    yield (
        f"{counted(feedback.calls, 'call')} with a known outcome{flat}; {counted(feedback.abstentions, 'abstention')}; "
        f"{counted(right.independent, 'independent call')}."
    )
    if feedback.late:
        yield f"{feedback.late:,} came in after their own expiry: hindsight cannot be excluded."
    if right.ci95 is None:
        yield f"{_too_few(right)} to say whether you beat chance."
        return
    yield f"{_rated(right).capitalize()}. {_versus_chance(right)} Intervals are 95%, for one look."
    worth = feedback.call_return_pct
    if worth.ci95 is not None:
        told = "This cannot be told from 0." if worth.ci95[0] <= 0 <= worth.ci95[1] else "This differs from 0."
        yield f"A call was worth {worth.mean:+.3f}% before fees ({worth.ci95[0]:+.3f} to {worth.ci95[1]:+.3f}). {told}"
    for name, rate in (("up", feedback.up), ("down", feedback.down)):
        if rate.n:
            yield f"Calls {name}: {rate.n:,}, {_rated(rate)}."
    yield from _confidence(feedback)


def _confidence(feedback: Feedback) -> Iterator[str]:
    gap = feedback.overconfidence
    if not gap.n:
        yield "You state no confidence with your calls: sureness cannot be compared with results."
        return
    if gap.ci95 is not None and gap.mean is not None:
        way = "above" if gap.mean >= 0 else "below"
        low, high = sorted(abs(one) for one in gap.ci95)
        told = f"{low:.0f} to {high:.0f}" if gap.ci95[0] * gap.ci95[1] > 0 else "cannot be told from 0"
        yield f"Your confidence was {abs(gap.mean):.0f} points {way} your rate of right calls ({told})."
    for band in feedback.bands:
        yield f"Of {counted(band.right.n, 'call')} at {band.low} to {band.high}: {_rated(band.right)}."
    fitted = feedback.recalibration
    if fitted is not None and fitted.helps:
        inverse = " The surer you were, the more often you were wrong." if fitted.b < 0 else ""
        yield f"As learned, your 60 means {fitted.at(60):.0f}% and your 90 {fitted.at(90):.0f}%.{inverse}"


def _last_calls(feedback: Feedback) -> Iterator[str]:
    if not feedback.last:
        return
    yield "Last calls, newest first (within noise: smaller than the usual move, proves nothing):"
    for one in feedback.last:
        sure = "" if one.confidence is None else f" at {one.confidence:.0f}"
        came = {True: "right", False: "wrong", None: "neither"}[one.right]
        noise = {True: ", within noise", False: ", beyond noise", None: ""}[one.within_noise]
        usual = "" if one.usual_pct is None else f" ({one.usual_pct:.2f}%)"
        yield (
            f"- {_minute(one.opened_at)} {shown_symbol(one.symbol)} {'up' if one.direction > 0 else 'down'}{sure}: "
            f"{one.move_pct + 0.0:+.2f}%, {came}{noise}{usual}"
        )


def shown_symbol(symbol: str) -> str:
    """A symbol as one short word: it comes from decision files."""
    word = "".join(one for one in symbol if one.isprintable() and not one.isspace())
    return word if len(word) <= _LONGEST_SYMBOL else word[: _LONGEST_SYMBOL - 1] + "…"


def _rated(rate: RobustMean) -> str:
    if rate.ci95 is None:
        few = "too few" if rate.independent < FEWEST_INDEPENDENT else "too much alike"
        return f"{rate.independent:,} independent, {few} to say how often right"
    return f"{rate.mean:.1f}% right ({rate.ci95[0]:.1f} to {rate.ci95[1]:.1f})"


def _versus_chance(rate: RobustMean) -> str:
    assert rate.ci95 is not None
    if rate.ci95[0] > 50:
        return "This is better than chance."
    if rate.ci95[1] < 50:
        return "This is worse than chance."
    return "Whether you beat chance cannot be told."


def _too_few(rate: RobustMean) -> str:
    if rate.independent < FEWEST_INDEPENDENT:
        return f"{counted(rate.independent, 'independent call')}: too few"
    return "Your results differ too little"


def _last_call(signal: Signal, moves: Mapping[str | None, tuple[int, float]]) -> LastCall:
    of_symbol, of_all = moves.get(signal.symbol, (0, 0.0)), moves.get(None, (0, 0.0))
    outcomes, size = of_symbol if of_symbol[0] >= FEWEST_MOVES else of_all
    usual = size if outcomes >= FEWEST_MOVES and size > 0 else None
    return LastCall(
        signal.trade_id, signal.symbol, signal.opened_at, signal.direction, signal.confidence, signal.move_pct,
        signal.direction * signal.move_pct > 0 if signal.move_pct else None,
        usual, None if usual is None else abs(signal.move_pct) < usual,
    )  # fmt: skip


def _rate(calls: Sequence[Signal]) -> RobustMean:
    return robust_rate([_right(one) for one in calls], *_spans(calls))


def _right(call: Signal) -> float:
    return 100.0 if call.direction * call.move_pct > 0 else 0.0


def _spans(calls: Sequence[Signal]) -> tuple[list[float], list[float]]:
    return [one.opened_at.timestamp() for one in calls], [one.expires_at.timestamp() for one in calls]


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}"

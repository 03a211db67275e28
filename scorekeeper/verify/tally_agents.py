"""An agent's rollups and figures, counted again from kinds of signals alike: sums instead of lists. See tally.py."""

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

from scorekeeper.verify.recount import EXACT_DIGITS, exact, wilson

_ENDS = {1: "winners", -1: "losers"}
_WORDS = {1: "supported", -1: "opposed", 0: "abstained"}
_COUNTS = ("signals", "calls", "correct", "incorrect", "brier_calls")
_RESULTS = tuple(f"{word}_{end}" for word in _WORDS.values() for end in _ENDS.values())


@lru_cache(10_000)
def _stated(confidence: float, right: bool) -> tuple[Decimal, Decimal]:
    """A confidence (0..100), exact, and its squared distance, as a probability, from whether the call was right."""
    with localcontext(prec=EXACT_DIGITS):
        stated = exact(confidence)
        return stated, (stated / 100 - right) ** 2


@dataclass
class AgentTally:
    """What is known of one agent's signals so far: the columns of agent_daily_score after its key."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*_COUNTS, *_RESULTS), 0))
    returns: Decimal = Decimal(0)
    brier: Decimal = Decimal(0)
    calls: list[int] = field(default_factory=lambda: [0] * 10)
    correct: list[int] = field(default_factory=lambda: [0] * 10)
    confidence: list[Decimal] = field(default_factory=lambda: [Decimal(0)] * 10)

    def add_said(
        self, number: int, direction: int, moved: float | None, returns: Decimal | None, backed: int | None,
        ended: float | None,
    ) -> None:  # fmt: skip
        """Signals of one direction; `moved`, `ended`: the sign of the horizon return, and of the closed trade's P&L.

        `returns`: the sum of their horizon returns. `backed`: direction times the direction of the closed trade.
        """
        counts = self.counts
        if moved is not None:
            counts["signals"] += number
            if direction:
                counts["calls"] += number
                counts["correct"] += number if direction * moved > 0 else 0
                counts["incorrect"] += number if direction * moved < 0 else 0
                assert returns is not None
                with localcontext(prec=EXACT_DIGITS):
                    self.returns += direction * returns
        if backed is not None and ended:
            counts[f"{_WORDS[backed]}_{_ENDS[int(ended)]}"] += number

    def add_sure(self, number: int, confidence: float, *, right: bool) -> None:
        """Calls with a confidence (0..100) that a move proved right or wrong."""
        place = min(9, int(confidence // 10))
        self.counts["brier_calls"] += number
        self.calls[place] += number
        self.correct[place] += number if right else 0
        stated, square = _stated(confidence, right)
        with localcontext(prec=EXACT_DIGITS):
            self.confidence[place] += number * stated
            self.brier += number * square

    def join(self, other: "AgentTally") -> None:
        """The signals of another selection or day too."""
        for name, value in other.counts.items():
            self.counts[name] += value
        with localcontext(prec=EXACT_DIGITS):
            self.returns += other.returns
            self.brier += other.brier
            for place in range(10):
                self.calls[place] += other.calls[place]
                self.correct[place] += other.correct[place]
                if other.calls[place]:
                    self.confidence[place] += other.confidence[place]

    def as_day(self) -> dict[str, Any]:
        """The exact rollup row: the columns of agent_daily_score after its key."""
        return {
            **self.counts,
            "bin_calls": self.calls,
            "bin_correct": self.correct,
            "sum_call_return_pct": self.returns,
            "sum_brier": self.brier,
            "bin_confidence": self.confidence,
        }

    def figures(self) -> dict[str, Any]:
        """The figures of the agent, each by its definition in docs/metrics.md."""
        counts = self.counts
        signals, calls = counts["signals"], counts["calls"]
        scored = counts["correct"] + counts["incorrect"]
        return {
            **{name: value for name, value in counts.items() if name != "brier_calls"},
            "abstentions": signals - calls,
            "coverage": 100 * calls / signals if signals else None,
            "accuracy": 100 * counts["correct"] / scored if scored else None,
            "accuracy_ci95": wilson(counts["correct"], scored),
            "avg_call_return_pct": float(self.returns) / calls if calls else None,
            "total_call_return_pct": float(self.returns) if calls else None,
            **self._calibration(),
        }

    def _calibration(self) -> dict[str, float | None]:
        n = self.counts["brier_calls"]
        if not n:
            return {"brier": None, "brier_skill": None, "ece": None}
        brier, right = float(self.brier) / n, sum(self.correct) / n
        gaps = [float(stated / 100 - hits) for stated, hits in zip(self.confidence, self.correct, strict=True)]
        return {
            "brier": brier,
            "brier_skill": 1 - brier / (right * (1 - right)) if right not in (0, 1) else None,
            "ece": sum(map(abs, gaps)) / n,
        }

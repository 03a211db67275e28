"""The baselines: what each decides, and that the docs name all of them."""

from pathlib import Path

import numpy as np

from scorekeeper.analysis import attribution, baselines
from scorekeeper.analysis.document import Baseline
from scorekeeper.analysis.input_columns import DecisionColumns, InputColumns, SignalColumns, TradeColumns

DOCS = Path(__file__).resolve().parents[3] / "docs" / "metrics.md"
NONE = np.zeros(0)


def columns(*signals: tuple[int, int, float]) -> InputColumns:
    """Two decisions with signals (decision, direction, confidence)."""
    decision, direction, confidence = (np.array(one) for one in zip(*signals, strict=True))
    two = np.zeros(2)
    return InputColumns(
        ["v"], ["a", "b"],
        DecisionColumns(two, two + 60, two.astype(np.int32), two, two.astype(np.int32), two.astype(np.int64)),
        SignalColumns(
            decision.astype(np.int32), np.arange(len(signals), dtype=np.int32), direction.astype(np.int32), confidence
        ),
        TradeColumns(NONE, NONE, NONE.astype(np.int32), NONE, NONE, NONE.astype(np.int32)),
    )  # fmt: skip


def test_each_baseline_decides_every_decision_by_its_own_rule() -> None:
    given = columns((0, 1, 90.0), (0, -1, 40.0), (0, -1, 40.0), (1, 1, 50.0), (1, -1, 50.0))
    weight = attribution.weigh(given.signals.direction, given.signals.confidence)
    decided = {kind: rule.decide(given, weight).tolist() for kind, rule in baselines.RULES.items()}
    assert decided == {
        "always_long": [1, 1], "always_short": [-1, -1], "equal_vote": [-1, 0], "confidence_vote": [1, 0],
    }  # fmt: skip


def test_the_docs_name_every_baseline() -> None:
    words = " ".join(DOCS.read_text(encoding="utf-8").split())
    assert [rule.label for rule in baselines.RULES.values() if rule.label not in words] == []


def test_an_agent_and_the_system_have_names_of_their_own() -> None:
    def one(kind: str, agent: str | None = None) -> Baseline:
        return Baseline(kind, agent, 0, None, 0.0, None)

    assert baselines.phrase(one("agent", "<a>"), lambda words: words.strip("<>")) == "a alone"
    assert (baselines.label(one("agent", "a")), baselines.label(one("system"))) == ("a alone", "the system itself")
    assert baselines.label(one("of_a_later_release")) == "of_a_later_release"

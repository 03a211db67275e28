"""The charts of what was learned, for the report and the dashboard. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from scorekeeper import charts
from scorekeeper.charts import Chart, Observed
from scorekeeper.learning.constants import THRESHOLD
from scorekeeper.learning.document import CalibrationMap, Learned

MOST_LINES = charts.MOST_LINES
MOST_MOMENTS = 400  # of a line


def most_calling(learned: Learned) -> list[str]:
    """The names of the agents whose weights are drawn: those with the most calls, in the order of names."""
    most = sorted(learned.agents, key=lambda one: (-one.calls, one.agent))[:MOST_LINES]
    return sorted(one.agent for one in most)


def weights_chart(history: Mapping[str, Sequence[tuple[datetime, float]]]) -> Chart | None:
    """The weights over time; None without any."""
    drawn = {agent: [(at.timestamp(), weight) for at, weight in path] for agent, path in history.items() if path}
    return charts.weights(drawn) if drawn else None


def evidence_chart(learned: Learned) -> Chart | None:
    """The path of E with its threshold; None without a block."""
    path = [
        charts.Evidence(one.ends_at.timestamp(), one.e_value, one.running == "against", one.adopted)
        for one in learned.blocks
    ]
    return charts.evidence(path, THRESHOLD) if path else None


def map_chart(one: CalibrationMap, observed: Sequence[Observed] = ()) -> Chart | None:
    """An agent's map as a line, and what came of its calls as dots; None for too few calls."""
    if one.a is None or one.b is None:
        return None
    return charts.recalibration(one.a, one.b, observed)


def reliability_chart(metrics: Mapping[str, Any]) -> Chart | None:
    """How often a decision paid, by the probability that the meta-model had predicted; None without a prediction."""
    tenths = [
        charts.Tenth(int(one["n"]), int(one["right"]), 100 * float(one["mean"]))
        for one in metrics.get("reliability") or ()
    ]
    return charts.reliability(tenths, of="trades", said="chance predicted", right="paid") if tenths else None

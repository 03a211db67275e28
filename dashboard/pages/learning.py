"""/learning: what each agent's calls are worth, the evidence that it is so, recalibration, and the meta-model."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.agents import Tenth
from dashboard.data.filters import FilterError, Filters
from dashboard.data.learned import list_versions, read_learned, read_observed, read_weights
from dashboard.render import refuse_others, render
from dashboard.site import site_of
from scorekeeper import charts
from scorekeeper.charts import Chart
from scorekeeper.learning.constants import THRESHOLD
from scorekeeper.learning.document import CalibrationMap, Learned
from scorekeeper.learning.sentences import fees_sentence, verdict_sentence, write_sentences
from scorekeeper.learning.tables import model_rows, tell_map
from scorekeeper.safe_text import escape_controls

MOST_MAPS = 12  # agents with a diagram
UNUSED = ("symbol", "since", "until", "suspect", "late")


async def page(request: Request) -> Response:
    """What was learned of one version at one moment."""
    fee_bps = site_of(request).fee_bps

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters)
        for name in UNUSED:
            if name in filters.given():
                raise FilterError(
                    name, filters.given()[name], "to be left out here: what is learned is learned of a whole version"
                )
        learned = read_learned(connection, filters, fee_bps)
        if learned is None:
            return {"learned": None, "versions": list_versions(connection), "rows": []}
        observed = read_observed(connection, learned, filters)
        verdicts = (verdict_sentence(learned), fees_sentence(learned.fees))
        return {
            "learned": learned,
            "versions": list_versions(connection),
            "verdicts": verdicts,
            "others": [one for one in write_sentences(learned, escape_controls) if one not in verdicts],
            "agents": sorted(learned.agents, key=lambda one: (-one.weight, one.agent)),
            "weights": weights(read_weights(connection, learned)),
            "evidence": evidence(learned),
            "maps": maps(learned.maps, observed),
            "without_map": max(0, len([one for one in learned.maps if one.a is not None]) - MOST_MAPS),
            "tell_map": tell_map,
            "models": model_rows(learned),
            "reliability": {one.target: reliability(one.metrics) for one in learned.models},
            "targets": [one.target for one in learned.models],
            "threshold": THRESHOLD,
            "rows": [
                {
                    "version": learned.version, "as_of": learned.as_of, "agent": one.agent, "weight": one.weight,
                    "weight_in_use": one.weight if learned.adopted else 1.0, "p": one.p, "calls": one.calls,
                    "independent_calls": one.independent_calls, "long_share": one.long_share,
                }
                for one in learned.agents
            ],
        }  # fmt: skip

    return await render(request, "learning.html", load)


def weights(history: Mapping[str, Sequence[tuple[Any, float]]]) -> Chart | None:
    """The weights over time."""
    drawn = {agent: [(at.timestamp(), weight) for at, weight in path] for agent, path in history.items() if path}
    return charts.weights(drawn) if drawn else None


def evidence(learned: Learned) -> Chart | None:
    """The path of E with its threshold."""
    path = [
        charts.Evidence(one.ends_at.timestamp(), one.e_value, one.running == "against", one.adopted)
        for one in learned.blocks
    ]
    return charts.evidence(path, THRESHOLD) if path else None


def maps(
    found: Sequence[CalibrationMap], observed: Mapping[str, Sequence[Tenth]]
) -> list[tuple[CalibrationMap, Chart | None]]:
    """Each agent's map with its diagram, those with the most calls first; None for too few calls."""
    ordered = sorted(found, key=lambda one: (one.a is None, -one.calls, one.agent))
    return [
        (one, draw_map(one, observed.get(one.agent, ())) if place < MOST_MAPS else None)
        for place, one in enumerate(ordered)
    ]


def draw_map(one: CalibrationMap, tenths: Sequence[Tenth]) -> Chart | None:
    """The map as a line, and what came of the calls as dots."""
    if one.a is None or one.b is None:
        return None
    return charts.recalibration(
        one.a, one.b, [charts.Observed(tenth.avg_confidence, tenth.calls, tenth.correct) for tenth in tenths]
    )


def reliability(metrics: Mapping[str, Any]) -> Chart | None:
    """How often a decision paid, by the probability that the meta-model had foretold."""
    told = metrics.get("reliability", ())
    tenths = [charts.Tenth(int(one["n"]), int(one["right"]), 100 * float(one["mean"])) for one in told]
    return charts.reliability(tenths) if tenths else None

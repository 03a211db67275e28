"""/learning: what each agent's calls are worth, the evidence that it is so, recalibration, and the meta-model."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from dashboard.data.agents import Tenth
from dashboard.data.filters import Filters
from dashboard.data.learned import list_versions, read_learned, read_observed, read_weights
from dashboard.render import refuse_others, render
from dashboard.shown import brief
from dashboard.site import site_of
from scorekeeper.charts import Chart, Observed
from scorekeeper.learning.constants import THRESHOLD
from scorekeeper.learning.document import VALID_FOR, CalibrationMap
from scorekeeper.learning.drawn import evidence_chart, map_chart, reliability_chart, weights_chart
from scorekeeper.learning.sentences import fees_sentence, verdict_sentence, write_sentences
from scorekeeper.learning.tables import model_rows, tell_map

MOST_MAPS = 12  # agents with a diagram
# Filters that links between pages keep. A version is learned whole, so they select nothing here, and the page says so.
UNUSED = ("symbol", "since", "until", "fees", "suspect", "late")


async def page(request: Request) -> Response:
    """What was learned of one version at one moment."""
    fee_bps = site_of(request).fee_bps

    def load(connection: Connection, filters: Filters) -> dict[str, Any]:
        refuse_others(filters)
        unused = [name for name in filters.given() if name in UNUSED]
        learned = read_learned(connection, filters, fee_bps)
        if learned is None:
            return {"learned": None, "versions": list_versions(connection), "unused": unused, "rows": []}
        observed = read_observed(connection, learned, filters)
        verdicts = (verdict_sentence(learned), fees_sentence(learned.fees))
        return {
            "learned": learned,
            "valid_until": learned.as_of + VALID_FOR,
            "unused": unused,
            "versions": list_versions(connection),
            "verdicts": verdicts,
            "others": [one for one in write_sentences(learned, name_briefly) if one not in verdicts],
            "agents": sorted(learned.agents, key=lambda one: (-one.weight, one.agent)),
            "weights": weights_chart(read_weights(connection, learned)),
            "evidence": evidence_chart(learned),
            "maps": maps(learned.maps, observed),
            "without_map": max(0, len([one for one in learned.maps if one.a is not None]) - MOST_MAPS),
            "tell_map": tell_map,
            "models": model_rows(learned),
            "reliability": {one.target: reliability_chart(one.metrics) for one in learned.models},
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


def name_briefly(name: str) -> str:
    """A name in a sentence: inert, and as short as in the tables."""
    return brief(name, 60)


def maps(
    found: Sequence[CalibrationMap], observed: Mapping[str, Sequence[Tenth]]
) -> list[tuple[CalibrationMap, Chart | None]]:
    """Each agent's map with its diagram, those with the most calls first; None for too few calls."""
    ordered = sorted(found, key=lambda one: (one.a is None, -one.calls, one.agent))
    seen = {agent: [tenth_seen(tenth) for tenth in tenths] for agent, tenths in observed.items()}
    return [
        (one, map_chart(one, seen.get(one.agent, ())) if place < MOST_MAPS else None)
        for place, one in enumerate(ordered)
    ]


def tenth_seen(tenth: Tenth) -> Observed:
    """A tenth of confidence as a dot."""
    return Observed(tenth.avg_confidence, tenth.calls, tenth.correct)

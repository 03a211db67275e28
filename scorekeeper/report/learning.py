"""What was learned: in words, the weights over time, the evidence, the maps. All text is inert here."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from scorekeeper.charts import Observed
from scorekeeper.learning import tables
from scorekeeper.learning.document import Learned
from scorekeeper.learning.drawn import evidence_chart, map_chart, reliability_chart, weights_chart
from scorekeeper.learning.sentences import write_sentences
from scorekeeper.report.figures import Tenth
from scorekeeper.report.markup import Page, table, text

MOST_MAPS = 8  # agents with a diagram

History = Mapping[str, Sequence[tuple[datetime, float]]]


def add_learning(
    page: Page, learned: Learned | None, history: History, tenths: Mapping[str, Sequence[Tenth]]
) -> None:
    """What was learned of one version; nothing but a line if nothing was. `tenths`: calls by stated confidence."""
    if learned is None:
        page.add(
            page.section(
                "What was learned",
                "Nothing yet. <code>scorekeeper learn</code> weighs agents by what became of their calls.",
                "",
            )
        )
        return
    lines = "".join(f"<li>{text(one)}</li>" for one in write_sentences(learned, str))
    page.add(
        page.section(
            "What was learned",
            f"Of version {text(learned.version)} by {learned.as_of:%Y-%m-%d %H:%M} UTC, from {learned.outcomes:,} "
            "decisions whose move by the horizon is known. It is published and never steers.",
            f"<ul>{lines}</ul>",
        )
    )
    weights, evidence = weights_chart(history), evidence_chart(learned)
    if weights is not None:
        page.add(
            page.section(
                "Learned weights",
                "Each agent's weight in the learned vote, of the agents with the most calls. The mean size of all "
                "weights is 1. In use they are 1 for all, unless the learned weights are adopted.",
                page.place(weights) + _rows(tables.weight_rows(learned, str)),
            )
        )
    if evidence is not None:
        page.add(
            page.section(
                "Evidence for the learned weights",
                "E tells the learned weights from equal ones, block by block. It may be looked at every day: without "
                "an advantage it comes to 20 in at most 1 of 20 cases, ever. At 20 the learned weights are adopted; "
                "then E begins again, for equal weights.",
                page.place(evidence),
            )
        )
    _add_maps(page, learned, tenths)
    if learned.models:
        drawn = [chart for one in learned.models if (chart := reliability_chart(one.metrics)) is not None]
        page.add(
            page.section(
                "Does the trade pay?",
                "A model of what was known when a trade opened, judged on trades that it predicted before they ended.",
                _rows(tables.model_rows(learned)) + "".join(map(page.place, drawn)),
            )
        )


def _add_maps(page: Page, learned: Learned, tenths: Mapping[str, Sequence[Tenth]]) -> None:
    if not learned.maps:
        return
    ordered = sorted((one for one in learned.maps if one.a is not None), key=lambda one: (-one.calls, one.agent))
    drawn = []
    for one in ordered[:MOST_MAPS]:
        seen = [Observed(tenth.mean_confidence, tenth.n, tenth.correct) for tenth in tenths.get(one.agent, ())]
        if (chart := map_chart(one, seen)) is not None:
            drawn.append(f"<figure><h3>{text(one.agent)}</h3>{page.place(chart)}</figure>")
    more = f" {len(ordered) - MOST_MAPS:,} more maps are not drawn." if len(ordered) > MOST_MAPS else ""
    page.add(
        page.section(
            "Recalibration",
            "A map turns the confidence that an agent states into how often it is right. Dots: what came of its calls, "
            f"of all versions that the report is of.{more}",
            f'<div class="small">{"".join(drawn)}</div>' + _rows(tables.map_rows(learned, str)),
        )
    )


def _rows(rows: Sequence[tables.Row]) -> str:
    if not rows:
        return ""
    return table([text(name) for name in rows[0]], [[text(cell) for cell in row.values()] for row in rows])

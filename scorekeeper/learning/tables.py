"""What was learned as rows of text, for artifacts, the report and a terminal; `escape` makes names harmless there."""

from collections.abc import Callable

from scorekeeper.learning.document import CalibrationMap, Learned

MOST_ROWS = 199
ASKED = {"net_pnl": "does a trade pay after fees", "horizon": "does a trade held to its horizon pay both fees"}

Escape = Callable[[str], str]
Row = dict[str, str]


def weight_rows(learned: Learned, escape: Escape) -> list[Row]:
    """One row per agent, the greatest weight first."""
    ordered = sorted(learned.agents, key=lambda one: (-one.weight, one.agent))
    return [
        {
            "agent": escape(one.agent),
            "weight": _number(one.weight, 3),
            "in use": _number(one.weight if learned.adopted else 1.0, 3),
            "p %": _number(100 * one.p, 1),
            "calls": f"{one.calls:,}",
            "independent": _number(one.independent_calls, 1),
            "calls up %": _number(None if one.long_share is None else 100 * one.long_share, 1),
        }
        for one in ordered[:MOST_ROWS]
    ]


def evidence_rows(learned: Learned) -> list[Row]:
    """One row per block of the evidence, the newest first."""
    return [
        {
            "block from (UTC)": f"{one.begins_at:%Y-%m-%d %H:%M}",
            "to": f"{one.ends_at:%Y-%m-%d %H:%M}",
            "decisions": f"{one.decisions:,}",
            "mean excess": _number(one.mean_excess, 4),
            "scale": _number(one.scale, 4),
            "E": _number(one.e_value, 2),
            "speaks for": "learned weights" if one.running == "for" else "equal weights",
            "in use after it": "learned weights" if one.adopted else "equal weights",
        }
        for one in reversed(learned.blocks[-MOST_ROWS:])
    ]


def map_rows(learned: Learned, escape: Escape) -> list[Row]:
    """One row per agent: its map, and the Brier scores as stated, by the running rate and by the map."""
    return [
        {
            "agent": escape(one.agent),
            "calls": f"{one.calls:,}",
            "independent": _number(one.independent_calls, 1),
            "a": _number(one.a, 3),
            "b": _number(one.b, 3),
            "Brier as stated": _number(one.brier_raw, 4),
            "Brier of the rate": _number(one.brier_rate, 4),
            "Brier of the map": _number(one.brier_map, 4),
            "gain 95 %": "n/a" if one.gain_ci95 is None else f"{one.gain_ci95[0]:.4f} to {one.gain_ci95[1]:.4f}",
            "verdict": tell_map(one),
        }
        for one in learned.maps[:MOST_ROWS]
    ]


def tell_map(one: CalibrationMap) -> str:
    """What a map's evidence allows to say, in a few words."""
    if one.a is None:
        return "too few calls"
    return "helps" if one.helps else "cannot be told"


def model_rows(learned: Learned) -> list[Row]:
    """One row per target of the meta-model, with its verdicts."""
    verdicts = {True: "yes", False: "no", None: "cannot be told"}
    return [
        {
            "asks": ASKED.get(one.target, one.target),
            "as of": f"{one.as_of:%Y-%m-%d}",
            "trades": f"{one.trades:,}",
            "independent": _number(one.independent_trades, 1),
            "predicted": f"{one.metrics.get('predicted', 0):,}",
            "log loss": _number(one.metrics.get("log_loss"), 4),
            "of the market alone": _number(one.metrics.get("log_loss_market"), 4),
            "of the base rate": _number(one.metrics.get("log_loss_base"), 4),
            "Brier skill": _number(one.metrics.get("brier_skill"), 4),
            "E": _number(one.metrics.get("e_value"), 2),
            "informs": verdicts[one.informs],
            "kept": f"{one.metrics.get('kept', 0):,}",
            "kept earn %": _number(one.metrics.get("kept_net_pct"), 3),
            "worth it": verdicts[one.worth_it],
        }
        for one in learned.models
    ]


def _number(value: float | None, digits: int) -> str:
    return "n/a" if value is None else f"{value:,.{digits}f}"

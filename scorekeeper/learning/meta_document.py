"""A fit and a judgement of the meta-model as JSON, and the fit read back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from scorekeeper.learning.constants import THRESHOLD
from scorekeeper.learning.meta_model import Line, Model
from scorekeeper.learning.meta_verdict import Judged
from scorekeeper.learning.running_means import Means

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Fit:
    """A model with the midnight from which it speaks (microseconds since 1970), and the independent trades it knew."""

    at: int
    independent: float
    model: Model


def write_fit(fit: Fit) -> dict[str, Any]:
    """The fit as it is stored. Numbers are whole, so that `read_fit` gives the same bits."""
    model, line = fit.model, fit.model.line
    return {
        "fitted_at": (_EPOCH + timedelta(microseconds=fit.at)).isoformat().replace("+00:00", "Z"),
        "trades": model.trades,
        "independent_trades": fit.independent,
        "base_rate": model.base_rate,
        "keep_above": model.keep_above,
        "intercept": line.intercept,
        "features": [
            {"name": name, "fill": fill, "mean": mean, "scale": scale, "coefficient": coefficient}
            for name, fill, mean, scale, coefficient in zip(
                line.names, line.fills.tolist(), line.means.tolist(), line.scales.tolist(), line.coefficients.tolist(),
                strict=True,
            )
        ],
        "market": {
            "intercept": model.market.intercept,
            "coefficients": dict(zip(model.market.names, model.market.coefficients.tolist(), strict=True)),
        },
    }  # fmt: skip


def read_fit(stored: Mapping[str, Any]) -> Fit:
    """The fit that `write_fit` wrote."""
    market = stored["market"]["coefficients"]
    features = stored["features"]

    def line(among: list[Mapping[str, Any]], coefficients: list[float], intercept: float) -> Line:
        scaling = np.array([[one["fill"], one["mean"], one["scale"]] for one in among], dtype=np.float64)
        fills, means, scales = scaling.reshape(-1, 3).T
        names = tuple(one["name"] for one in among)
        return Line(names, fills, means, scales, np.array(coefficients, dtype=np.float64), float(intercept))

    alone = [one for one in features if one["name"] in market]
    at = datetime.fromisoformat(stored["fitted_at"])
    return Fit(
        (at - _EPOCH) // timedelta(microseconds=1),
        float(stored["independent_trades"]),
        Model(
            int(stored["trades"]),
            float(stored["base_rate"]),
            float(stored["keep_above"]),
            line(features, [one["coefficient"] for one in features], stored["intercept"]),
            line(alone, [market[one["name"]] for one in alone], stored["market"]["intercept"]),
        ),
    )


def describe_judged(judged: Judged, place: int) -> dict[str, Any]:
    """The figures after the moment at `place`; None: undefined.

    `predicted`: predicted trades that became known. `log_loss` of the model, of the market alone, and of the base rate.
    `gain`: that of the market alone less that of the model. `brier_skill`: against the base rate. `net_pct`: the mean
    of all these trades after fees; `kept`: of those that the model would have kept. `…_independent`: how many of them
    do not overlap. `reliability`: by tenths of the probability, with n trades, how many paid (`right`), and the mean
    probability.
    """
    log_loss = _number(judged.log_loss[place])
    return {
        "predicted": int(judged.gain.n[place]),
        "independent": float(judged.independent[place]),
        "log_loss": log_loss,
        "log_loss_market": None if log_loss is None else log_loss + float(judged.gain.mean[place]),
        "log_loss_base": None if log_loss is None else log_loss + float(judged.base_gain.mean[place]),
        "gain": _number(judged.gain.mean[place]),
        "gain_ci95_robust": _interval(judged.gain, place),
        "base_gain": _number(judged.base_gain.mean[place]),
        "brier": _number(judged.brier[place]),
        "brier_skill": _number(judged.brier_skill[place]),
        "e_value": float(judged.e_value[place]),
        "threshold": THRESHOLD,
        "blocks": int(judged.blocks[place]),
        "net_pct": _number(judged.all_net.mean[place]),
        "net_pct_ci95_robust": _interval(judged.all_net, place),
        "kept": int(judged.kept.n[place]),
        "kept_independent": int(judged.kept.independent[place]),
        "kept_net_pct": _number(judged.kept.mean[place]),
        "kept_net_pct_ci95_robust": _interval(judged.kept, place),
        "reliability": [
            {"n": int(n), "right": int(right), "mean": float(total / n)}
            for n, right, total in judged.tenths[place].tolist()
            if n
        ],
    }


def _number(value: np.floating[Any] | float) -> float | None:
    return None if np.isnan(value) else float(value)


def _interval(means: Means, place: int) -> list[float] | None:
    return None if np.isnan(means.low[place]) else [float(means.low[place]), float(means.high[place])]

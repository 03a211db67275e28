"""How far an agent's confidence can be taken at its word."""

import numpy as np

from scorekeeper.analysis.document import CalibrationBin
from scorekeeper.analysis.input_columns import Floats
from scorekeeper.metrics.formulas import wilson


def calibration_curve(confidence: Floats, right: Floats) -> tuple[CalibrationBin, ...]:
    """Ten bins of confidence, [0, 10) … [80, 90), [90, 100], over calls: `confidence` 0..100, `right` 0 or 1."""
    bins = []
    for low in range(0, 100, 10):
        inside = (confidence >= low) & ((confidence < low + 10) | (low == 90))
        n, hits = int(inside.sum()), int(right[inside].sum())
        interval = wilson(hits, n)
        bins.append(
            CalibrationBin(
                low,
                low + 10,
                n,
                float(np.mean(confidence[inside])) if n else None,
                100 * hits / n if n else None,
                None if interval is None else (interval[0], interval[1]),
            )
        )
    return tuple(bins)

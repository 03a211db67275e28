"""Calibration: how often an agent is right at each level of stated confidence."""

import numpy as np

from scorekeeper.analysis.document import CalibrationBin
from scorekeeper.analysis.input_columns import Floats
from scorekeeper.metrics.formulas import wilson


def calibration_curve(confidence: Floats, right: Floats) -> tuple[CalibrationBin, ...]:
    """The calls in ten bins of confidence: [0, 10), …, [80, 90), [90, 100].

    `confidence` (0..100) and `right` (0 or 1) have one entry per call.

    >>> last = calibration_curve(np.array([95.0, 100.0]), np.array([1.0, 0.0]))[-1]
    >>> last.n, last.confidence, last.accuracy
    (2, 97.5, 50.0)
    """
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

"""Recalibration maps, against scikit-learn's logistic regression and scipy's optimizer."""

import numpy as np
import pytest
from cases import TIGHT
from scipy import optimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from scorekeeper.learning.constants import DAY
from scorekeeper.learning.recalibration import BINS, MAP_ROW, StatedCalls, Tally, add_days, calibrated, fit

CASES = range(12)


def said(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidences in whole percent, whether right, and weights."""
    chance = np.random.default_rng(seed)
    n = int(chance.integers(30, 3000))
    confidence = chance.integers(0, 101, n).astype(float)
    right = chance.random(n) < expit(chance.normal(0, 0.3) + chance.normal(0.3, 0.4) * logit(confidence / 102 + 0.01))
    return confidence, right, chance.random(n)


def tally(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> Tally:
    found = Tally(0.0, np.zeros(BINS), np.zeros(BINS))
    for percent, was, weight in zip(confidence, right, weights, strict=True):
        (found.right if was else found.wrong)[int(min(98, max(2, percent))) - 2] += weight
    return found


@pytest.mark.parametrize("seed", CASES)
def test_a_map_is_scikit_learns_regression_on_scaled_columns(seed: int) -> None:
    confidence, right, weights = said(seed)
    x = logit(np.clip(confidence / 100, 0.02, 0.98))
    scaled = np.column_stack([0.2 * np.ones(len(x)), 0.3 * x])  # a prior of N(0, sd²) is one of N(0, 1) on these
    theirs = LogisticRegression(C=1.0, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=500)
    a, b = theirs.fit(scaled, right, weights).coef_[0] * (0.2, 0.3)
    assert fit(tally(confidence, right, weights)) == pytest.approx((a, b), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("seed", CASES)
def test_a_map_is_the_minimum_that_scipy_finds(seed: int) -> None:
    confidence, right, weights = said(seed)
    x, sign = logit(np.clip(confidence / 100, 0.02, 0.98)), np.where(right, 1.0, -1.0)

    def cost(place: np.ndarray) -> float:
        losses = weights * np.logaddexp(0, -sign * (place[0] + place[1] * x))
        return float(losses.sum() + (place[0] / 0.2) ** 2 / 2 + (place[1] / 0.3) ** 2 / 2)

    found = optimize.minimize(cost, np.zeros(2), method="BFGS", options={"gtol": 1e-9}).x
    assert fit(tally(confidence, right, weights)) == pytest.approx(found, rel=1e-5, abs=1e-6)


def test_scores_are_scikit_learns_brier_scores() -> None:
    chance = np.random.default_rng(5)
    n = 2_000
    opened = np.arange(n, dtype=np.int64) * DAY // 8
    expires = opened + DAY // 24
    confidence = chance.integers(50, 100, n).astype(float)
    right = chance.random(n) < 0.3 + 0.3 * confidence / 100
    calls = StatedCalls(opened, expires, confidence, right, np.ones(n), np.arange(1.0, n + 1))
    rows, _ = add_days(np.empty(0, MAP_ROW), Tally.empty(), calls, (expires, calls.independent))
    known = np.searchsorted(rows["as_of"], opened, side="right") - 1
    scored = (known >= 0) & ~np.isnan(rows["a"][known])
    before, last = rows[known[scored]], rows[-1]
    assert last["scored"] == scored.sum() > 1_900
    for name, chances in (
        ("sum_raw", confidence[scored] / 100),
        ("sum_rate", before["rate"]),
        ("sum_map", calibrated(before["a"], before["b"], confidence[scored])),
    ):
        assert last[name] / last["scored"] == pytest.approx(brier_score_loss(right[scored], chances), rel=TIGHT)
    assert last["gain_low"] > 0  # it is overconfident

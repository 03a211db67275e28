"""The logistic regression of the meta-model, against scikit-learn's."""

import numpy as np
import pytest
from cases import TIGHT
from sklearn.linear_model import LogisticRegression

from scorekeeper.learning.logistic import fit_map


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_coefficients_are_scikit_learn(seed: int, strength: float) -> None:
    chance = np.random.default_rng(seed)
    n, k = int(chance.integers(20, 2000)), int(chance.integers(1, 15))
    x = chance.normal(size=(n, k))
    y = (chance.random(n) < 1 / (1 + np.exp(-(0.3 + x @ chance.normal(size=k) / 3)))).astype(float)
    y[:2] = 0, 1  # both kinds
    weights = chance.random(n)
    theirs = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-12, max_iter=500).fit(x, y, weights)
    ours = fit_map(np.column_stack([np.ones(n), x]), y, weights, [0.0, *[1 / strength] * k])
    assert ours == pytest.approx([*theirs.intercept_, *theirs.coef_[0]], rel=TIGHT, abs=1e-10)

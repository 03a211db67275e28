"""The logistic regression of the meta-model, against scikit-learn's."""

import numpy as np
import pytest
from cases import TIGHT
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scorekeeper.learning.logistic import fit_map
from scorekeeper.learning.meta_model import fit, predict


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


@pytest.mark.parametrize("seed", range(5))
def test_a_fit_of_the_meta_model_is_scikit_learns_pipeline(seed: int) -> None:
    chance = np.random.default_rng(seed)
    n = int(chance.integers(400, 2000))
    names = ["score", "agreeing", "hour_size", "hour_sine"]
    x = chance.normal(size=(n, 4)) * [1, 0.2, 3, 1] + [0, 0.5, -8, 0]
    x[chance.random(n) < 0.1, 2] = np.nan
    own = chance.random(n) + 0.2
    net = 0.4 * x[:, 0] + chance.standard_t(4, n) - 0.1
    ours = fit(x, names, net, own)
    assert ours is not None
    theirs = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(
        C=0.01, solver="newton-cholesky", tol=1e-12, max_iter=500
    ))  # fmt: skip
    for line, columns in ((ours.line, [0, 1, 2, 3]), (ours.market, [2, 3])):
        weights = {"standardscaler__sample_weight": own, "logisticregression__sample_weight": own}
        said = theirs.fit(x[:, columns], net > 0, **weights).predict_proba(x[:, columns])[:, 1]
        assert predict(line, x, names) == pytest.approx(said, rel=TIGHT, abs=1e-10)

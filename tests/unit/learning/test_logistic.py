"""The most probable coefficients are those at which nothing is left to win."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit

from scorekeeper.learning.logistic import fit_map


def rows_of(seed: int, n: int, k: int, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), scale * chance.normal(size=(n, k - 1))])
    y = (chance.random(n) < expit(x @ chance.normal(size=k) / scale)).astype(float)
    return x, y, chance.random(n)


@given(st.integers(0, 10**6), st.integers(0, 200), st.integers(1, 8), st.sampled_from([0.01, 1.0, 50.0]))
def test_the_gradient_vanishes_at_the_coefficients(seed: int, n: int, k: int, scale: float) -> None:
    x, y, weights = rows_of(seed, n, k, scale)
    precision = np.full(k, 2.0)
    b = fit_map(x, y, weights, precision)
    left = x.T @ (weights * (expit(x @ b) - y)) + precision * b
    assert np.abs(left).max() <= 1e-12 * max(1.0, (np.abs(x).T @ weights).max())


@given(st.integers(0, 10**6))
def test_a_weight_of_two_is_the_row_twice_and_the_order_means_nothing(seed: int) -> None:
    x, y, _ = rows_of(seed, 30, 3, 1.0)
    once = fit_map(x, y, np.full(30, 2.0), np.ones(3))
    twice = fit_map(np.vstack([x, x])[::-1], np.hstack([y, y])[::-1], np.ones(60), np.ones(3))
    assert once == pytest.approx(twice, rel=1e-9, abs=1e-12)


def test_a_general_minimiser_finds_the_same() -> None:
    x, y, weights = rows_of(7, 400, 4, 1.0)
    precision = np.array([0.0, 1.0, 10.0, 100.0])

    def objective(b: np.ndarray) -> float:
        z = x @ b
        return float(weights @ (np.logaddexp(0, z) - y * z) + precision @ b**2 / 2)

    theirs = minimize(objective, np.zeros(4), method="BFGS", options={"gtol": 1e-9})
    assert fit_map(x, y, weights, precision) == pytest.approx(theirs.x, abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y"), [([[1.0], [1.0]], [1, 1]), ([[1.0, 1.0], [1.0, 1.0]], [1, 0]), ([[1.0], [-1.0]], [1, 0])]
)
def test_rows_that_decide_nothing_are_refused_under_a_flat_prior(x: list[list[float]], y: list[int]) -> None:
    with pytest.raises(ValueError, match="do not decide"):
        fit_map(x, y, [1, 1], [0.0] * len(x[0]))
    assert np.isfinite(fit_map(x, y, [1, 1], [1e-3] * len(x[0]))).all()


@pytest.mark.parametrize(
    ("x", "y", "weights", "precision"),
    [([[1.0]], [0.5], [1], [1]), ([[1.0]], [1], [-1], [1]), ([[1.0]], [1], [1], [-1]), ([[np.nan]], [1], [1], [1]),
     ([[1.0]], [1, 0], [1], [1]), ([1.0], [1], [1], [1])],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(x: object, y: object, weights: object, precision: object) -> None:
    with pytest.raises(ValueError, match=r"is|are"):
        fit_map(x, y, weights, precision)  # type: ignore[arg-type]

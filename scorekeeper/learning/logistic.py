"""Logistic regression: the most probable coefficients, by Newton's method."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

_GRADIENT = 1e-12
_ROUNDING = 1e-10  # below this, a gradient that no longer shrinks is rounding
_CLOSE = 1e-8  # of the sum: what is left to win when Newton's steps need no check any more
_FLAT = 1e-9  # a curvature below this share of the rows' size: the minimum lies at infinity
# Numbers that are looked at together. They fit into a cache, and a BLAS leaves so few to one thread: threads that wait
# for each other cost more than they gain here, and their number would show in the last bits.
_BLOCK = 8_192
_MOST_STEPS = 100
_MOST_HALVINGS = 40


def fit_map(x: ArrayLike, y: ArrayLike, weights: ArrayLike, precision: ArrayLike) -> Floats:
    """The coefficients that are most probable after y ~ Bernoulli(expit(x @ b)), b_j ~ N(0, 1/precision_j).

    `x`: (n, k). `y`: (n,), 0 or 1. `weights`: (n,), >= 0, how often each row counts. `precision`: (k,), >= 0; a
    coefficient with precision 0 has a flat prior. Returns (k,). There is no intercept: give a column of ones.

    b minimises sum(weights·(log(1 + exp(x @ b)) - y·(x @ b))) + sum(precision·b²)/2. With precision 1/C in each place
    this is scikit-learn's LogisticRegression(C=C, fit_intercept=False): Bishop (2006), Pattern Recognition and Machine
    Learning, 4.3.3. Newton's method starts at 0 and halves a step that does not lower the sum, so that the same rows
    give the same coefficients. It ends when no part of the gradient exceeds 1e-12 of the size of what it adds up.

    Raises ValueError for arrays that do not fit together, values that are not finite, negative weights or precisions,
    and rows whose minimum is not unique or lies at infinity (a flat prior, and rows that do not decide).

    >>> fit_map([[1.0], [1.0], [1.0], [1.0]], [1, 1, 1, 0], [1, 1, 1, 1], [0.0]).round(6)  # log(3)
    array([1.098612])
    >>> fit_map([[1.0], [-1.0]], [1, 0], [1, 1], [1.0]).round(6)
    array([0.674832])
    """
    rows, said, counts, prior = (np.asarray(given, dtype=np.float64) for given in (x, y, weights, precision))
    _check(rows, said, counts, prior)
    b = np.zeros(rows.shape[1])
    size, squares = _sizes(rows, counts)
    at, smallest = _look(rows, said, counts, prior, b), np.inf
    for _ in range(_MOST_STEPS):
        try:
            step = np.linalg.solve(at.curvature, at.gradient)
        except np.linalg.LinAlgError:
            break
        left = float(np.max(np.abs(at.gradient) / np.maximum(1.0, size + prior * np.abs(b)), initial=0.0))
        if left <= _GRADIENT or (left >= smallest and left <= _ROUNDING):
            if (np.diag(at.curvature)[prior == 0] <= _FLAT * squares[prior == 0]).any():
                break
            return b - step
        tried = _look(rows, said, counts, prior, b - step)
        if float(at.gradient @ step) > _CLOSE * max(1.0, abs(at.value)):
            for _ in range(_MOST_HALVINGS):
                if tried.value < at.value:
                    break
                step /= 2
                tried = _look(rows, said, counts, prior, b - step)
        else:  # Newton's steps converge by themselves here, and the sum is too coarse to show it
            smallest = min(smallest, left)
        b, at = b - step, tried
    raise ValueError("the rows and the prior do not decide the coefficients")


@dataclass(frozen=True)
class _Place:
    """The sum to be minimised at some coefficients, its gradient (k,) and curvature (k, k)."""

    value: float
    gradient: Floats
    curvature: Floats


def _look(rows: Floats, said: Floats, counts: Floats, prior: Floats, b: Floats) -> _Place:
    value, gradient, curvature = float(prior @ (b * b)) / 2, prior * b, np.diag(prior)
    for part in _parts(rows):
        x, y, many = rows[part], said[part], counts[part]
        logits = x @ b
        probability = expit(logits)
        # log(1 + exp(z)) - y·z without overflow.
        value += float(many @ (np.logaddexp(0.0, logits) - y * logits))
        gradient = gradient + x.T @ (many * (probability - y))
        curvature = curvature + (x * (many * probability * (1 - probability))[:, None]).T @ x
    return _Place(value, gradient, curvature)


def _parts(rows: Floats) -> Iterator[slice]:
    step = max(1, _BLOCK // max(1, rows.shape[1]))
    return (slice(start, start + step) for start in range(0, len(rows), step))


def _sizes(rows: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """What the gradient and the curvature of each coefficient add up, in size."""
    size, squares = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for part in _parts(rows):
        x, many = np.abs(rows[part]), counts[part]
        size, squares = size + many @ x, squares + many @ (x * x)
    return size, squares


def _check(rows: Floats, said: Floats, counts: Floats, prior: Floats) -> None:
    if rows.ndim != 2 or said.shape != rows.shape[:1] or counts.shape != said.shape or prior.shape != rows.shape[1:]:
        raise ValueError("x is (n, k), y and weights are (n,), precision is (k,)")
    if not all(np.isfinite(given).all() for given in (rows, said, counts, prior)):
        raise ValueError("a value is not finite")
    if not np.isin(said, (0.0, 1.0)).all() or (counts < 0).any() or (prior < 0).any():
        raise ValueError("y is 0 or 1; weights and precisions are not negative")

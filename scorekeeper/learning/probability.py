"""How sure the learned score is: P(up) = 1 / (1 + exp(-beta * score)), beta refitted each UTC day.

The fit needs no outcome again. A sum of f(score^2) over outcomes, f smooth, is the same sum over 128 nodes, with
weights that follow from 128 sums over the outcomes. For |beta| up to 30 that is exact to 1e-11.
"""

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NODES = 128
_MOST_STEPS = 100
_NODES = chebyshev.chebpts1(NODES)  # of 2 * score^2 - 1, in -1 to 1
_SCORES = np.sqrt((_NODES + 1.0) / 2.0)
# The weights of the nodes, from the moments.
_TO_WEIGHTS = chebyshev.chebvander(_NODES, NODES - 1) * (np.where(np.arange(NODES) == 0, 1.0, 2.0) / NODES)


def day_sums(score: Floats, uniqueness: Floats, returns: Floats, starts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """What the fit needs of each day: sum of uniqueness * score * (1/2 or -1/2) by the return's sign, and the moments.

    One entry per outcome; the outcomes of a day begin at each place of `starts`. Shapes: (days,), (days, NODES).
    """
    signed = np.add.reduceat(uniqueness * score * np.where(returns > 0, 0.5, -0.5), starts)
    moments = np.empty((len(starts), NODES))
    place = 2.0 * score * score - 1.0
    before, now = np.ones(len(score)), place
    for k in range(NODES):
        moments[:, k] = np.add.reduceat(uniqueness * before, starts)
        before, now = now, 2.0 * place * now - before
    return signed, moments


def fit_beta(signed: float, moments: Floats) -> float:
    """Beta, the most probable under a normal prior with mean 0 and deviation 1.

    It is the root of sum(u * q * (y - P(up))) - beta, y 1 for a move upwards, else 0. `signed` and `moments`: the sums
    of day_sums over all outcomes. Newton's steps from 0 never pass the root, since tanh is concave.

    >>> score, own = np.array([0.4, 0.4, -0.2, 0.3]), np.ones(4)
    >>> signed, moments = day_sums(score, own, np.array([1.0, 2.0, -1.0, -3.0]), np.array([0]))
    >>> beta = fit_beta(float(signed[0]), moments[0])
    >>> residual = sum(q * (y - 1 / (1 + np.exp(-beta * q))) for q, y in zip(score, [1, 1, 0, 0])) - beta
    >>> round(beta, 6), bool(abs(residual) < 1e-14)
    (0.314642, True)
    """
    weights = np.sum(_TO_WEIGHTS * moments, axis=1)
    beta = 0.0
    for _ in range(_MOST_STEPS):
        tanh = np.tanh(0.5 * beta * _SCORES)
        gradient = signed - 0.5 * float(np.sum(weights * _SCORES * tanh)) - beta
        curvature = 1.0 + 0.25 * float(np.sum(weights * _SCORES**2 * (1.0 - tanh * tanh)))
        step = gradient / curvature
        beta += step
        if abs(step) <= 1e-14 * (1.0 + abs(beta)):
            break
    return beta


def p_up(beta: Floats, score: Floats) -> Floats:
    """The probability of a move upwards, from 0 to 1.

    >>> p_up(np.array([0.0, 2.0]), np.array([0.5, 0.5])).round(4).tolist()
    [0.5, 0.7311]
    """
    return 1.0 / (1.0 + np.exp(-beta * score))

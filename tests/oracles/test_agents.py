"""Figures of agents, against statsmodels and scikit-learn, and by hand."""

import numpy as np
import pytest
from cases import EVERY_AGENT, TIGHT, Calls
from sklearn.metrics import brier_score_loss
from statsmodels.stats.proportion import proportion_confint

each_agent = pytest.mark.parametrize("calls", EVERY_AGENT.values(), ids=EVERY_AGENT.keys())


@each_agent
def test_accuracy_and_its_interval_are_statsmodels(calls: Calls) -> None:
    ours = calls.figures
    moves = np.array([d * h for d, _, h in calls.said])
    right, n = int((moves > 0).sum()), int((moves != 0).sum())
    assert (ours["correct"], ours["incorrect"]) == (right, n - right)
    if not n:
        assert (ours["accuracy"], ours["accuracy_ci95"]) == (None, None)
        return
    theirs = proportion_confint(right, n, alpha=0.05, method="wilson")
    assert ours["accuracy"] == pytest.approx(100 * right / n, rel=TIGHT)
    assert ours["accuracy_ci95"] == pytest.approx([100 * bound for bound in theirs], rel=TIGHT, abs=1e-12)


@each_agent
def test_brier_score_is_scikit_learn(calls: Calls) -> None:
    probability, came = calls.judged
    ours = calls.figures["brier"]
    if not len(came):
        assert ours is None
        with pytest.raises(ValueError, match="0 sample"):
            brier_score_loss(came, probability)
    else:
        theirs = brier_score_loss(came, probability, pos_label=1, labels=[0, 1])
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


@each_agent
def test_brier_skill_is_over_always_naming_the_share_that_was_right(calls: Calls) -> None:
    probability, came = calls.judged
    ours = calls.figures["brier_skill"]
    if not len(came) or came.min() == came.max():
        assert ours is None
    else:
        always = brier_score_loss(came, np.full(len(came), came.mean()), pos_label=1, labels=[0, 1])
        theirs = 1 - brier_score_loss(came, probability, pos_label=1, labels=[0, 1]) / always
        assert ours == pytest.approx(theirs, rel=TIGHT, abs=1e-12)


@each_agent
def test_calibration_error_is_that_of_ten_bins_closed_below(calls: Calls) -> None:
    probability, came = calls.judged
    ours = calls.figures["ece"]
    if not len(came):
        assert ours is None
        return
    sure = [c for d, c, h in calls.said if d and c is not None and h]
    bins = np.minimum(np.digitize(sure, np.arange(10, 100, 10)), 9)
    gaps = [abs(probability[bins == b].mean() - came[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    assert ours == pytest.approx(sum(gaps), rel=TIGHT, abs=1e-12)

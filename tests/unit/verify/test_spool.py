"""Outcomes that wait on the disk are read again as they were."""

import numpy as np
import pytest

from scorekeeper.verify import spool
from scorekeeper.verify.rejudge import fit_beta
from scorekeeper.verify.relearn import Outcome
from scorekeeper.verify.spool import Spool


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_outcomes_in_parts_are_those_that_came(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_AT_ONCE", at_once)
    monkeypatch.setattr(spool, "_IN_MEMORY", 100)
    kept, dice = Spool(), np.random.default_rng(1)
    rows = [
        Outcome(f"t{n}", n, 0, float(dice.normal()), float(dice.normal()), 0.0, float(dice.random()), 0.0)
        for n in range(50)
    ]
    for one in rows:
        kept.add(one, one.expires // 20)
    assert kept.count_days() == {0: 20, 1: 40, 2: 50}
    for count in (0, 1, 20, 50):
        found = [tuple(map(float, row)) for part in kept.read(count) for row in zip(*part, strict=True)]
        assert found == [(one.score, one.uniqueness, float(one.return_pct > 0)) for one in rows[:count]]
    whole = [np.array([(one.score, one.uniqueness, float(one.return_pct > 0)) for one in rows]).T]
    assert fit_beta(lambda: kept.read(50)) == pytest.approx(fit_beta(lambda: [tuple(whole[0])]), rel=1e-12)

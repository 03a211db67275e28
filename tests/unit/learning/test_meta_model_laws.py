"""The meta-model: what it sees, when it is fitted, and what it takes to say that it informs."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.analysis.intervals import count_independent, robust_mean
from scorekeeper.learning.constants import DAY
from scorekeeper.learning.meta_document import Fit, read_fit, write_fit
from scorekeeper.learning.meta_features import measure_moves
from scorekeeper.learning.meta_model import fit, predict
from scorekeeper.learning.meta_verdict import Predicted, judge
from scorekeeper.learning.meta_walk import fit_walk, predict_walk, released_at
from scorekeeper.learning.running_means import count_running, running_means

MINUTE = 60_000_000
HOUR = 60 * MINUTE


@given(st.integers(0, 10**6), st.integers(0, 150))
def test_running_means_are_the_robust_means_of_each_moment(seed: int, n: int) -> None:
    chance = np.random.default_rng(seed)
    opened = np.sort(chance.choice(4_000, n, replace=False)).astype(np.int64)
    expires = opened + 30  # of one length: the order of ends is that of openings
    values, known = chance.normal(size=n), np.array([0, n // 3, n])
    found = running_means(values, opened, expires, known)
    for place, count in enumerate(known.tolist()):
        one = robust_mean(values[:count], opened[:count], expires[:count])
        assert found.independent[place] == one.independent
        for ours, theirs in ((found.mean, one.mean), (found.low, one.ci95 and one.ci95[0])):
            assert np.isnan(ours[place]) if theirs is None else ours[place] == pytest.approx(theirs, abs=1e-12)


@given(st.integers(0, 10**6), st.integers(0, 300), st.integers(1, 2_000))
def test_the_running_count_is_that_of_independent_spans(seed: int, n: int, longest: int) -> None:
    chance = np.random.default_rng(seed)
    opened = chance.integers(0, 5_000, n)
    expires = opened + chance.integers(1, longest + 1, n)
    order = np.argsort(expires, kind="stable")
    found = count_running(opened[order], expires[order])
    for count in {0, n // 2, n}:
        part = order[:count]
        assert found[count] == count_independent(opened[part], expires[part])


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_moves_are_those_of_the_candles_that_had_ended(seed: int, step: int) -> None:
    chance = np.random.default_rng(seed)
    minutes = np.flatnonzero(chance.random(3_000) < 0.9).astype(np.int64) * MINUTE
    closes = np.exp(0.001 * chance.normal(size=len(minutes)).cumsum())
    opened = chance.integers(0, 3_200 * MINUTE, 4)
    known_from = int(chance.integers(0, 400)) * MINUTE
    found = measure_moves(minutes, closes, opened, candle=MINUTE, known_from=known_from)
    later = measure_moves(minutes, closes * 2, opened, candle=MINUTE, known_from=known_from)
    for place, at in enumerate(opened.tolist()):
        candles = zip(minutes.tolist(), closes, strict=True)
        ended = [(begin + MINUTE, close) for begin, close in candles if known_from <= begin <= at - MINUTE]
        steps = [
            (end, abs(np.log(close / last))) for (begin, last), (end, close) in pairwise(ended) if end - begin == MINUTE
        ]
        for span, ours in ((HOUR, found[0]), (24 * HOUR, found[1])):
            inside = [size for end, size in steps if end > at - span]
            wanted = np.mean(inside) if 2 * len(inside) * MINUTE >= span else np.nan
            assert ours[place] == pytest.approx(wanted, abs=1e-11, nan_ok=True)
        before = [close for end, close in ended if at - 2 * HOUR < end <= at - HOUR]
        moved = np.log(ended[-1][1] / before[-1]) if before and not np.isnan(found[0][place]) else np.nan
        assert found[2][place] == pytest.approx(moved, abs=1e-12, nan_ok=True)
    # Neither the unit of prices nor candles that have not ended matter.
    some = opened < (step * 60) * MINUTE
    cut = minutes < (step * 60) * MINUTE
    early = measure_moves(minutes[cut], closes[cut], opened[some], candle=MINUTE, known_from=known_from)
    for one, twice, first in zip(found, later, early, strict=True):
        assert one == pytest.approx(twice, abs=1e-11, nan_ok=True)
        assert np.array_equal(one[some], first, equal_nan=True)


def trades(seed: int, n: int, skill: float) -> tuple[np.ndarray, ...]:
    """Features of which the first foretells, their openings and ends, uniqueness and what each brought."""
    chance = np.random.default_rng(seed)
    opened = np.arange(n, dtype=np.int64) * HOUR
    features = np.column_stack([chance.normal(size=(n, 3)), chance.random(n) < 0.3])
    features[chance.random(n) < 0.1, 2] = np.nan
    net = skill * features[:, 0] + chance.standard_t(4, n) - 0.2
    return features, opened, opened + HOUR, np.ones(n), net


NAMES = ["score", "hour_return", "hour_size", "symbol:A"]


def test_a_fit_rests_on_nothing_that_ended_less_than_a_hold_before() -> None:
    features, opened, expires, own, net = trades(1, 1_200, 0.5)
    released = released_at(opened, expires)
    midnights = np.arange(1, 50) * DAY
    walked = list(fit_walk(features, NAMES, net, own, released, midnights, 0.0))
    first = walked[0][0]
    assert first == 5 * DAY  # 102 hours: the first midnight with 100 independent trades
    assert all(later[1] >= 1.05 * earlier[1] for earlier, later in pairwise(walked))
    for at, known, model in walked[::7]:
        # What is not released by then may be anything.
        hidden = released > at
        changed = np.where(hidden, -net, net)
        again = {when: one for when, _, one in fit_walk(features, NAMES, changed, own, released, midnights, 0.0)}
        assert known == model.trades == (~hidden).sum()
        assert np.array_equal(again[at].line.coefficients, model.line.coefficients)
        assert ("symbol:A" in model.line.names) == (features[~hidden, 3].sum() >= 200)
    # Going on from the last fit gives the same ones.
    half = walked[len(walked) // 2]
    rest = list(fit_walk(features, NAMES, net, own, released, midnights[midnights > half[0]], half[1]))
    assert [one[0] for one in rest] == [one[0] for one in walked if one[0] > half[0]]


def test_what_is_foretold_depends_on_the_trade_and_its_midnight_alone() -> None:
    features, opened, expires, own, net = trades(2, 1_200, 0.5)
    walked = fit_walk(features, NAMES, net, own, released_at(opened, expires), np.arange(1, 50) * DAY, 0.0)
    models = [(at, model) for at, _, model in walked]
    whole = predict_walk(models, features, NAMES, opened)
    assert np.isnan(whole.p[opened < models[0][0]]).all()
    assert not np.isnan(whole.p[opened >= models[0][0]]).any()
    chosen = np.random.default_rng(2).choice(1_200, 100, replace=False)
    part = predict_walk(models, features[chosen], NAMES, opened[chosen])
    assert np.array_equal(part.p, whole.p[chosen], equal_nan=True)
    assert np.array_equal(part.market, whole.market[chosen], equal_nan=True)
    # A fit that was written and read says the same, to the bit; also when there are other columns.
    at, model = models[-1]
    again = read_fit(write_fit(Fit(at, 700.0, model)))
    other = features[:, [3, 2, 1, 0, 0]]
    assert (again.at, again.independent) == (at, 700.0)
    for line, kept in ((model.line, again.model.line), (model.market, again.model.market)):
        said = predict(kept, other, ["symbol:A", "hour_size", "hour_return", "score", "agent:new"])
        assert np.array_equal(said, predict(line, features, NAMES))


@pytest.mark.parametrize(("skill", "informs"), [(0.0, False), (1.0, True)])
def test_a_planted_feature_informs_and_noise_does_not(skill: float, informs: bool) -> None:
    features, opened, expires, own, net = trades(3, 3_000, skill)
    midnights = np.arange(1, 127) * DAY
    walked = fit_walk(features, NAMES, net, own, released_at(opened, expires), midnights, 0.0)
    said = predict_walk([(at, model) for at, _, model in walked], features, NAMES, opened)
    told = np.flatnonzero(~np.isnan(said.p))
    predicted = Predicted(
        opened[told], expires[told], said.p[told], said.market[told], said.base[told], said.kept[told], own[told],
        net[told],
    )  # fmt: skip
    judged = judge(predicted, midnights, 4 * HOUR)
    last = len(midnights) - 1
    assert judged.informs(last) is informs
    assert judged.worth_it(last) is (True if informs else None)
    assert judged.informs(5) is None  # too few
    assert judged.gain.n[last] == len(told)
    assert (judged.e_value[last] >= 20) == informs
    assert (judged.brier_skill[last] > 0.05) == informs


def test_no_fit_below_100_independent_trades_or_where_all_pay() -> None:
    features, _, _, own, net = trades(4, 99, 0.5)
    assert fit(features, NAMES, net, own) is None
    more, _, _, every, _ = trades(4, 300, 0.5)
    assert fit(more, NAMES, np.full(300, 0.1), every) is None
    assert fit(more, NAMES, np.full(300, -0.1), every) is None
    assert fit(more, NAMES, np.full(300, 0.1), every / 10) is None

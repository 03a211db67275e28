"""What the report draws, compared with plain loops."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.charts.series import (
    heat_by_hour,
    histogram,
    rolling_rate,
    running_path,
    shared_edges,
    spread_out,
    thin,
    wilson_band,
    window_for,
)
from scorekeeper.metrics.formulas import wilson

gains = st.lists(st.floats(-300, 300), min_size=1, max_size=60)
lines = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400)


@given(gains, st.lists(st.integers(0, 3), min_size=60, max_size=60))
def test_the_path_takes_one_step_per_exit_time(pnl: list[float], waits: list[int]) -> None:
    closed = np.cumsum(waits[: len(pnl)]).astype(float) + 60
    path = running_path(closed - 60, closed, np.array(pnl))
    level = peak = 0.0
    seen = {}
    for i, gain in enumerate(pnl):
        level += gain
        if i + 1 == len(pnl) or closed[i + 1] > closed[i]:
            peak = max(peak, level)
            seen[closed[i]] = (level, level - peak)
    assert path.at[1:].tolist() == list(seen)
    assert (path.level[0], path.under[0]) == (0, 0)
    assert path.level[1:] == pytest.approx([level for level, _ in seen.values()], abs=1e-9)
    assert path.under[1:] == pytest.approx([under for _, under in seen.values()], abs=1e-9)


def test_over_no_trades_there_is_no_path() -> None:
    with pytest.raises(ValueError, match="no trades"):
        running_path(np.array([]), np.array([]), np.array([]))


@given(lines, st.integers(8, 60))
def test_a_thinned_line_keeps_its_ends_and_extremes(values: list[float], most: int) -> None:
    x = np.array(values)
    kept = thin(x, most)
    assert len(kept) <= most
    assert sorted(set(kept.tolist())) == kept.tolist()
    assert (kept[0], kept[-1]) == (0, len(x) - 1)
    assert (x[kept].min(), x[kept].max()) == (x.min(), x.max())


@given(st.integers(1, 500), st.integers(2, 50))
def test_points_are_spread_from_the_first_to_the_last(n: int, most: int) -> None:
    kept = spread_out(n, most)
    assert len(kept) == min(n, most)
    assert (kept[0], kept[-1]) == (0, n - 1)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 60))
def test_a_rolling_rate_is_that_of_each_window(hits: list[bool], window: int) -> None:
    window = min(window, len(hits))
    band = rolling_rate(np.array(hits), window)
    for i in range(len(hits) - window + 1):
        count = sum(hits[i : i + window])
        assert band.rate[i] == pytest.approx(100 * count / window)
        assert [band.low[i], band.high[i]] == pytest.approx(wilson(count, window))


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_band_is_wilsons(case: tuple[int, int]) -> None:
    band = wilson_band(np.array([float(case[0])]), np.array([float(case[1])]))
    assert [band.low[0], band.high[0]] == pytest.approx(wilson(*case))


def test_the_window_is_a_tenth_within_bounds_and_undefined_below_twenty() -> None:
    assert [window_for(n) for n in (0, 19, 20, 199, 500, 10**6)] == [None, None, 20, 20, 50, 100]


@given(gains)
def test_every_trade_is_in_one_bar_and_no_bar_holds_winners_and_losers(pnl: list[float]) -> None:
    x = np.array(pnl)
    bars = histogram(x, shared_edges(x))
    assert bars.counts.sum() == len(x)
    assert len(bars.counts) <= 63
    assert (np.diff(bars.edges) > 0).all()
    if np.ptp(np.percentile(x, [0.5, 99.5])) > 0:
        assert not ((bars.edges[:-1] < 0) & (bars.edges[1:] > 0)).any()


@given(st.lists(st.tuples(st.integers(0, 2_000_000_000), st.integers(-100, 100)), max_size=40))
def test_heat_is_by_the_clock_of_utc(trades: list[tuple[int, int]]) -> None:
    opened, pnl = np.array([float(t) for t, _ in trades]), np.array([float(p) for _, p in trades])
    heat = heat_by_hour(opened, pnl)
    assert heat.n.sum() == len(trades)
    for moment, _ in trades:
        at = datetime.fromtimestamp(moment, UTC)
        same = [
            p for t, p in trades
            if (other := datetime.fromtimestamp(t, UTC)).hour == at.hour and other.weekday() == at.weekday()
        ]  # fmt: skip
        assert heat.n[at.weekday(), at.hour] == len(same)
        assert heat.mean[at.weekday(), at.hour] == pytest.approx(sum(same) / len(same))
    assert np.isnan(heat.mean[heat.n == 0]).all()

"""Laws of the composed figures, whatever the numbers."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.metrics import names
from scorekeeper.metrics.daily_series import NO_DAYS, compose_daily, power_sums, probabilistic_sharpe
from scorekeeper.metrics.day_sums import DaySums, PeriodSums, extend
from scorekeeper.metrics.formulas import compose_agent, compose_system, wilson
from scorekeeper.verify.recount import differ
from scorekeeper.verify.recount_agents import JudgedSignal, count_agent_day
from tests.plain_counts import ClosedTrade, count_agent, count_day, count_system, in_order


def pieces(day: date, gains: list[float]) -> DaySums:
    """A day's pieces by plain loops: one step per trade, a minute apart."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    exact = [Decimal(g) for g in gains]
    levels = [sum(exact[: i + 1], Decimal(0)) for i in range(len(exact))]
    fall = max(max([Decimal(0), *levels[:i]], default=Decimal(0)) - level for i, level in enumerate(levels))
    high = max(levels)
    last_high = max(i for i, level in enumerate(levels) if level == high)
    runs: dict[str, int] = {}
    for name, hit in (("wins", [g > 0 for g in gains]), ("losses", [g < 0 for g in gains])):
        words = "".join("x" if h else "." for h in hit).split(".")
        runs |= {f"leading_{name}": len(words[0]), f"trailing_{name}": len(words[-1])}
        runs |= {f"longest_{name}": max(map(len, words))}
    won, lost = [g for g in exact if g > 0], [g for g in exact if g < 0]
    zero = Decimal(0)
    with localcontext(prec=400):
        squares = sum((g * g for g in exact), zero)
    return DaySums(
        day, len(gains), len(won), len(lost), sum(exact, zero), squares, sum(won, zero),
        sum(lost, zero), zero, zero, zero, zero, zero, zero, high, start + timedelta(minutes=last_high), min(levels),
        max(zero, fall), start, **runs,
    )  # fmt: skip


def daily_figures(series: list[Decimal], max_drawdown: float | None) -> dict[str, Any]:
    return compose_daily(len(series), power_sums(series), series, max_drawdown)


def days_of(history: list[list[float]]) -> list[DaySums]:
    return [pieces(date(2025, 1, 1) + timedelta(days=i), gains) for i, gains in enumerate(history) if gains]


gains = st.integers(-50_000, 50_000).map(lambda g: g / 1024)  # doubles whose sums are exact
histories = st.lists(st.lists(gains, max_size=6), max_size=6)


@given(histories)
def test_pieces_of_days_compose_to_the_figures_of_the_whole(history: list[list[float]]) -> None:
    answer = compose_system(days_of(history))
    flat = [g for day in history for g in day]
    level = peak = deepest = Decimal(0)
    win = loss = best_win = best_loss = 0
    for gain in flat:
        level += Decimal(gain)
        peak = max(peak, level)
        deepest = max(deepest, peak - level)
        win, loss = (win + 1 if gain > 0 else 0), (loss + 1 if gain < 0 else 0)
        best_win, best_loss = max(best_win, win), max(best_loss, loss)
    assert (answer["max_win_streak"], answer["max_loss_streak"]) == (best_win, best_loss)
    if flat:
        assert answer["max_drawdown_pct"] == float(deepest)
        assert answer["current_drawdown_pct"] == float(peak - level)
        assert (answer["underwater_since"] is None) == (level == peak)


@given(histories, st.data())
def test_days_that_were_added_up_before_and_stored_come_to_the_same(
    history: list[list[float]], data: st.DataObject
) -> None:
    days = days_of(history)
    cut = data.draw(st.integers(0, len(days)))
    before = extend(None, days[:cut])
    stored = msgspec.json.decode(msgspec.json.encode(before), type=PeriodSums | None)
    assert stored == before
    assert extend(stored, days[cut:]) == extend(None, days)


day_sums = st.lists(st.floats(-1, 1).map(repr).map(Decimal), min_size=1, max_size=5)


@given(st.lists(st.tuples(st.integers(0, 3), day_sums)))
def test_power_sums_of_parts_are_those_of_the_whole(parts: list[tuple[int, list[Decimal]]]) -> None:
    sums = NO_DAYS
    for idle, values in parts:
        sums = power_sums([*[Decimal(0)] * idle, *values], sums)
    whole = power_sums([value for _, values in parts for value in values])
    assert sums == msgspec.structs.replace(whole, days=whole.days + sum(idle for idle, _ in parts))


start = datetime(2025, 1, 1, tzinfo=UTC)
any_gains = st.one_of(st.just(0.0), st.floats(-99.0, 400.0).map(lambda g: round(g, 7)))
exits = st.integers(0, 40 * 24).map(lambda hour: start + timedelta(hours=hour))  # many at once, and idle days
closed_trades = st.lists(
    st.builds(
        lambda at, gain, hold, more: ClosedTrade("", at - hold, at, gain, max(gain, 0.0) + more, min(gain, 0.0) - more),
        exits, any_gains, st.timedeltas(timedelta(0), timedelta(days=2)), st.floats(0, 5).map(lambda m: round(m, 5)),
    ),
    max_size=60,
).map(lambda trades: [replace(trade, trade_id=f"t{number}") for number, trade in enumerate(trades)])  # fmt: skip


@given(closed_trades)
def test_days_compose_to_what_a_plain_count_of_the_trades_gives(trades: list[ClosedTrade]) -> None:
    days: dict[date, list[ClosedTrade]] = {}
    for trade in trades:
        days.setdefault(trade.exit_time.date(), []).append(trade)
    answer = compose_system([DaySums(day, **count_day(closed)) for day, closed in sorted(days.items())])
    assert differ(answer, count_system(trades)) == []


def test_the_plain_count_has_every_metric_of_the_list() -> None:
    assert set(count_system([])) == {*names.COMPOSED_NAMES}
    assert set(count_agent([])) == {*names.COMPOSED_AGENT_NAMES}


def test_gains_that_are_nearly_alike_have_one_spread() -> None:
    trades = [
        ClosedTrade(f"t{number}", start, start + number * timedelta(hours=30), gain, 0.0, gain)
        for number, gain in enumerate([-0.05000000000341, -0.05])
    ]
    answer = compose_system([DaySums(t.exit_time.date(), **count_day([t])) for t in trades])
    assert answer["sqn"] < -1e10
    assert differ(answer, count_system(trades)) == []


@given(closed_trades, st.data())
def test_whatever_pieces_the_trades_are_cut_into_path_and_streaks_are_the_same(
    trades: list[ClosedTrade], data: st.DataObject
) -> None:
    ordered = in_order(trades)
    steps = sorted({trade.exit_time for trade in ordered})  # trades that close at once are one step: not cut apart
    cuts = data.draw(st.sets(st.sampled_from(steps))) if steps else set()
    pieces: list[list[ClosedTrade]] = [[]]
    for trade in ordered:
        if trade.exit_time in cuts and pieces[-1] and pieces[-1][-1].exit_time != trade.exit_time:
            pieces.append([])
        pieces[-1].append(trade)
    answer = compose_system(
        [DaySums(start.date() + timedelta(days=n), **count_day(p)) for n, p in enumerate(pieces) if p]
    )
    by_day = ("sharpe", "sortino", "calmar", "volatility_pct", "var95_pct", "cvar95_pct", "psr")
    assert [name for name in differ(answer, count_system(trades)) if name not in by_day] == []


confidences = st.one_of(st.none(), st.sampled_from([0.0, 10.0, 89.99999999999999, 90.0, 100.0]), st.floats(0, 100))
sayings = st.lists(
    st.builds(
        JudgedSignal, st.sampled_from([-1, 0, 1]), confidences,
        st.one_of(st.none(), st.just(0.0), st.floats(-50, 50).filter(lambda h: h == 0 or abs(h) > 1e-9)),
        st.none(), st.none(),
    ),
    max_size=40,
)  # fmt: skip


@given(sayings)
def test_an_agents_counts_compose_to_what_a_plain_count_gives(said: list[JudgedSignal]) -> None:
    answer = compose_agent(count_agent_day(said))
    wanted = count_agent(said)
    if abs(wanted["brier_skill"] or 0) > 1e5:  # over a share within rounding of 0 or 1
        del wanted["brier_skill"]
    assert differ(answer, wanted) == []
    assert answer["ece"] is None or 0 <= answer["ece"] <= 1


@pytest.mark.parametrize(("confidence", "place"), [(0.0, 0), (9.999999999999998, 0), (10.0, 1), (90.0, 9), (100.0, 9)])
def test_a_bin_begins_with_its_own_lower_edge_and_the_last_holds_100(confidence: float, place: int) -> None:
    row = count_agent_day([JudgedSignal(1, confidence, 1.0, None, None)])
    assert [at for at, calls in enumerate(row["bin_calls"]) if calls] == [place]


def test_an_agent_that_is_always_right_has_no_skill_over_always_saying_so() -> None:
    row = count_agent_day([JudgedSignal(1, 80.0, 1.0, None, None)] * 3)
    answer = compose_agent(row)
    assert (answer["brier"], answer["brier_skill"], answer["ece"]) == (pytest.approx(0.04), None, pytest.approx(0.2))


sums = st.lists(st.integers(-9_000, 9_000).map(lambda cents: Decimal(cents) / 100), min_size=20, max_size=60)


@given(sums)
def test_the_tail_lies_below_the_value_at_risk_and_mirrored_returns_swap_luck(series: list[Decimal]) -> None:
    figures = daily_figures(series, None)
    assert min(series) <= Decimal(figures["cvar95_pct"]) + Decimal("1e-9")
    assert figures["cvar95_pct"] <= figures["var95_pct"] + 1e-9
    turned = probabilistic_sharpe([-day for day in series])
    if figures["psr"] is None:
        assert turned is None
    else:
        assert turned == pytest.approx(1 - figures["psr"], abs=1e-9)
        assert (figures["psr"] > 0.5) == (sum(series) > 0)


def test_below_twenty_days_there_is_no_tail() -> None:
    series = [Decimal(n % 3 - 1) for n in range(20)]
    names = ("var95_pct", "cvar95_pct", "psr")
    assert [daily_figures(series[:19], 1.0)[name] for name in names] == [None] * 3
    assert None not in [daily_figures(series, 1.0)[name] for name in names]


@given(histories, st.sampled_from([0.5, 2.0, 4.0]))
def test_ratios_know_no_scale(history: list[list[float]], scale: float) -> None:
    once = compose_system(days_of(history))
    scaled = compose_system(days_of([[g * scale for g in day] for day in history]))
    for name in ("win_rate", "payoff_ratio", "profit_factor", "kelly", "sqn", "sharpe", "sortino", "calmar", "psr"):
        if once[name] is None:
            assert scaled[name] is None
        else:
            assert scaled[name] == pytest.approx(once[name], rel=1e-9)


@given(histories)
def test_turned_about_winners_are_losers(history: list[list[float]]) -> None:
    once = compose_system(days_of(history))
    turned = compose_system(days_of([[-g for g in day] for day in history]))
    assert turned["profitable_trades"] == once["losing_trades"]
    assert turned["total_pnl_pct"] == -once["total_pnl_pct"]
    assert turned["max_win_streak"] == once["max_loss_streak"]


def test_over_nothing_everything_but_counts_and_sums_is_undefined() -> None:
    answer = compose_system([])
    defined = {name for name, value in answer.items() if value is not None}
    assert defined == {
        "completed_trades", "profitable_trades", "losing_trades", "breakeven_trades", "total_pnl_pct",
        "max_win_streak", "max_loss_streak",
    }  # fmt: skip


def test_constant_losses_have_no_ratio_of_rounding() -> None:
    answer = compose_system(days_of([[-0.1]] * 5))
    assert (answer["sqn"], answer["sharpe"], answer["profit_factor"]) == (None, None, 0.0)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_rate_and_mirrors(case: tuple[int, int]) -> None:
    successes, n = case
    interval, mirrored = wilson(successes, n), wilson(n - successes, n)
    assert interval is not None
    assert mirrored is not None
    assert 0 <= interval[0] <= 100 * successes / n <= interval[1] <= 100
    assert interval[0] == pytest.approx(100 - mirrored[1], abs=1e-9)

"""Laws of the composed figures, whatever the numbers."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorekeeper.domain.metrics import DayPieces, compose_system, wilson


def pieces(day: date, gains: list[float]) -> DayPieces:
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
    return DayPieces(
        day, len(gains), len(won), len(lost), sum(exact, zero), squares, sum(won, zero),
        sum(lost, zero), zero, zero, zero, zero, zero, zero, high, start + timedelta(minutes=last_high), min(levels),
        max(zero, fall), start, **runs,
    )  # fmt: skip


def days_of(history: list[list[float]]) -> list[DayPieces]:
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


@given(histories, st.sampled_from([0.5, 2.0, 4.0]))
def test_ratios_know_no_scale(history: list[list[float]], scale: float) -> None:
    once = compose_system(days_of(history))
    scaled = compose_system(days_of([[g * scale for g in day] for day in history]))
    for name in ("win_rate", "payoff_ratio", "profit_factor", "kelly", "sqn", "sharpe", "sortino", "calmar"):
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

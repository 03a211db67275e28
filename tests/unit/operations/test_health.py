"""What counts as well, late, stale and skewed."""

from datetime import UTC, datetime, timedelta

import pytest

from scorekeeper.operations.health import (
    CLOCK_RED,
    LATE,
    STALE,
    compare_clocks,
    explain_prices,
    judge_learning,
    judge_prices,
    judge_track,
)

NOW = datetime(2025, 5, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "ok"), (1.5, "ok"), (-1.5, "ok"), (3, "warning"), (-3, "warning"), (40, "red"), (-40, "red")],
)
def test_a_clock_that_goes_wrong_is_seen_either_way(seconds: float, state: str) -> None:
    check = compare_clocks("clock", NOW + seconds * SECOND, NOW, NOW, "the database's")
    assert check.state == state
    assert bool(check.do) == (state != "ok")
    if state != "ok":
        assert ("behind" if seconds > 0 else "ahead of") in check.says


def test_a_slow_answer_is_not_taken_for_a_wrong_clock() -> None:
    assert compare_clocks("clock", NOW, NOW - CLOCK_RED, NOW + CLOCK_RED, "the database's").state == "ok"


def test_track_is_late_only_where_something_waits_for_it() -> None:
    old, fresh = NOW - LATE - SECOND, NOW - LATE
    assert judge_track(None, None, NOW, waits=False).state == "ok"
    assert judge_track(old, None, NOW, waits=False).state == "ok"
    assert judge_track(fresh, None, NOW, waits=True).state == "ok"
    assert judge_track(old, None, NOW, waits=True).state == "red"
    assert judge_track(None, fresh, NOW, waits=True).state == "ok"
    never = judge_track(None, old, NOW, waits=True)
    assert (never.state, "never" in never.says, bool(never.do)) == ("red", True, True)


def test_learning_is_old_a_day_behind_track_and_not_wanted_where_it_never_ran() -> None:
    day = timedelta(hours=24)
    assert judge_learning(None, NOW).state == "ok"
    assert judge_learning(NOW, None).state == "ok"
    assert judge_learning(NOW - day + SECOND, NOW).state == "ok"
    old = judge_learning(NOW - day, NOW)
    assert (old.state, bool(old.do)) == ("warning", True)
    assert "2025-04-30 12:00" in old.says


def test_the_stalest_symbols_are_named_first_and_the_rest_counted() -> None:
    until = {f"{letter}/USDT": NOW - STALE - number * SECOND for number, letter in enumerate("ABCDEFGH")}
    check = judge_prices(until, NOW)
    assert check.state == "red"
    assert check.says.endswith(": H/USDT, G/USDT, F/USDT, E/USDT, D/USDT and 2 more")  # A is just not stale yet
    assert judge_prices({"A/USDT": NOW - STALE}, NOW).state == judge_prices({}, NOW).state == "ok"


def test_each_trouble_with_prices_has_advice_of_its_own_symbol() -> None:
    old = NOW - STALE - SECOND
    until = dict.fromkeys(("BAD", "AWAY", "SHORT", "NONE", "WHY"), old) | {"FINE": NOW, "BROKE": NOW}
    troubles = {
        "BAD": ("file", "BAD.csv: line 2: timestamp"), "BROKE": ("file", "BROKE.csv: line 3: high"),
        "AWAY": ("failed", "no answer"), "SHORT": ("ends", "SHORT.csv ends"), "NONE": ("unlisted", "is not listed"),
        "GONE": ("file", "of a symbol that nothing waits for"),
    }  # fmt: skip
    checks = list(explain_prices(until, troubles, NOW))
    told = {check.says: (check.state, check.do) for check in checks}
    assert {says: state for says, (state, _) in told.items()} == {
        "BAD: BAD.csv: line 2: timestamp; BROKE: BROKE.csv: line 3: high": "red", "AWAY: no answer": "red",
        "SHORT: SHORT.csv ends": "warning", "the market does not list NONE": "red",
        f"none since {old:%F %R} UTC: WHY": "red",
    }  # fmt: skip
    assert [("void" in do) for says, (_, do) in told.items()] == ["NONE" in says for says in told]
    assert [check.state for check in explain_prices({"FINE": NOW}, troubles, NOW)] == ["ok"]

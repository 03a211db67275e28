"""Trades that pass by in chunks, as verify counts them, give what a plain count of the list gives."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from scorekeeper.verify.recount import MarketYear, differ, exact
from scorekeeper.verify.recount_agents import JudgedSignal, count_agent_day
from scorekeeper.verify.tallied import count_figures
from scorekeeper.verify.tally import Chunk, Tally, make_chunk
from scorekeeper.verify.tally_agents import AgentTally
from tests.plain_counts import ClosedTrade, count_agent, count_day, count_system, in_order

START = datetime(2025, 1, 1, tzinfo=UTC)
WEEK = MarketYear([START.date() + timedelta(days=n) for n in range(-5, 60) if n % 7 not in (3, 4)], 252)
gains = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1e-9, 5e-324, 0.1]), st.floats(-99.0, 400.0, allow_nan=False),
    st.floats(-99.0, 400.0).map(lambda gain: round(gain, 2)),
)  # fmt: skip
trades = st.lists(
    st.builds(
        lambda hour, gain, hold, more: ClosedTrade(
            "", START + timedelta(hours=hour) - hold, START + timedelta(hours=hour), gain, max(gain, 0.0) + more,
            min(gain, 0.0) - more,
        ),
        st.integers(0, 40 * 24), gains, st.timedeltas(timedelta(microseconds=1), timedelta(days=2)),
        st.floats(0, 5).map(lambda more: round(more, 5)),
    ),
    max_size=40,
).map(lambda found: in_order([replace(one, trade_id=f"t{number}") for number, one in enumerate(found)]))  # fmt: skip


def cut(found: list[ClosedTrade], size: int) -> Iterator[tuple[date, list[ClosedTrade]]]:
    """Chunks of at most `size` trades of one day, wherever an exit_time may be cut."""
    while found:
        day = found[0].exit_time.date()
        here = [one for one in found[:size] if one.exit_time.date() == day]
        yield day, here
        found = found[len(here) :]


def chunk_of(found: list[ClosedTrade], digits: int = 0) -> Chunk:
    names = ("exit_time", "opened_at", "mfe_pct", "mae_pct", "pnl_pct")
    exits, opened, best, worst, pnl = ([getattr(one, name) for one in found] for name in names)
    return make_chunk(exits, opened, best, worst, [pnl, [-gain for gain in pnl]], digits)


@given(trades, st.integers(1, 7))
@example([ClosedTrade(f"t{n}", START, START + timedelta(hours=1 + n // 4), -1.0, 1.0, -1.0) for n in range(9)], 3)
def test_chunks_give_the_rollups_and_figures_of_a_plain_count(found: list[ClosedTrade], size: int) -> None:
    whole, day, earned, rows, digits = Tally(), Tally(), {}, {}, 0
    today = None
    for moment, here in [*cut(found, size), (None, [])]:
        if moment != today and today is not None:
            day.close()
            rows[today], earned[today] = day.as_day(), day.decimal("all")
            whole.follow(day)
            day = Tally()
        today = moment
        if here:
            chunk = chunk_of(here, digits)
            digits = chunk.digits
            day.add(chunk, chunk.bases[0])
    for wanted in rows:
        assert rows[wanted] == count_day([one for one in found if one.exit_time.date() == wanted])
    for market in (None, WEEK):
        wanted_figures = count_system(found, market)
        assert differ(count_figures(whole, earned, market), wanted_figures) == []
        assert count_figures(whole, earned, market).keys() == wanted_figures.keys()


@given(trades, st.data())
def test_a_choice_of_a_chunk_is_the_chunk_of_these_trades(found: list[ClosedTrade], data: st.DataObject) -> None:
    if found:
        places = data.draw(st.lists(st.sampled_from(range(len(found))), min_size=1, unique=True).map(sorted))
        whole = chunk_of(found)
        assert whole.choose(places) == chunk_of([found[place] for place in places], whole.digits)


kinds = st.lists(
    st.builds(
        JudgedSignal, st.sampled_from([-1, 0, 1]), st.none() | st.floats(0, 100) | st.sampled_from([0.0, 90.0, 100.0]),
        st.none() | gains, st.sampled_from([None, -1, 0, 1]), gains,
    ),
    max_size=30,
)  # fmt: skip


@given(kinds, st.integers(0, 30))
def test_kinds_of_signals_give_the_rollups_and_figures_of_a_plain_count(said: list[JudgedSignal], half: int) -> None:
    tallies = []
    for part in (said[:half], said[half:]):
        tally = AgentTally()
        for one in part:
            moved = None if one.horizon_return_pct is None else sign(one.horizon_return_pct)
            returns = None if one.horizon_return_pct is None else exact(one.horizon_return_pct)
            ended = None if one.backed is None else sign(one.pnl_pct or 0.0)
            tally.add_said(1, one.direction, moved, returns, one.backed, ended)
            if one.direction and moved and one.confidence is not None:
                tally.add_sure(1, one.confidence, right=one.direction * moved > 0)
        tallies.append(tally)
    tallies[0].join(tallies[1])
    assert tallies[0].as_day() == count_agent_day(said)
    assert differ(tallies[0].figures(), count_agent(said)) == []
    assert tallies[0].figures().keys() == count_agent(said).keys()


def sign(value: float) -> float:
    return (value > 0) - (value < 0)

"""In every universe the database says what the plain reference says, however it is lived through.

`--universes N` tries N of them, `--hypothesis-seed S` others.
"""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from scorekeeper.store.sql import statement
from scorekeeper.verify.trades import check_trades
from tests import reference
from tests.agreement import EXIT, check
from tests.bar_universes import bar_universes
from tests.conftest import fresh_database
from tests.lives import Life, delete_all, kept_minutes_for, ticks_of
from tests.universes import ALWAYS, AT_AN_EXCHANGE, KINDS, ONCE, Universe, universes

# All that must not depend on the moments of the looks.
LASTING = (
    f"SELECT trade_id, {', '.join(EXIT)}, price_source, best_price, left_out FROM scorekeeper.trade ORDER BY trade_id",
    "SELECT trade_id, opened_at, expires_at, reference_price, price_suspect, horizon_price, horizon_return_pct, "
    "void_reason FROM scorekeeper.decision ORDER BY trade_id",
    "SELECT * FROM scorekeeper.agent_signal ORDER BY trade_id, agent",
    "SELECT * FROM scorekeeper.daily_score ORDER BY day, version, symbol, after_fees",
    "SELECT * FROM scorekeeper.agent_daily_score ORDER BY day, version, symbol, agent",
)

IDLE = "SELECT trade_id FROM scorekeeper.report_exit_requests WHERE closed_nothing"


def lasting_rows(life: Life) -> list[list[Any]]:
    with life.db.begin() as connection:
        return [[tuple(row) for row in connection.execute(text(query))] for query in LASTING]


def compare_lives(
    universe_strategy: st.SearchStrategy[Universe], cluster: embedded.Lease, folder: Path, examples: int, *,
    derandomize: bool, tally: Counter[str],
) -> None:  # fmt: skip
    """Live through universes in two ways each, and compare both with the reference and with each other."""
    number = itertools.count()

    def live(url: str, universe: Universe, kind: str) -> list[list[Any]]:
        home = folder / str(next(number))
        home.mkdir()
        ticks = ticks_of(universe, kind)
        kept = kept_minutes_for(universe, ticks) if kind == AT_AN_EXCHANGE else None
        # The figures of a market that closes have a test of their own.
        figures = not universe.calendar
        with open_database(url, home, migrate=False) as db, db.begin() as connection:
            delete_all(connection)
        with Life(url, home, universe, kept) as life:
            half = len(ticks) // 2
            life.live(ticks[:half])
            if half and not life.uncertain:
                check(life.db, life.expected(), life.as_of, life.arrived, figures=figures)
            life.live(ticks[half:])
            wanted = life.expected()
            # The last look had an answer for every symbol.
            check(life.db, wanted, life.as_of, life.arrived, figures=figures)
            with life.db.begin() as connection:
                assert set(connection.execute(text(IDLE)).scalars()) == life.idle_exits()
                assert list(check_trades(connection)) == []
                faults = connection.execute(statement("verify/select_row_faults")).all()
                assert [fault for fault in faults if fault[0].startswith(("candles", "trade"))] == []
            tally.update(["lives", kind], looks=len(ticks))
            if kind == universe.kinds[0]:
                count(tally, universe, life, wanted)
            return lasting_rows(life)

    with fresh_database(cluster) as url:

        @settings(
            max_examples=examples,
            derandomize=derandomize,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(universe_strategy)
        def every_universe(universe: Universe) -> None:
            first, second = (live(url, universe, kind) for kind in universe.kinds)
            assert first == second or not universe.is_punctual, universe.kinds

        every_universe()


@pytest.mark.drawn
def test_a_universe_says_what_the_reference_says_however_it_is_lived_through(
    cluster: embedded.Lease, tmp_path: Path, pytestconfig: pytest.Config, tally: Counter[str]
) -> None:
    compare_lives(
        universes(), cluster, tmp_path, pytestconfig.getoption("universes"),
        derandomize=pytestconfig.getoption("--hypothesis-seed") is None, tally=tally,
    )  # fmt: skip
    if pytestconfig.getoption("universes") >= 200:
        assert {*KINDS, ONCE, ALWAYS, *EVERYTHING} <= {name for name, number in tally.items() if number}


@pytest.mark.drawn
def test_a_universe_of_days_hours_or_sessions_says_what_the_reference_says(
    cluster: embedded.Lease, tmp_path: Path, pytestconfig: pytest.Config, tally: Counter[str]
) -> None:
    compare_lives(
        bar_universes(), cluster, tmp_path, max(pytestconfig.getoption("universes") // 2, 1),
        derandomize=pytestconfig.getoption("--hypothesis-seed") is None, tally=tally,
    )  # fmt: skip
    if pytestconfig.getoption("universes") >= 200:
        assert {"1d", "1d XNYS", "1h XNYS", "4h", *EVERYTHING} <= {name for name, number in tally.items() if number}


EVERYTHING = {
    "expired", "stop_loss", "take_profit", "trailing_stop", "manual", "left open", "ambiguous", "suspect", "voided",
    "late", "requested", "already requested", "closed", "not open yet", "no trade", "signal", "idle exits",
    "of positions", "reversed", "with late or voided exits", "closed by name", "closed by what came before",
}  # fmt: skip


def count(tally: Counter[str], universe: Universe, life: Life, wanted: list[reference.RefScored]) -> None:
    """What there was in a universe."""
    tally["universes"] += 1
    tally[f"{universe.candle_length} {universe.calendar}".strip()] += 1
    tally["decisions"] += len(universe.decisions)
    tally["candles"] += sum(map(len, universe.candles.values()))
    tally.update(life.verdicts)
    tally["of positions"] += universe.positions
    tally["with late or voided exits"] += not universe.is_punctual
    tally["idle exits"] += len(life.idle_exits())
    for trade_id, asking in life.signals.items():
        if trade_id in life.ended and life.ended[trade_id][1].exit_reason == "signal":
            exit = life.ref(asking)
            tally["reversed"] += exit.direction != 0
            tally["closed by name"] += trade_id == exit.given_id or exit.closes is not None
            tally["closed by what came before"] += life.arrived[asking] < life.arrived[trade_id]
    for one in wanted:
        tally["suspect"] += one.suspect
        tally["voided"] += one.voided
        tally["late"] += life.arrived[one.decision.trade_id] > one.decision.expires_at
        if one.decision.direction:
            tally["trades"] += 1
            tally["left open" if one.exit is None else one.exit.exit_reason] += 1
            tally["ambiguous"] += one.exit is not None and one.exit.ambiguous_exit

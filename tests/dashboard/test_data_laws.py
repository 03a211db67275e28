"""What the dashboard reads equals what metrics and a backtest say, in every universe."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from json import dumps, loads
from pathlib import Path
from typing import Any

import pytest

from dashboard.data.answer import BESIDE, read_answer
from dashboard.data.filters import Filters
from scorekeeper import score
from scorekeeper.backtest import replay
from scorekeeper.domain.answer import SYSTEM_FIGURES
from scorekeeper.domain.breakdown import Breakdown
from scorekeeper.ingest import Period
from scorekeeper.settings import Settings, load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import Database, open_database
from tests.conftest import fresh_database
from tests.dashboard.lived import MINUTE, draw_filters, live_through, say_nothing
from tests.universes import START, Universe, make_universe, write_replay

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEEDS = range(500, 506)
QUESTIONS = 40


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MARKET", "replay:market")
    for name in ("inbox", "market"):
        (tmp_path / name).mkdir()
    return load_settings()


@pytest.fixture(params=SEEDS)
def lived(
    request: pytest.FixtureRequest, cluster: embedded.Lease, settings: Settings, tmp_path: Path
) -> Iterator[tuple[Database, Universe, random.Random]]:
    """A universe, lived through in a database; and a chance of its own."""
    universe = make_universe(request.param)
    write_replay(universe, tmp_path / "market")
    with fresh_database(cluster) as url, open_database(url, tmp_path, migrate=False) as db:
        live_through(db, settings, universe, NOW)
        yield db, universe, random.Random(request.param)


def asked_of_metrics(connection: Any, filters: Filters, by: Breakdown | None) -> dict[str, Any]:
    answer = score.system_metrics(
        connection, version=filters.version, symbol=filters.symbol, since=filters.since, until=filters.until,
        include_suspect=filters.suspect == "yes", exclude_late=filters.late == "no", by=by,
    )  # fmt: skip
    return dict(loads(dumps(answer)))


def as_metrics_has_it(answer: Any) -> Any:
    """The answer without what stands beside the figures."""
    if isinstance(answer, list):
        return [as_metrics_has_it(one) for one in answer]
    if isinstance(answer, dict):
        return {name: as_metrics_has_it(value) for name, value in answer.items() if name not in BESIDE}
    return loads(dumps(answer))


def test_every_figure_equals_what_metrics_says_of_the_same_selection(
    lived: tuple[Database, Universe, random.Random],
) -> None:
    db, universe, chance = lived
    with db.begin() as connection:
        for _ in range(QUESTIONS):
            filters = draw_filters(chance, universe)
            by = chance.choice([None, *Breakdown])
            assert as_metrics_has_it(read_answer(connection, filters, by)) == asked_of_metrics(connection, filters, by)


@pytest.mark.parametrize("seed", range(520, 526))
def test_as_of_a_minute_the_answer_is_that_of_a_backtest_up_to_it(
    cluster: embedded.Lease, settings: Settings, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    universe = make_universe(seed)
    universe.delays = dict.fromkeys(universe.delays, 0 * MINUTE)  # in a backtest nothing comes late
    write_replay(universe, tmp_path / "market")
    chance = random.Random(seed)
    span = (universe.end - START) // MINUTE
    with fresh_database(cluster) as url, open_database(url, tmp_path, migrate=False) as db:
        live_through(db, settings, universe, NOW)
        monkeypatch.setenv("DATABASE_URL", url)
        own = load_settings()
        for at in (START + chance.randrange(1, span) * MINUTE for _ in range(6)):
            with fresh_database(cluster) as other, open_database(other, tmp_path, migrate=False) as past:
                wanted = replay(past, own, Period(START, at), now=NOW, paths=None, tell=say_nothing).metrics
            with db.begin() as connection:
                found = as_metrics_has_it(read_answer(connection, Filters(as_of=at)))
            # A backtest is not analysed, and nothing comes late to it.
            assert {name for name in wanted if found[name] != wanted[name]} <= {*SYSTEM_FIGURES, "late_decisions"}, at

"""Killed at random and started again, the pipeline leaves the rows and the bytes of an undisturbed run."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scorekeeper.store import embedded
from tests.conftest import fresh_database
from tests.faults.failpoints import POINTS
from tests.faults.kill_loop import INSTANT, Place, Zygote, kill_on


@pytest.mark.drawn
def test_after_random_kills_it_leaves_what_an_undisturbed_run_leaves(
    cluster: embedded.Lease, tmp_path: Path, pytestconfig: pytest.Config, seed: int
) -> None:
    kills: int = pytestconfig.getoption("kills")
    outcome = kill_on(lambda: fresh_database(cluster), tmp_path, kills, seed, print)
    assert outcome.differences == [], f"seed {seed}"
    assert outcome.kills.total() == kills, f"seed {seed}"
    if kills >= 50:
        assert len(outcome.kills) > len(POINTS) // 2, f"seed {seed}"  # the kills hit different places


@pytest.fixture(scope="module")
def zygotes() -> Iterator[list[Zygote]]:
    """Two, so that two processes may be at work at once."""
    made = [Zygote(), Zygote()]
    yield made
    for zygote in made:
        zygote.close()


@pytest.mark.parametrize("point", [*POINTS, INSTANT])
def test_a_process_dies_where_it_is_told_to(
    cluster: embedded.Lease, tmp_path: Path, zygotes: list[Zygote], point: str
) -> None:
    zygote, _ = zygotes
    with fresh_database(cluster) as url:
        place = Place(tmp_path / "a", url)
        done = zygote.run(place, seconds=0.0) if point == INSTANT else zygote.run(place, point, 2)
    assert done["signal"] == 9


def test_two_processes_at_once_leave_what_one_leaves(
    cluster: embedded.Lease, tmp_path: Path, zygotes: list[Zygote]
) -> None:
    with fresh_database(cluster) as first, fresh_database(cluster) as second:
        one, two = Place(tmp_path / "a", first), Place(tmp_path / "b", second)
        assert zygotes[0].run(one)["status"] == 0
        with ThreadPoolExecutor() as threads:
            assert [done["status"] for done in threads.map(lambda z: z.run(two), zygotes)] == [0, 0]
        expected, found = one.rows(), two.rows()
    for table in ("decision", "agent_signal", "trade", "candle", "daily_score", "agent_daily_score", "file_arrival"):
        assert found[table] == expected[table], table

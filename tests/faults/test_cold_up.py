"""`scorekeeper up` with WARM_RUNS=false: every run has a process of its own, which the worker starts."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.faults.up import Up, needs_linux, running
from tests.waiting import wait_until

pytestmark = [needs_linux, pytest.mark.long]


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("cold"), "MARKET=replay:market\nWARM_RUNS=false\n") as up:
        yield up


def test_a_file_becomes_a_row_by_a_run_of_the_worker(cold: Up) -> None:
    cold.drop()
    assert wait_until(cold.has_all, 60)
    assert wait_until(lambda: any(r["name"] == "ingest 1 decision from 1 file" for r in cold.runs("COMPLETED")), 20)
    assert not any("warm" in run["tags"] for run in cold.runs("COMPLETED"))


def test_a_worker_that_is_killed_with_its_run_is_back_and_the_files_become_rows(cold: Up) -> None:
    cold.drop(3_000)
    assert wait_until(lambda: len(list((cold.home / "inbox").glob("*.json"))) < 2_900, 60)
    for pid in cold.pids_of("worker"):
        os.kill(pid, signal.SIGKILL)
    assert wait_until(cold.has_all, 120)

"""Kills the pipeline again and again, and checks that it leaves what an undisturbed one leaves.

python -m tests.faults.kill_loop --kills 1000 [--seed S]: rounds over a workload of their own, each killed at random
instants and at failpoints until its work is done, then compared: rows, files, verify.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from scorekeeper.verify.run import verify
from tests.conftest import fresh_database
from tests.faults.failpoints import POINTS

ROOT = Path(__file__).resolve().parents[2]
INSTANT = "at an instant"
FOREVER = 600.0
TABLES = {
    "decision": "*",
    "agent_signal": "*",
    "trade": "*",
    "candle": "*",
    "candle_coverage": "*",
    "equity": "*",
    "daily_score": "*",
    "agent_daily_score": "*",
    "stale_day": "*",
    "decision_file": "*",
    "file_arrival": "name, sha256, outcome, decisions, duplicates, rejected, moved_at IS NULL",
    "rejection": "sha256, line, reason",
    "event": "kind, trade_id, log_line, line_no",
}
FOLDERS = ("logs", "datasets", "archive", "quarantine", "inbox")


class Job(Protocol):
    """What is run: the `work` of the zygote's list, where, and with which environment and arguments."""

    @property
    def work(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def environment(self) -> dict[str, str]: ...
    @property
    def arguments(self) -> list[str]: ...


class Place:
    """A folder with an inbox, and a database of its own."""

    work = "pipeline"

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.folder.mkdir()
        end = write_sample(folder / "inbox", folder / "market")
        (folder / "inbox" / "torn.jsonl").write_text('{"symbol": "BTC/USDT", "type": "HOLD", "timestamp"')
        os.utime(folder / "inbox" / "torn.jsonl", (1_700_000_000, 1_700_000_000))
        self.moments = [(end - timedelta(hours=hours)).isoformat() for hours in (40, 20, 0)]

    @property
    def arguments(self) -> list[str]:
        return ["market", *self.moments]

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url, "PYTHONPATH": str(ROOT)}

    def rows(self) -> dict[str, list[str]]:
        with open_database(self.url, self.folder) as db, db.begin() as connection:
            return {
                table: sorted(
                    str(tuple(row)) for row in connection.exec_driver_sql(f"SELECT {columns} FROM scorekeeper.{table}")
                )
                for table, columns in TABLES.items()
            }

    def files(self) -> dict[str, bytes]:
        paths = [p for f in FOLDERS for p in sorted((self.folder / f).rglob("*")) if p.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in paths}

    def verify(self) -> list[str]:
        here = Path.cwd()
        os.chdir(self.folder)  # the files' folders are relative to it
        try:
            with open_database(self.url, self.folder) as db:
                return verify(db, load_settings())
        finally:
            os.chdir(here)


class Zygote:
    """The process that starts the pipelines, or single steps."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, job: Job, point: str | None = None, number: int = 0, seconds: float = FOREVER) -> dict[str, Any]:
        """One of them; what it died of, its status, and the points that it came by."""
        order = {
            "work": job.work, "folder": str(job.folder), "environment": job.environment, "arguments": job.arguments,
            "point": point, "number": number, "seconds": seconds,
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@dataclass
class Outcome:
    """Kills by where they hit, rounds, and every difference from the undisturbed run."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    differences: list[str] = field(default_factory=list)


def kill_on(
    new_url: Callable[[], AbstractContextManager[str]], folder: Path, kills: int, seed: int, say: Callable[[str], None]
) -> Outcome:
    """Rounds of kills until there were as many, or one of them left something else."""
    chance = random.Random(seed)
    zygote = Zygote()
    outcome = Outcome()
    try:
        with new_url() as url:
            undisturbed = Place(folder / "undisturbed", url)
            whole = zygote.run(undisturbed)
            assert whole["status"] == 0, "undisturbed, it does not come to its end"
            rows, files = undisturbed.rows(), undisturbed.files()
        while outcome.kills.total() < kills and not outcome.differences:
            place_folder = folder / f"round-{outcome.rounds}"
            with new_url() as url:
                place = Place(place_folder, url)
                _kill_until_done(zygote, place, whole["passed"], chance, outcome, kills)
                outcome.differences += compare(place, rows, files)
            outcome.rounds += 1
            if not outcome.differences:
                shutil.rmtree(place_folder)
            say(f"round {outcome.rounds}: {outcome.kills.total()} of {kills} kills, seed {seed}")
    finally:
        zygote.close()
    return outcome


def _kill_until_done(
    zygote: Zygote, place: Place, passed: dict[str, int], chance: random.Random, outcome: Outcome, kills: int
) -> None:
    while outcome.kills.total() < kills:
        point = chance.choice([*POINTS, INSTANT])
        if point == INSTANT:
            done = zygote.run(place, seconds=chance.expovariate(1 / 0.7))
        else:
            # Mostly soon, so that there is work left for the next one; now and then anywhere.
            most = passed[point] if chance.random() < 0.3 else max(2, passed[point] // 8)
            done = zygote.run(place, point, chance.randint(1, most))
        if not done["signal"]:
            assert done["status"] == 0, "a run that was not killed failed"
            return
        outcome.kills[point] += 1
    assert zygote.run(place)["status"] == 0, "the last run failed"


def compare(place: Place, rows: dict[str, list[str]], files: dict[str, bytes]) -> list[str]:
    """Every difference of a place from the undisturbed one, and from its own recompute, a line each."""
    found_rows, found_files = place.rows(), place.files()
    differences = [f"table {table}" for table in TABLES if found_rows[table] != rows[table]]
    differences += [
        f"file {name}" for name in sorted(files.keys() | found_files.keys()) if files.get(name) != found_files.get(name)
    ]
    return differences + place.verify()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scorekeeper-kills-") as name:
        home = Path(name)
        lease = embedded.acquire(home)
        try:
            with open_database(lease.url("template_scorekeeper"), home):
                pass
            outcome = kill_on(lambda: fresh_database(lease), home, given.kills, given.seed, print)
        finally:
            lease.release()
            shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)  # run as root it lies outside the home
    for point, number in sorted(outcome.kills.items()):
        print(f"{number:6} killed {point}")
    for difference in outcome.differences:
        print(f"DIFFERENT: {difference} (seed {given.seed})")
    return bool(outcome.differences)


if __name__ == "__main__":
    sys.exit(main())

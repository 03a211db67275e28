"""Killed at random while writers have their files open, rotate and close them, an ingest takes every line once."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import text

from scorekeeper.settings import load_settings
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from scorekeeper.verify.run import verify
from tests.conftest import fresh_database
from tests.faults.failpoints import POINTS
from tests.faults.kill_loop import ROOT, Zygote

BATCH = 40
MOST_KILLS = 6


@dataclass
class Take:
    """An ingest of the inbox in a folder, as the list of work in zygote.py has it."""

    folder: Path
    url: str
    work: str = "following"

    @property
    def arguments(self) -> list[str]:
        return []

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url, "PYTHONPATH": str(ROOT)}


def line(number: int) -> str:
    at = datetime(2025, 5, 5, tzinfo=UTC) + timedelta(seconds=number)
    return json.dumps({"symbol": "BTC/USDT", "type": "HOLD", "timestamp": at.isoformat(), "trade_id": f"T{number}"})


def test_killed_while_files_grow_rotate_and_return_every_line_comes_in_once(
    cluster: embedded.Lease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance, zygote, numbers = random.Random(seed), Zygote(), iter(range(10**6))
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    written = 0

    def write(file: IO[str], count: int) -> None:
        nonlocal written
        written += count
        file.write("".join(line(next(numbers)) + "\n" for _ in range(count)))
        file.flush()

    with fresh_database(cluster) as url:
        job = Take(tmp_path, url)

        def take() -> None:
            """Killed a few times, and then once to its end."""
            for _ in range(chance.randint(1, MOST_KILLS)):
                done = zygote.run(job, chance.choice(POINTS), chance.randint(1, 12))
                if not done["signal"]:
                    assert done["status"] == 0, f"seed {seed}"
            assert zygote.run(job)["status"] == 0, f"seed {seed}"

        old = (inbox / "bot.jsonl").open("a")
        write(old, BATCH)
        take()
        write(old, BATCH)
        (inbox / "bot.jsonl").rename(inbox / "bot.jsonl.1")
        new = (inbox / "bot.jsonl").open("a")
        write(new, BATCH)
        take()
        old.close()
        write(new, BATCH)
        take()
        archived = [path for path in (tmp_path / "archive").rglob("*") if path.is_file()]
        assert len(archived) == 1
        with archived[0].open("a") as late:  # as by a writer that could not be seen
            write(late, BATCH)
            take()
            write(late, BATCH)
            take()
        new.close()
        take()
        assert not [path for path in inbox.iterdir() if path.is_file()], f"seed {seed}"
        monkeypatch.chdir(tmp_path)
        with open_database(url, tmp_path) as db:
            assert verify(db, load_settings()) == [], f"seed {seed}"
            with db.begin() as connection:
                count = connection.execute(text("SELECT count(*) FROM scorekeeper.decision")).scalar()
                left = connection.execute(text("SELECT count(*) FROM scorekeeper.followed_file")).scalar()
    zygote.close()
    assert (count, left) == (written, 0), f"seed {seed}"

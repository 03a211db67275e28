"""Arrivals become events: one for many files, again while they wait, none for nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import load_settings
from tasks import inbox_watcher as watching
from tasks import inboxes
from tasks.inbox_watcher import GROWING_SECONDS, RETELL_SECONDS, WAITING_SECONDS, Announcer
from tasks.inboxes import Shape
from tests.object_stores import make_bucket, run_s3, set_environment
from tests.systems import decisions, put_in, write_system
from tests.waiting import wait_until

COMMAND = str(Path(sys.executable).with_name("scorekeeper"))
A, B = {"a.json": Shape(10, 1)}, {"b.json": Shape(20, 2)}


class Told:
    """The seconds at which an announcer announced."""

    def __init__(self, seen: dict[float, dict[str, Shape]]) -> None:
        announcer = Announcer()
        self.at = []
        for now, files in sorted(seen.items()):
            if announcer.look(files, now):
                announcer.note_announced(files, now)
                self.at.append(now)


def every_second(until: int, files: Callable[[int], dict[str, Shape]]) -> dict[float, Any]:
    return {float(second): files(second) for second in range(until)}


def test_the_first_file_is_told_at_once_and_an_empty_inbox_never() -> None:
    assert Told(every_second(30, lambda _: {})).at == []
    assert Told({0.0: {}, 1.0: A, 2.0: {}}).at == [1.0]


def test_files_that_come_while_somebody_is_on_the_way_are_not_told_apart() -> None:
    assert Told({0.0: A, 1.0: A | B, 2.0: A | B, 3.0: {}}).at == [0.0]


def test_what_comes_after_all_that_was_told_has_gone_is_told_at_once() -> None:
    assert Told({0.0: A, 1.0: B}).at == [0.0, 1.0]


def test_while_files_wait_it_is_told_again_every_ten_seconds() -> None:
    assert Told(every_second(35, lambda _: A)).at == [0.0, 10.0, 20.0, 30.0]
    late = every_second(35, lambda second: A | (B if second > 7 else {}))
    assert Told(late).at == [0.0, 10.0, 20.0, 30.0]


def test_a_file_that_nobody_can_take_is_told_of_more_seldom_and_hides_no_other() -> None:
    stuck = Told(every_second(400, lambda _: A)).at
    assert stuck[:12] == [10.0 * n for n in range(12)]
    assert stuck[12:] == [170.0, 230.0, 290.0, 350.0]
    with_another = Told(every_second(150, lambda second: A | (B if second == 145 else {}))).at
    assert with_another[-1] == 145.0


def test_a_file_that_is_being_written_is_told_again_once_it_stands_still() -> None:
    growing = every_second(40, lambda second: {"a.json": Shape(min(second, 20), min(second, 20))})
    assert Told(growing).at == [0.0, 20 + WAITING_SECONDS + 1, 20 + WAITING_SECONDS + 1 + RETELL_SECONDS]


def test_a_file_of_lines_that_grows_is_told_of_at_most_once_a_second() -> None:
    tenths = {n / 10: {"a.jsonl": Shape(n, n, grows=True, held=True)} for n in range(100)}
    told = Told(tenths).at
    assert len(told) == 10
    assert all(later - earlier >= 1 for earlier, later in pairwise(told))


def test_an_open_file_is_told_again_when_it_grows_or_is_closed() -> None:
    def grown(second: int) -> dict[str, Shape]:
        lines = 1 + (second >= 40)
        bot = {"a.jsonl": Shape(lines, lines, grows=True, held=second < 60)}
        return bot | (B if second == 50 else {}) if second < 67 else {}

    assert Told(every_second(100, grown)).at == [0.0, 40.0, 50.0, 66.0]


def api(method: str, path: str, body: dict[str, Any] | list[Any] | None = None) -> Any:
    async def ask() -> Any:
        async with get_client() as client:
            answer = await client.request(method, path, json=body)  # type: ignore[arg-type]
            return answer.json() if answer.content else None

    return asyncio.run(ask())


def arrivals() -> list[int]:
    found = api("POST", "/events/filter", {"filter": {"event": {"name": [watching.EVENT]}}})["events"]
    return [event["payload"]["files"] for event in reversed(found)]


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Path]:
    """A folder reached by a link, under watch by the command as it is typed, with no database anywhere."""
    (tmp_path / "real").mkdir()
    inbox = tmp_path / "inbox"
    inbox.symlink_to("real")
    address = str(PREFECT_API_URL.value())
    environment = {**os.environ, "PREFECT_API_URL": address, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}
    watcher = subprocess.Popen(
        [COMMAND, "watch", "--inbox", str(inbox)], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    yield inbox
    watcher.terminate()
    assert watcher.wait(600) == 128 + signal.SIGTERM


def test_many_files_become_one_event_and_waiting_ones_another(inbox: Path) -> None:
    before = len(arrivals())
    for number in range(200):
        part = inbox / f".{number}.part"
        part.write_text("{}")
        part.rename(inbox / f"{number}.json")
    began = time.monotonic()
    assert wait_until(lambda: len(arrivals()) > before)
    assert wait_until(lambda: len(arrivals()) > before + 1)
    assert time.monotonic() - began > 5
    told = arrivals()[before:]
    assert 2 <= len(told) <= 1 + (time.monotonic() - began) / 5  # a busy machine may have come to the next round
    assert told[-1] == 200
    for path in inbox.iterdir():
        path.unlink()
    told_by_then = len(arrivals())
    time.sleep(RETELL_SECONDS + 1)
    assert len(arrivals()) <= told_by_then + 1  # nothing there, nothing told; one may have been on its way
    told_by_then = len(arrivals())
    (inbox / "later.json").write_text("{}")
    assert wait_until(lambda: len(arrivals()) == told_by_then + 1, 5)


def test_a_file_that_grows_in_a_folder_of_the_day_is_told_of_as_it_grows(inbox: Path) -> None:
    before = len(arrivals())
    (inbox / "2025-05-01").mkdir()
    with (inbox / "2025-05-01" / "bot.jsonl").open("a") as bot:
        began = time.monotonic()

        def write_more() -> bool:
            bot.write("{}\n")
            bot.flush()
            return len(arrivals()) - before >= 4

        assert wait_until(write_more, 90)
        assert len(arrivals()) - before <= (time.monotonic() - began) / GROWING_SECONDS + 2

        def has_come_to_rest() -> bool:
            told = len(arrivals())
            time.sleep(RETELL_SECONDS + 2)
            return len(arrivals()) == told  # open and still: nothing to be told

        assert wait_until(has_come_to_rest, 60)


def test_what_waits_is_taken_here_and_told_of_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WAITING_SECONDS", 0.5)
    monkeypatch.setattr(watching, "RETELL_SECONDS", 1.0)
    before, takes = len(arrivals()), []

    async def take() -> bool:
        """Runs, and leaves the file where it is."""
        takes.append(time.monotonic())
        return True

    async def watch() -> None:
        stop = asyncio.Event()
        watch = asyncio.create_task(watching.watch_inbox(load_settings(inbox_dir=tmp_path), stop, print, take))
        (tmp_path / "a.json").write_text("{}")
        await asyncio.sleep(8)
        stop.set()
        await watch

    asyncio.run(watch())
    assert len(takes) >= 2
    assert wait_until(lambda: abs(len(arrivals()) - before - len(takes)) <= 1)


def test_without_a_server_it_says_what_to_do(tmp_path: Path) -> None:
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(ScorekeeperError, match="scorekeeper up"),
    ):
        asyncio.run(watching.watch_inbox(load_settings(inbox_dir=tmp_path), asyncio.Event(), print))


def test_a_missing_inbox_and_a_server_that_is_away_are_said_once_and_waited_for(tmp_path: Path) -> None:
    said: list[str] = []

    async def watch() -> None:
        stop = asyncio.Event()
        settings = load_settings(inbox_dir=tmp_path / "inbox")
        watch = asyncio.create_task(watching.watch_inbox(settings, stop, said.append))
        await asyncio.sleep(2.5)
        (tmp_path / "inbox").mkdir()
        (tmp_path / "inbox" / "a.json").write_text("{}")
        await asyncio.sleep(8)
        stop.set()
        await watch

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        asyncio.run(watch())
    assert [line for line in said if "does not exist" in line] == said[:1]
    assert len([line for line in said if "gives no answer" in line]) == 1


def test_what_arrives_in_a_bucket_is_told_by_the_watcher_or_by_the_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "POLL_SECONDS", 0.5)
    before = len(arrivals())
    with run_s3() as endpoint:
        bucket = make_bucket(endpoint, monkeypatch)
        bucket.put("live/inbox/a.json", b"{}")

        async def watch() -> None:
            stop = asyncio.Event()
            settings = load_settings(inbox_dir=bucket.url / "live/inbox")
            watch = asyncio.create_task(watching.watch_inbox(settings, stop, print))
            while len(await asyncio.to_thread(arrivals)) == before:
                await asyncio.sleep(0.2)
            stop.set()
            await watch

        asyncio.run(asyncio.wait_for(watch(), 60))
    assert arrivals()[before:] == [1]
    document = (Path(__file__).parents[2] / "docs/operations/object-storage.md").read_text(encoding="utf-8")
    told = json.loads(document.partition("<!-- event -->\n```json\n")[2].partition("```")[0])
    now = {"id": str(uuid4()), "occurred": datetime.now(UTC).isoformat()}
    api("POST", "/events", [one | now for one in told])
    assert wait_until(lambda: len(arrivals()) == before + 2)


def test_a_store_that_is_away_is_said_once_and_holds_up_no_other_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "POLL_SECONDS", 2.0)
    set_environment("http://127.0.0.1:9", monkeypatch)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    write_system(tmp_path / "systems" / "alpha", "INBOX_DIR=s3://nowhere/inbox\n")
    write_system(tmp_path / "systems" / "beta")
    monkeypatch.setenv("SYSTEMS_DIR", str(tmp_path / "systems"))
    before, said = len(arrivals()), list[str]()

    async def watch() -> None:
        stop = asyncio.Event()
        all_of_them = partial(watching.inboxes_of, load_settings())
        watch = asyncio.create_task(watching.watch_inboxes(all_of_them, stop, said.append))
        put_in(tmp_path / "systems" / "beta" / "inbox", decisions(1, seed=1))
        while len(await asyncio.to_thread(arrivals)) == before:
            await asyncio.sleep(0.2)
        await asyncio.sleep(6)
        stop.set()
        await watch

    asyncio.run(asyncio.wait_for(watch(), 60))
    assert len([line for line in said if line.startswith("alpha: ")]) == 1, said

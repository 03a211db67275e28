"""A running `scorekeeper up`, as a user starts it, and what can be asked of it."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cli.prefect_server.password import read_password
from cli.up.processes import MARK
from scorekeeper.errors import ScorekeeperError
from scorekeeper.operations.sample import write_live_market
from scorekeeper.settings import Settings
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from tests.waiting import wait_until

NOBODY = 65_534
COMMAND = str(Path(sys.executable).with_name("scorekeeper"))
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of other processes")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


class Up:
    """A running `scorekeeper up` and the folder it runs in."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.output = home / "output.txt"
        self.dropped = 0
        ours = {name.upper() for name in Settings.model_fields} | {"PREFECT_API_URL", "PREFECT_HOME"}
        self._environment = {name: value for name, value in os.environ.items() if name not in ours}
        self.start()

    def start(self, output: int | None = None) -> None:
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [COMMAND, "up", "--home", ".", "--port", str(self.port)],
                cwd=self.home, env=self._environment, stdout=output or file, stderr=file,
            )  # fmt: skip
        if output is None:
            assert wait_until(lambda: "Ready." in self.output.read_text(), 240), self.output.read_text()

    def try_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *words, "--home", "."], cwd=self.home, env=self._environment, capture_output=True, text=True
        )

    def command(self, *words: str) -> str:
        done = self.try_command(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def drop(self, files: int = 1) -> None:
        """Put files of one decision each into the inbox, renamed in together.

        Each is of a microsecond of its own. Of 30,000 decisions of one symbol and one moment, two get the same id
        (eight digits of their hash) once in ten times, and the second is refused.
        """
        at = datetime.now(UTC) - timedelta(minutes=1)
        inbox, first = self.home / "inbox", self.dropped + 1
        for _ in range(files):
            self.dropped += 1
            decision = {
                "symbol": "BTC/USDT", "type": "HOLD", "price": 96_000, "reason": f"number {self.dropped}",
                "timestamp": (at + timedelta(microseconds=self.dropped)).isoformat(),
            }  # fmt: skip
            (inbox / f".{self.dropped}.part").write_text(json.dumps(decision))
        for number in range(first, self.dropped + 1):
            (inbox / f".{number}.part").rename(inbox / f"{number}.json")

    def has_all(self) -> bool:
        """Whether every decision dropped so far is in the database, once, and every file out of the inbox."""
        # The database of the running server, not a hold on it: whether it runs is for `up` to see to.
        cluster = embedded.Cluster(self.home, {})
        if not cluster.has_database("scorekeeper"):
            return False
        address = f"postgresql://{embedded.ROLE}@/scorekeeper?host={cluster.socket_folder}"
        try:
            with open_database(address, self.home, migrate=False) as db, db.begin() as connection:
                rows = connection.execute(text("SELECT count(*) FROM scorekeeper.decision")).scalar_one()
        except (ScorekeeperError, OperationalError):
            return False  # it is just ending
        return bool(rows == self.dropped and not list((self.home / "inbox").glob("*.json")))

    def api(self, path: str, body: dict[str, Any]) -> Any:
        """Prefect's answer to a POST, as its own clients ask: with the password, and with a token against forgery."""
        return json.load(self.ask(path, json.dumps(body).encode()))

    def ask(self, path: str, body: bytes | None = None) -> Any:
        """The open answer to a GET, or with a body to a POST."""
        password = read_password(self.home) or ""
        headers = {"Authorization": f"Basic {b64encode(password.encode()).decode()}"}
        if body is not None:
            token = json.load(self.ask("/csrf-token?client=tests"))["token"]
            headers |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "tests", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api{path}", body, headers)
        return urllib.request.urlopen(request, timeout=60)

    def runs(self, *states: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api(
            "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": states}}}}
        )
        return found

    def has_ended_what_began_before(self, moment: datetime) -> bool:
        """Whether the server answers, and no run is at work that was to begin before then."""
        try:
            at_work = self.runs("RUNNING", "PENDING")
        except OSError:
            return False
        return not [run for run in at_work if as_time(run["expected_start_time"]) < moment]

    def tell(self) -> str:
        """What there is to see, for a test that has waited in vain."""
        states = ("RUNNING", "PENDING", "SCHEDULED", "CANCELLING", "CANCELLED", "CRASHED", "FAILED")
        runs = [(run["name"], run["state_name"], run["start_time"], run["tags"]) for run in self.runs(*states)]
        waiting = sum(1 for _ in (self.home / "inbox").glob("*.json"))
        return f"{datetime.now(UTC)}: {waiting} files wait; {runs}; {self.output.read_text()[-3000:]}"

    def processes(self) -> list[psutil.Process]:
        """All that belongs to it, flow runs with it; Postgres itself has another environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == str(self.home) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def pids_of(self, part: str) -> list[int]:
        """The process of a part and those below it; none while it is gone."""
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if f"cli.up.parts {part}" in " ".join(process.cmdline()):
                    return [one.pid for one in (*process.children(recursive=True), process)]
            except psutil.Error:
                continue
        return []


@contextmanager
def running(home: Path, settings: str) -> Iterator[Up]:
    """A running `up` in an empty folder."""
    (home / ".env").write_text(settings)
    write_live_market(home / "market", datetime.now(UTC))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = Up(home, port)
    yield up
    up.process.terminate()
    up.process.wait(600)


def is_old(run: dict[str, Any]) -> bool:
    return datetime.now(UTC) - as_time(run["start_time"]) > timedelta(minutes=1)


def as_time(words: str) -> datetime:
    return datetime.fromisoformat(words.replace("Z", "+00:00"))


def status(address: str, body: bytes | None = None, method: str | None = None, **headers: str) -> int:
    """What a server answers to who has no password; 0: nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address, body, {"Content-Type": "application/json", **named}, method=method)
    try:
        return int(urllib.request.urlopen(request, timeout=60).status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


def as_nobody(work: Callable[[], Any]) -> Any:
    """What `work` gives when another user of the machine does it."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def be_somebody_else() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            theirs.send(work())
        except BaseException as failed:  # it is the answer
            theirs.send(type(failed).__name__)

    process = context.Process(target=be_somebody_else)
    process.start()
    answer = ours.recv()
    process.join(600)
    return answer


def flow_names(up: Up) -> set[str]:
    return {flow["name"] for flow in up.api("/flows/filter", {})}

"""`scorekeeper up` as a user runs it: parts killed one by one, ended, killed whole, and started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from cli.password import read_password
from cli.up import MARK
from scorekeeper.errors import ScorekeeperError
from scorekeeper.sample import write_live_market
from scorekeeper.settings import Settings
from scorekeeper.store import embedded
from scorekeeper.store.database import open_database
from tests.integration.test_private import open_to_others
from tests.waiting import wait_until

COMMAND = str(Path(sys.executable).with_name("scorekeeper"))
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of other processes")


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
        """Put files of one decision each into the inbox, renamed in together."""
        at = datetime.now(UTC) - timedelta(minutes=1)
        inbox, first = self.home / "inbox", self.dropped + 1
        for _ in range(files):
            self.dropped += 1
            decision = {
                "symbol": "BTC/USDT", "type": "HOLD", "price": 96_000, "timestamp": at.isoformat(),
                "reason": f"number {self.dropped}",
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
        return urllib.request.urlopen(request, timeout=10)

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
                if f"cli.parts {part}" in " ".join(process.cmdline()):
                    return [one.pid for one in (*process.children(recursive=True), process)]
            except psutil.Error:
                continue
        return []


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running(tmp_path_factory.mktemp("up 1% 'q"), "MARKET=replay:market\n") as up:
        yield up


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
    up.process.wait(60)


def test_it_says_where_things_are_and_serves_the_ui(up: Up) -> None:
    said = up.output.read_text()
    assert f"http://127.0.0.1:{up.port}" in said
    assert str(up.home / "inbox") in said
    page = urllib.request.urlopen(f"http://127.0.0.1:{up.port}/", timeout=10).read().decode()
    assert "<title>Prefect" in page
    dashboard = f"http://127.0.0.1:{up.port + 10}"
    assert f"dashboard   {dashboard}" in said
    assert wait_until(lambda: "Overview · Scorekeeper" in read(dashboard), 30)
    # What its runs show in Prefect's UI leads there.
    up.command("track")
    assert wait_until(lambda: f"]({dashboard}/open)" in artifact(up, "open-trades"), 30)


def read(address: str) -> str:
    """What a page says; nothing if nobody answers."""
    try:
        found: bytes = urllib.request.urlopen(address, timeout=10).read()
    except OSError:
        return ""
    return found.decode()


def artifact(up: Up, key: str) -> str:
    """The description of the latest artifact of a key."""
    found = up.api("/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})
    return str(found[0]["description"]) if found else ""


def test_a_file_becomes_a_row_by_a_run_that_says_so(up: Up) -> None:
    up.drop()
    assert wait_until(up.has_all, 40)
    assert wait_until(lambda: any(r["name"] == "ingest 1 decision from 1 file" for r in up.runs("COMPLETED")), 10)
    assert any("warm" in run["tags"] for run in up.runs("COMPLETED"))


def test_commands_beside_it_use_its_server(up: Up) -> None:
    assert json.loads(up.command("status", "--json"))["decisions"] == 1
    began = time.monotonic()
    up.command("track")
    names = [run["name"] for run in up.runs("COMPLETED") if run["deployment_id"] is None]
    assert any(name.startswith("track ") for name in names)
    assert time.monotonic() - began < 30


def test_lines_of_a_file_that_stays_open_become_rows_as_they_are_written(up: Up) -> None:
    path, at = up.home / "inbox" / "bot.jsonl", datetime.now(UTC) - timedelta(minutes=1)
    with path.open("a") as bot:
        for _ in range(2):
            for number in range(10):
                up.dropped += 1
                decision = {"symbol": "BTC/USDT", "type": "HOLD", "price": 96_000, "timestamp": at.isoformat()}
                bot.write(json.dumps(decision | {"reason": f"line {up.dropped}"}) + "\n")
                bot.flush()
                time.sleep(number / 50)
            assert wait_until(up.has_all, 40), up.tell()
            assert path.exists()
    assert wait_until(lambda: not path.exists(), 60), up.tell()


def test_its_doctor_is_content_and_automations_are_made_on_its_server(up: Up) -> None:
    assert wait_until(lambda: bool(up.api("/work_pools/scorekeeper/workers/filter", {})), 60)  # it has reported
    assert "ok      worker" in up.command("doctor")
    assert "made: scorekeeper.price-stale" in up.command("automations")
    assert "kept: scorekeeper.price-stale" in up.command("automations")


def test_everything_listens_on_this_machine_only(up: Up) -> None:
    pid_file = embedded.Cluster(up.home, {}).data / "postmaster.pid"
    postgres = psutil.Process(int(pid_file.read_text().split()[0]))
    listening = [
        connection.laddr
        for process in (*up.processes(), postgres)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert up.port in {address.port for address in listening}


def test_nothing_that_it_and_its_runs_have_made_is_open_to_others(up: Up) -> None:
    made = (".database.lock", "archive", "database.json", "datasets", "logs", "inbox", "postgres", "prefect", "up")
    # What the test itself has dropped into the inbox keeps its mode, also in the archive: a rename moves it.
    dropped = dict.fromkeys(("archive", "inbox"), (".json", ".jsonl"))
    ours = [
        path for name in made for path in open_to_others(up.home / name) if not path.endswith(dropped.get(name, ()))
    ]
    assert ours == []


def test_a_second_up_in_the_same_home_is_refused(up: Up) -> None:
    done = subprocess.run([COMMAND, "up", "--home", "."], cwd=up.home, capture_output=True, text=True)
    assert (done.returncode, "runs already" in done.stderr) == (1, True)


def test_a_dashboard_that_is_killed_is_back(up: Up) -> None:
    before = up.pids_of("dashboard")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not set(up.pids_of("dashboard")) & set(before), 30)
    assert wait_until(lambda: "Overview · Scorekeeper" in read(f"http://127.0.0.1:{up.port + 10}"), 60)


@pytest.mark.parametrize("part", ["watcher", "worker", "server", "postgres"])
def test_a_part_that_is_killed_is_back_and_files_go_on_becoming_rows(up: Up, part: str) -> None:
    before = up.pids_of(part)
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    up.drop()
    assert wait_until(lambda: bool(up.pids_of(part)) and not set(up.pids_of(part)) & set(before), 60)
    assert wait_until(up.has_all, 90)
    said = (f"{part} has ended", f"{part} does not start")
    assert wait_until(lambda: any(words in up.output.read_text() for words in said), 10)


@pytest.mark.parametrize("part", ["watcher", "server", "postgres server"])
def test_killed_in_the_middle_of_a_run_it_leaves_none_at_work_and_the_next_file_is_taken(up: Up, part: str) -> None:
    """The watcher executes the run; without the others it cannot say how the run has ended."""
    up.drop(3_000)
    assert wait_until(lambda: len(list((up.home / "inbox").glob("*.json"))) < 2_900, 60)
    pid_file = embedded.Cluster(up.home, {}).data / "postmaster.pid"
    killed = datetime.now(UTC)
    for pid in [int(pid_file.read_text().split()[0])] if part == "postgres server" else up.pids_of(part):
        os.kill(pid, signal.SIGKILL)
    assert wait_until(up.has_all, 120)
    assert wait_until(lambda: up.has_ended_what_began_before(killed), 90)
    up.drop()
    assert wait_until(up.has_all, 30)


def test_a_postgres_server_that_is_killed_is_started_again_and_the_worker_with_it(up: Up) -> None:
    """The runs that died with it are to free their deployments' slots, which the worker sees to at its start."""
    before = up.pids_of("worker")
    pid_file = embedded.Cluster(up.home, {}).data / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    up.drop()
    assert wait_until(lambda: bool(up.pids_of("worker")) and not set(up.pids_of("worker")) & set(before), 60)
    assert wait_until(up.has_all, 120)


def test_a_worker_whose_part_is_killed_ends_too(up: Up) -> None:
    *inner, part = up.pids_of("worker")
    os.kill(part, signal.SIGKILL)
    assert wait_until(lambda: not any(map(psutil.pid_exists, inner)), 30)
    assert wait_until(lambda: len(up.pids_of("worker")) > 1, 30)


def test_a_run_that_somebody_asked_for_survives_the_death_of_the_worker(up: Up) -> None:
    close = next(one for one in up.api("/deployments/filter", {}) if one["name"] == "close-trade")
    for pid in up.pids_of("worker"):
        os.kill(pid, signal.SIGKILL)
    made = up.api(
        f"/deployments/{close['id']}/create_flow_run",
        {"parameters": {"trade_id": "no-such-trade"}, "state": {"type": "SCHEDULED"}},
    )
    assert wait_until(lambda: made["id"] in {run["id"] for run in up.runs("COMPLETED")}, 60)


def test_a_run_that_is_cancelled_in_a_batch_stops_between_two_transactions_and_the_next_goes_on(up: Up) -> None:
    ingest = next(one for one in up.api("/deployments/filter", {}) if one["name"] == "ingest")
    up.drop(30_000)
    inbox = up.home / "inbox"

    def at_work() -> list[dict[str, Any]]:
        """The run that has moved some of the files, if it is still at it."""
        some_moved = sum(1 for _ in inbox.glob("*.json")) < 29_900
        return [run for run in up.runs("RUNNING") if some_moved and run["deployment_id"] == ingest["id"]]

    assert wait_until(lambda: bool(at_work()), 120), up.tell()
    (run,) = at_work()
    up.api(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
    assert wait_until(lambda: run["id"] in {run["id"] for run in up.runs("CANCELLED")}, 60)
    assert list(inbox.glob("*.json"))  # it had not come to its end
    assert wait_until(up.has_all, 180)  # of the next run: by its event, or the sweep


def test_closing_the_terminal_ends_it_and_a_socket_is_as_good_as_one(up: Up) -> None:
    """As a service's output is: a socket cannot be opened by a name."""
    ours, theirs = socket.socketpair()
    up.process.send_signal(signal.SIGHUP)
    assert up.process.wait(60) == 128 + signal.SIGHUP
    assert up.processes() == []
    with ours, theirs:
        up.start(theirs.fileno())
        said = b""
        while b"Ready." not in said:
            said += ours.recv(1 << 16)
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(60) == 128 + signal.SIGTERM
    up.start()


def test_killed_whole_while_a_run_is_at_work_it_starts_again_and_loses_nothing(up: Up) -> None:
    up.drop(15_000)  # of several batches: after the first the run is at work yet
    assert wait_until(lambda: len(list((up.home / "inbox").glob("*.json"))) < 14_900, 60)
    for process in (psutil.Process(up.process.pid), *up.processes()):
        process.kill()
    up.process.wait(10)
    up.start()
    assert "marked Crashed" in up.output.read_text()
    assert wait_until(up.has_all, 120)
    assert wait_until(lambda: not [r for r in up.runs("RUNNING") if is_old(r)], 30)
    assert up.runs("CRASHED")


def is_old(run: dict[str, Any]) -> bool:
    return datetime.now(UTC) - as_time(run["start_time"]) > timedelta(minutes=1)


def as_time(words: str) -> datetime:
    return datetime.fromisoformat(words.replace("Z", "+00:00"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_process_and_postgres_with_them(up: Up, number: signal.Signals) -> None:
    if up.process.poll() is not None:
        up.start()
    up.drop()  # a flow run is at work, or about to be
    time.sleep(3)
    up.process.send_signal(number)
    assert up.process.wait(60) == 128 + number
    assert up.output.read_text().splitlines()[-1].startswith(f"stopped by {number.name}: what was done by then is kept")
    assert up.processes() == []
    assert not embedded.Cluster(up.home, {}).has_database("postgres")
    assert "Traceback" not in up.output.read_text()

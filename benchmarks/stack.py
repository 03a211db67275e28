"""A real `scorekeeper up` in a temporary home, with an empty flow deployed beside ours: asked, fed and weighed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import psycopg

from cli.folders import ROOT as ROOT
from cli.folders import address_file
from cli.prefect_server.client_settings import reach_directly
from cli.prefect_server.password import CLIENTS, read_password
from cli.up.processes import end_leftovers
from scorekeeper.operations.sample import write_live_market
from scorekeeper.settings import Settings
from scorekeeper.store import embedded

PROGRAMS = Path(sys.executable).parent
START_SECONDS = 180.0
# What a run of a deployment costs that does nothing at all.
EMPTY, EMPTY_EVENT = "empty", "empty.wanted"
_EMPTY_FLOW = """
from prefect import flow


@flow
def empty() -> None:
    return
"""
_EMPTY_DEPLOYMENT = f"""
name: {EMPTY}
deployments:
- name: {EMPTY}
  entrypoint: flow.py:{EMPTY}
  work_pool:
    name: scorekeeper
  triggers:
  - name: wanted
    type: event
    enabled: true
    expect: [{EMPTY_EVENT}]
"""
_PARTS = ("postgres", "server", "worker", "watcher", "dashboard")


@dataclass(frozen=True)
class Stack:
    """A running `up`."""

    home: Path
    port: int
    process: psutil.Process

    @property
    def inbox(self) -> Path:
        return self.home / "inbox"

    @property
    def yardstick(self) -> Path:
        """The folder of the empty flow."""
        return self.home / "yardstick"

    def environment(self) -> dict[str, str]:
        """What another program of Prefect's needs to use this server as the parts of `up` do."""
        return plain_environment() | {
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api", "PREFECT_HOME": str(self.yardstick),
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", CLIENTS: read_password(self.home) or "",
        }  # fmt: skip

    def api(self, path: str, body: Any) -> Any:
        """Prefect's answer to a POST."""
        address = f"http://127.0.0.1:{self.port}/api"
        password = read_password(self.home) or ""
        headers = {"Authorization": f"Basic {b64encode(password.encode()).decode()}"}
        asking = urllib.request.Request(f"{address}/csrf-token?client=benchmark", headers=headers)  # noqa: S310 - ours
        with urllib.request.urlopen(asking, timeout=30) as answer:  # noqa: S310 - our own address
            headers |= {"Prefect-Csrf-Token": json.load(answer)["token"], "Prefect-Csrf-Client": "benchmark"}
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{address}{path}", json.dumps(body).encode(), headers)  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
            words = answer.read()
        return json.loads(words) if words else None

    def runs(self, deployment: str, since: datetime) -> list[dict[str, Any]]:
        """The runs of a deployment that were to start since then, the first one first."""
        body = {
            "deployments": {"name": {"any_": [deployment]}},
            "flow_runs": {"expected_start_time": {"after_": since.isoformat()}},
            "sort": "EXPECTED_START_TIME_ASC",
        }
        found: list[dict[str, Any]] = self.api("/flow_runs/filter", body)
        return found

    def start_run(self, deployment: str) -> str:
        """Ask for a run now, as the UI's button does; its id."""
        (found,) = self.api("/deployments/filter", {"deployments": {"name": {"any_": [deployment]}}})
        made = self.api(f"/deployments/{found['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        return str(made["id"])

    def emit(self, event: str) -> None:
        """Post an event, as the watcher posts that of an arrival."""
        resource = {"prefect.resource.id": "benchmark"}
        at = datetime.now(UTC).isoformat()
        self.api("/events", [{"id": str(uuid4()), "event": event, "resource": resource, "occurred": at, "payload": {}}])

    def is_calm(self) -> bool:
        """Whether no run is at work or due, and no file waits."""
        now = datetime.now(UTC).isoformat()
        busy = self.api("/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}})
        due = {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"before_": now}}
        return not busy and not self.api("/flow_runs/filter", {"flow_runs": due}) and not any(self.inbox.glob("*.json"))

    def decisions(self) -> int:
        """Rows in the table of decisions."""
        folder = embedded.Cluster(self.home, {}).socket_folder
        with psycopg.connect(host=str(folder), user=embedded.ROLE, dbname="scorekeeper") as connection:
            row = connection.execute("SELECT count(*) FROM scorekeeper.decision").fetchone()
        return int(row[0]) if row else 0

    def part(self, name: str) -> psutil.Process:
        """The process of a part. Raises RuntimeError if it is gone."""
        for process in self.process.children(recursive=True):
            words = process.cmdline()
            if words[-2:] == ["cli.up.parts", name]:
                return process
        raise RuntimeError(f"no process of {name}")

    def worker(self) -> psutil.Process:
        """Prefect's worker itself, whose children are the processes of its flow runs."""
        return self.part("worker").children()[0]

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds of each part so far; those of the worker's flow runs apart, once they have ended."""
        found = {name: cpu_of_tree(self.part(name)) for name in _PARTS}
        worker = self.worker()
        found["flow runs of the worker"] = cpu_of_tree(worker) - own_cpu(worker)
        found["worker"] -= found["flow runs of the worker"]
        pid_file = embedded.Cluster(self.home, {}).data / "postmaster.pid"
        found["postgres"] += cpu_of_tree(psutil.Process(int(pid_file.read_text().split()[0])))
        found["supervision"] = sum(own_cpu(one) for one in self._supervision())
        return found

    def megabytes(self) -> dict[str, float]:
        """Memory of each part, without flow runs; memory that processes share is counted once."""
        worker = self.part("worker")
        pid_file = embedded.Cluster(self.home, {}).data / "postmaster.pid"
        postgres = psutil.Process(int(pid_file.read_text().split()[0]))
        kept = {name: [self.part(name)] for name in _PARTS}
        kept["postgres"] += [postgres, *postgres.children(recursive=True)]
        kept["worker"] = [worker, *worker.children()]
        kept["supervision"] = self._supervision()
        return {name: megabytes_of(*processes) for name, processes in kept.items()}

    def _supervision(self) -> list[psutil.Process]:
        """`up` and supervisord."""
        return [self.process, *self.process.children()]

    def runs_cpu_seconds(self) -> float:
        """CPU seconds of the worker's flow runs that have ended."""
        times = self.worker().cpu_times()
        return float(times.children_user + times.children_system)


def cpu_of_tree(process: psutil.Process) -> float:
    """Its CPU seconds and those of all below it, ended or not."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def own_cpu(process: psutil.Process) -> float:
    """Its own CPU seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


def megabytes_of(*processes: psutil.Process) -> float:
    """Their memory; what several processes share counts as its parts (PSS), on macOS only what each has to itself.

    A process that has ended has none.
    """
    total = 0
    for one in processes:
        try:
            held = one.memory_full_info()
            if sys.platform == "linux":
                total += held.pss
            else:
                total += held.uss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


@contextmanager
def running_up(*, warm: bool) -> Iterator[Stack]:
    """Start it, wait until it is ready, deploy the empty flow; end it, and leave nothing."""
    with tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as folder:
        home = Path(folder).resolve()
        (home / ".env").write_text(f"MARKET=replay:market\nWARM_RUNS={str(warm).lower()}\n", encoding="utf-8")
        write_live_market(home / "market", datetime.now(UTC))
        environment = plain_environment()
        port = free_port()
        with (home / "output.txt").open("wb") as output:
            process = psutil.Popen(
                [str(PROGRAMS / "scorekeeper"), "up", "--home", ".", "--port", str(port)],
                cwd=home, env=environment, stdout=output, stderr=output,
            )  # fmt: skip
        cluster = embedded.Cluster(home, {})
        try:
            if not wait_until(lambda: address_file(home).exists() or not process.is_running(), START_SECONDS):
                raise RuntimeError((home / "output.txt").read_text(encoding="utf-8"))
            stack = Stack(home, port, process)
            _deploy_empty(stack)
            yield stack
        finally:
            process.terminate()
            process.wait(120)
            end_leftovers(home)
            shutil.rmtree(cluster.socket_folder, ignore_errors=True)
            shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)  # run as root it lies outside the home


def plain_environment() -> dict[str, str]:
    """The environment without any setting of ours, and without a server of Prefect's."""
    ours = {name.upper() for name in Settings.model_fields} | {"PREFECT_API_URL", "PREFECT_HOME"}
    return {name: value for name, value in os.environ.items() if name not in ours} | reach_directly(os.environ)


def _deploy_empty(stack: Stack) -> None:
    place = stack.yardstick
    place.mkdir()
    (place / "flow.py").write_text(_EMPTY_FLOW, encoding="utf-8")
    (place / "prefect.yaml").write_text(textwrap.dedent(_EMPTY_DEPLOYMENT), encoding="utf-8")
    subprocess.run(  # noqa: S603 - our own program
        [str(PROGRAMS / "prefect"), "--no-prompt", "deploy", "--all"], cwd=place, check=True, capture_output=True,
        env=stack.environment(),
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_so: Callable[[], bool], seconds: float, pause: float = 0.2) -> bool:
    """Whether it was so within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(pause)
    return False

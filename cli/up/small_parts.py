"""The parts of `up` that stay small: each keeps another program running, and imports neither Prefect nor the settings.

A process that has read the settings holds 20 MB more, and one that has imported Prefect 70. What these parts need,
`up` has put into their environment.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cli.folders import ROOT, UP_FOLDER, address_file
from cli.logs import begin_lines
from cli.prefect_server import POOL
from cli.up.processes import MARK, SPEAKING, WORKER_MARK, end_leftovers, end_with_parent
from scorekeeper.errors import ScorekeeperError

LOOK_SECONDS = 2.0
PROGRAMS = Path(sys.executable).parent


class EndError(BaseException):
    """A signal has asked this part to end."""


@dataclass(frozen=True)
class Told:
    """The settings of a small part, by the names that they have among all."""

    scorekeeper_home: Path
    log_format: str


def read_told() -> Told:
    """What `up` has put into the environment of each part."""
    return Told(Path(os.environ[MARK]), os.environ["LOG_FORMAT"])


def run_postgres(told: Told) -> None:
    """The embedded Postgres, restarted when it ends. It has Prefect's database, and ours unless DATABASE_URL is set."""
    from scorekeeper.store import embedded

    lease = embedded.acquire(told.scorekeeper_home)
    try:
        lease.url("prefect")
        while True:
            time.sleep(LOOK_SECONDS)
            lease.ensure_running()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lease.release()


def run_worker(told: Told) -> None:
    """The worker. When it ends, for any reason, its flow runs end with it.

    It ends when Postgres has restarted, and supervisord starts it again. The runs that died with Postgres could not
    report it, and would hold their deployments' slots: the worker's next start marks them as Crashed.
    """
    from scorekeeper.store.cluster import Cluster

    home = told.scorekeeper_home
    cluster = Cluster(home, {})
    end_leftovers(home, of_worker=True)
    wait_until(lambda: address_file(home).exists() and server_answers())
    database = cluster.server_started()
    # A process of its own: it imports Prefect.
    if subprocess.run([sys.executable, "-m", "cli.up.parts", "clearer"], check=False).returncode:
        raise ScorekeeperError("the runs that the last worker has left could not be marked; see above")
    is_json = told.log_format == "json"
    command = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "up"]
    worker = subprocess.Popen(  # noqa: S603 - our own program
        [str(PROGRAMS / command[0]), *command[1:]], cwd=ROOT, env={**os.environ, WORKER_MARK: "1"},
        preexec_fn=lambda: end_with_parent(signal.SIGKILL),  # on SIGTERM it would wait for its runs
        stdout=subprocess.PIPE if is_json else None, stderr=subprocess.STDOUT if is_json else None,
    )  # fmt: skip
    lines = begin_lines(told, worker, "worker")
    try:
        while worker.poll() is None and cluster.server_started() in (database, None):
            time.sleep(0.5)
    except EndError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_leftovers(home, of_worker=True)
    code = worker.wait()
    if lines is not None:  # what the worker said at its end, too
        lines.join(LOOK_SECONDS)
    sys.exit(code)


def run_reporter(told: Told) -> None:
    """Print on the terminal when a part has died; supervisord starts it again."""
    from supervisor import childutils

    words = {"PROCESS_STATE_EXITED": "has ended", "PROCESS_STATE_BACKOFF": "does not start"}
    signal.signal(signal.SIGTERM, _say_goodbye)
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        what, _ = childutils.eventdata(payload + "\n")
        if what.get("expected") != "1":
            part = what["processname"]
            log = told.scorekeeper_home / UP_FOLDER / f"{part}.log"
            see = "" if part in SPEAKING else f" (see {log})"
            why = "" if part in SPEAKING else _reason_in(log, part)
            died = words[headers["eventname"]]
            print(f"{part} {died}{why}, and is started again{see}", file=sys.stderr, flush=True)
        childutils.listener.ok(sys.stdout)


def _say_goodbye(_number: int, _frame: object) -> None:
    print("Ending everything ...", file=sys.stderr, flush=True)
    raise EndError


def _reason_in(log: Path, part: str) -> str:
    """The reason that a part gave itself, as the last line of its log."""
    with contextlib.suppress(OSError):
        last = log.read_bytes()[-1000:].decode(errors="replace").strip().rpartition("\n")[2]
        if last.startswith(f"{part}: "):
            return f" ({last.removeprefix(f'{part}: ')})"
    return ""


def api_url() -> str:
    """The address of the API of Prefect's server."""
    return os.environ["PREFECT_API_URL"]


def server_answers() -> bool:
    """Whether Prefect's server answers."""
    try:
        with urllib.request.urlopen(f"{api_url()}/health", timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait, for any time."""
    while not condition():
        time.sleep(0.2)


SMALL_PARTS: dict[str, Callable[[Told], None]] = {
    "postgres": run_postgres,
    "worker": run_worker,
    "reporter": run_reporter,
}

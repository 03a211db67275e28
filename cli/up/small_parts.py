"""The parts of `up` that stay small, and the stages of others in which they only wait.

They import neither Prefect nor the settings, and little of the standard library: a process that has read the settings
holds 20 MB, one that has imported Prefect 70, one of these 6. What they need, `up` has put into their environment. What
starts or ends something runs in a process that ends, or in another stage (see `begin_again`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cli.folders import ROOT, address_file
from cli.prefect_server import POOL
from cli.up.processes import MARK, WORKER_MARK, Stage, begin_again, end_leftovers, end_with_parent, hear_signals
from scorekeeper.errors import ScorekeeperError
from scorekeeper.store.postmaster import find_data, is_within_reach, server_started

LOOK_SECONDS = 2.0
PROGRAMS = Path(sys.executable).parent


class EndError(BaseException):
    """A signal has asked this part to end."""


class Told(NamedTuple):
    """The settings of a small part, by the names that they have among all."""

    scorekeeper_home: Path
    log_format: str


def read_told() -> Told:
    """What `up` has put into the environment of each part."""
    return Told(Path(os.environ[MARK]), os.environ["LOG_FORMAT"])


def start_postgres(told: Told, stage: Stage) -> None:
    """The embedded Postgres, started when it has ended. It has Prefect's database, and ours unless DATABASE_URL is set.

    The lease on it is held from stage to stage.
    """
    from scorekeeper.store import embedded

    home = told.scorekeeper_home
    lease = embedded.acquire(home) if stage.held is None else embedded.take_over(home, stage.held)
    try:
        hear_signals()
        lease.ensure_running()
        lease.url("prefect")
        begin_again("postgres", "keep", lease.descriptor())
    except BaseException:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lease.release()
        raise


def keep_postgres(told: Told, stage: Stage) -> None:
    """Look whether Postgres is there, without asking it: each question costs it a process."""
    data = find_data(told.scorekeeper_home)
    try:
        hear_signals()
        while is_within_reach(data):
            time.sleep(LOOK_SECONDS)
        begin_again("postgres", "start", stage.held)
    except EndError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        begin_again("postgres", "end", stage.held)


def end_postgres(told: Told, stage: Stage) -> None:
    """Stop Postgres, if nobody else uses it."""
    from scorekeeper.store import embedded

    assert stage.held is not None
    embedded.take_over(told.scorekeeper_home, stage.held).release()


def run_worker(told: Told, _stage: Stage) -> None:
    """The worker. When it ends, for any reason, its flow runs end with it.

    It ends when Postgres has restarted, and supervisord starts it again. The runs that died with Postgres could not
    report it, and would hold their deployments' slots: the worker's next start marks them as Crashed.
    """
    home = told.scorekeeper_home
    _run("waiter", "the processes that the last worker has left could not be ended")
    data = find_data(home)
    database = server_started(data)
    _run("clearer", "the runs that the last worker has left could not be marked")
    is_json = told.log_format == "json"
    command = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "up"]
    worker = subprocess.Popen(  # noqa: S603 - our own program
        [str(PROGRAMS / command[0]), *command[1:]], cwd=ROOT, env={**os.environ, WORKER_MARK: "1"},
        preexec_fn=lambda: end_with_parent(signal.SIGKILL),  # on SIGTERM it would wait for its runs
        stdout=subprocess.PIPE if is_json else None, stderr=subprocess.STDOUT if is_json else None,
    )  # fmt: skip
    lines = None
    if is_json:
        from cli.logs import begin_lines

        lines = begin_lines(told, worker, "worker")
    try:
        while worker.poll() is None and server_started(data) in (database, None):
            time.sleep(0.5)
    except EndError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_leftovers(home, of_worker=True)
    code = worker.wait()
    if lines is not None:  # what the worker said at its end, too
        lines.join(LOOK_SECONDS)
    sys.exit(code)


def _run(part: str, failed: str) -> None:
    """Run a part that ends, in a process of its own: it imports what this one does not need again."""
    if subprocess.run([sys.executable, "-m", "cli.up.parts", part], check=False).returncode:  # noqa: S603 - our own
        raise ScorekeeperError(f"{failed}; see above")


def run_waiter(told: Told, _stage: Stage) -> None:
    """What comes before a worker: end what the last one has left, and wait until there is work for it."""
    home = told.scorekeeper_home
    end_leftovers(home, of_worker=True)
    wait_until(lambda: address_file(home).exists() and server_answers())


def sleep_until_asked(_told: Told, stage: Stage) -> None:
    """The dashboard while nobody looks at it: it waits for somebody to connect, and holds the listening socket only."""
    import select

    assert stage.held is not None
    asked = select.poll()
    asked.register(stage.held, select.POLLIN)
    asked.poll()
    begin_again("dashboard", "awake", stage.held)


def api_url() -> str:
    """The address of the API of Prefect's server."""
    return os.environ["PREFECT_API_URL"]


def server_answers() -> bool:
    """Whether Prefect's server answers."""
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{api_url()}/health", timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait, for any time."""
    while not condition():
        time.sleep(0.2)


# By part and stage; the first stage has no name.
SMALL_PARTS: dict[tuple[str, str], Callable[[Told, Stage], None]] = {
    ("postgres", ""): start_postgres,
    ("postgres", "start"): start_postgres,
    ("postgres", "keep"): keep_postgres,
    ("postgres", "end"): end_postgres,
    ("worker", ""): run_worker,
    ("waiter", ""): run_waiter,
    ("dashboard", "asleep"): sleep_until_asked,
}

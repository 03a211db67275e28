"""The parts of `scorekeeper up`, each a process: python -m cli.up.parts NAME. Each waits for what it needs."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from cli.folders import ROOT, UP_FOLDER, address_file
from cli.logs import begin_lines, begin_logs
from cli.up.environment import DASHBOARD_PORT
from cli.up.processes import MARK, WORKER_MARK, end_leftovers, end_with_parent
from cli.up.supervision import SPEAKING
from cli.up.systems import migrate_all, tell_dashboard, tell_places
from scorekeeper.errors import ScorekeeperError
from scorekeeper.private_files import write_private
from scorekeeper.settings import Settings, load_settings

if TYPE_CHECKING:
    from tasks.warm_runs import WarmRunner

LOOK_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
PROGRAMS = Path(sys.executable).parent
T = TypeVar("T")


class _EndError(BaseException):
    """A signal has asked this part to end."""


def main(part: str) -> None:
    """Run a part until a signal ends it."""
    end_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    try:
        settings = load_settings()
        if part != "reporter":  # it speaks supervisord's own language
            begin_logs(settings, part)
        PARTS[part](settings)
    except _EndError:
        return
    except ScorekeeperError as exc:
        sys.exit(f"{part}: {exc}")


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise _EndError


def _say_goodbye(_number: int, _frame: FrameType | None) -> None:
    print("Ending everything ...", file=sys.stderr, flush=True)
    raise _EndError


def run_postgres(settings: Settings) -> None:
    """The embedded Postgres, restarted when it ends. It has Prefect's database, and ours unless DATABASE_URL is set."""
    from scorekeeper.store import embedded

    lease = embedded.acquire(settings.scorekeeper_home)
    try:
        lease.url("prefect")
        while True:
            time.sleep(LOOK_SECONDS)
            lease.ensure_running()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lease.release()


def run_server(settings: Settings) -> None:
    """Prefect's server with its UI behind our gate, on 127.0.0.1 only, once Postgres answers."""
    from cli.prefect_server.gate import serve
    from scorekeeper.store import embedded

    cluster = embedded.Cluster(settings.scorekeeper_home, {})
    _wait_until(lambda: cluster.has_database("prefect"))
    os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = (
        f"postgresql+asyncpg://{embedded.ROLE}@/prefect?host={cluster.socket_folder}"
    )
    serve(int(_api().rsplit(":", 1)[1].removesuffix("/api")), settings.ui_host_names)


def run_worker(settings: Settings) -> None:
    """The worker. When it ends, for any reason, its flow runs end with it.

    It ends when Postgres has restarted, and supervisord starts it again. The runs that died with Postgres could not
    report it, and would hold their deployments' slots: the worker's next start marks them as Crashed.
    """
    from scorekeeper.store import embedded

    home = settings.scorekeeper_home
    cluster = embedded.Cluster(home, {})
    end_leftovers(home, of_worker=True)
    _wait_until(lambda: address_file(home).exists() and _server_answers())
    database = cluster.server_started()
    from cli.prefect_server.deployments import POOL
    from cli.prefect_server.runs import Executor, clear_runs

    asyncio.run(clear_runs(Executor.WORKER))
    is_json = settings.log_format == "json"
    command = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "up"]
    worker = subprocess.Popen(  # noqa: S603 - our own program
        [str(PROGRAMS / command[0]), *command[1:]], cwd=ROOT, env={**os.environ, WORKER_MARK: "1"},
        preexec_fn=lambda: end_with_parent(signal.SIGKILL),  # on SIGTERM it would wait for its runs
        stdout=subprocess.PIPE if is_json else None, stderr=subprocess.STDOUT if is_json else None,
    )  # fmt: skip
    lines = begin_lines(settings, worker, "worker")
    try:
        while worker.poll() is None and cluster.server_started() in (database, None):
            time.sleep(0.5)
    except _EndError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_leftovers(home, of_worker=True)
    code = worker.wait()
    if lines is not None:  # what the worker said at its end, too
        lines.join(LOOK_SECONDS)
    sys.exit(code)


def run_watcher(settings: Settings) -> None:
    """The inbox's watcher. With WARM_RUNS it also executes the frequent runs: ingest, and track every minute."""
    _wait_until(_server_answers)
    if not settings.warm_runs:
        from tasks.inbox_watcher import inboxes_of, watch_inboxes

        asyncio.run(watch_inboxes(partial(inboxes_of, settings), asyncio.Event(), _say))
        return
    # Until that file exists, the deployer may still mark unfinished runs as Crashed: also ours.
    _wait_until(lambda: address_file(settings.scorekeeper_home).exists())
    from prefect.exceptions import TerminationSignal

    with contextlib.suppress(TerminationSignal):  # Prefect turns a signal into it while a run is at work
        asyncio.run(_watch_warm(settings))


async def _watch_warm(settings: Settings) -> None:
    from cli.prefect_server.runs import Executor, clear_runs
    from flows.ingest import ingest
    from flows.track import track
    from tasks.inbox_watcher import inboxes_of, watch_inboxes
    from tasks.warm_runs import WarmRunner

    await clear_runs(Executor.WARM)
    runner, stop = WarmRunner({"ingest": ingest, "track": track}, _say), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        inboxes = partial(inboxes_of, settings)
        take = partial(_ingest_now, runner)
        group.create_task(watch_inboxes(inboxes, stop, _say, take))
        await runner.follow_schedule("track")
        stop.set()  # supervisord starts a new process


async def _ingest_now(runner: "WarmRunner", system: str) -> bool:
    return await runner.run_now("ingest", {"system": system} if system else None)


def _say(line: str) -> None:
    print(line, flush=True)


def run_deployer(settings: Settings) -> None:
    """At each start: make pool and deployments, mark orphaned runs as Crashed, and print where things are."""
    home = settings.scorekeeper_home
    _wait_until(_server_answers)
    from cli.prefect_server.deployments import deploy, make_pool
    from cli.prefect_server.runs import Executor, clear_runs
    from scorekeeper.store.database import describe_database

    def prepare() -> tuple[int, int]:
        migrate_all(settings)
        asyncio.run(make_pool())
        cleared = asyncio.run(clear_runs(Executor.EITHER))
        deploy()
        return cleared

    crashed, late = _insist(prepare)
    address = {"api_url": _api(), "dashboard_url": settings.dashboard_url}
    write_private(address_file(home), json.dumps(address))
    if crashed or late:
        print(f"After the last end: {crashed} runs marked Crashed, {late} overdue ones dropped", flush=True)
    opens = f"scorekeeper ui --home {shlex.quote(str(home))}"
    places = {
        **tell_dashboard(settings),
        "UI": f"{_api().removesuffix('/api')}, with a password: {opens}",
        "database": describe_database(settings.database_url, home),
        **tell_places(settings),
        "parts' logs": home / UP_FOLDER,
    }
    print("Ready.", *(f"  {name:<12}{where}" for name, where in places.items()), sep="\n")
    print("Put a decision file into the inbox, and see the score with")
    print(f"  scorekeeper metrics --home {shlex.quote(str(home))}", flush=True)


def run_dashboard(settings: Settings) -> None:
    """Serve the dashboard on 127.0.0.1, once the database has the newest schema."""
    from cli.dashboard_server import make_access, open_all_scores, serve
    from cli.ports import hold_port

    port = int(os.environ[DASHBOARD_PORT])
    access = make_access(settings, "127.0.0.1", port)
    with contextlib.ExitStack() as held:
        make = _insist(lambda: held.enter_context(open_all_scores(settings)), pause=0.5, longest=2.0)
        serve(make(access), [hold_port(port, listening=True)])


def run_feeder(settings: Settings) -> None:
    """The demo's trading system: decisions of the last half hour, then one every few seconds."""
    from scorekeeper.operations.sample import feed_live

    feed_live(settings.inbox_dir, settings.scorekeeper_home / "market")


def run_reporter(settings: Settings) -> None:
    """Print on the terminal when a part has died; supervisord starts it again."""
    from supervisor import childutils

    words = {"PROCESS_STATE_EXITED": "has ended", "PROCESS_STATE_BACKOFF": "does not start"}
    signal.signal(signal.SIGTERM, _say_goodbye)
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        what, _ = childutils.eventdata(payload + "\n")
        if what.get("expected") != "1":
            part = what["processname"]
            log = settings.scorekeeper_home / UP_FOLDER / f"{part}.log"
            see = "" if part in SPEAKING else f" (see {log})"
            why = "" if part in SPEAKING else _reason_in(log, part)
            died = words[headers["eventname"]]
            print(f"{part} {died}{why}, and is started again{see}", file=sys.stderr, flush=True)
        childutils.listener.ok(sys.stdout)


def _reason_in(log: Path, part: str) -> str:
    """The reason that a part gave itself, as the last line of its log."""
    with contextlib.suppress(OSError):
        last = log.read_bytes()[-1000:].decode(errors="replace").strip().rpartition("\n")[2]
        if last.startswith(f"{part}: "):
            return f" ({last.removeprefix(f'{part}: ')})"
    return ""


PARTS: dict[str, Callable[[Settings], None]] = {
    "postgres": run_postgres,
    "server": run_server,
    "worker": run_worker,
    "watcher": run_watcher,
    "deployer": run_deployer,
    "dashboard": run_dashboard,
    "feeder": run_feeder,
    "reporter": run_reporter,
}


def _api() -> str:
    return os.environ["PREFECT_API_URL"]


def _server_answers() -> bool:
    try:
        with urllib.request.urlopen(f"{_api()}/health", timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.2)


def _insist(work: Callable[[], T], pause: float = 1.0, longest: float = LONGEST_PAUSE_SECONDS) -> T:
    """Do `work`, again with growing pauses (seconds) while it fails; a reason is printed when it is new."""
    reason = ""
    while True:
        try:
            return work()
        except ScorekeeperError as exc:
            if str(exc) != reason:
                reason = str(exc)
                print(f"{reason}; trying again ...", flush=True)
            time.sleep(pause)
            pause = min(2 * pause, longest)


if __name__ == "__main__":
    if MARK not in os.environ:
        sys.exit("a part of `scorekeeper up`; it is not started by hand")
    main(sys.argv[1])

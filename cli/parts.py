"""The parts that `scorekeeper up` supervises: python -m cli.parts NAME. Each waits for what it needs."""

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
from typing import TypeVar

from cli.password import PLACE, write_private
from cli.up import DASHBOARD_PORT, MARK, ROOT, SPEAKING, WORKER_MARK, address_file, end_leftovers, end_with_parent
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings, load_settings

LOOK_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
PROGRAMS = Path(sys.executable).parent
T = TypeVar("T")


class _EndError(BaseException):
    """A signal asks this part to end."""


def main(part: str) -> None:
    """Be a part until a signal ends it."""
    end_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _on_signal)
    try:
        PARTS[part](load_settings())
    except _EndError:
        return
    except ScorekeeperError as trouble:
        sys.exit(f"{part}: {trouble}")


def _on_signal(_number: int, _frame: FrameType | None) -> None:
    raise _EndError


def _say_goodbye(_number: int, _frame: FrameType | None) -> None:
    print("Ending everything ...", file=sys.stderr, flush=True)
    raise _EndError


def run_postgres(settings: Settings) -> None:
    """Hold the embedded Postgres, and start it again when it is gone; Prefect's database is in it, and mostly ours."""
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
    from cli.gate import serve
    from scorekeeper.store import embedded

    cluster = embedded.Cluster(settings.scorekeeper_home, {})
    _wait_until(lambda: cluster.has_database("prefect"))
    os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = (
        f"postgresql+asyncpg://{embedded.ROLE}@/prefect?host={cluster.socket_folder}"
    )
    serve(int(_api().rsplit(":", 1)[1].removesuffix("/api")), settings.ui_host_names)


def run_worker(settings: Settings) -> None:
    """The worker; when it ends, however it ends, its flow runs end with it.

    It ends, to be started again, when Postgres was started anew: the runs that died with it could not say so, and would
    hold their deployments' slots. At its start they are marked Crashed.
    """
    from scorekeeper.store import embedded

    home = settings.scorekeeper_home
    cluster = embedded.Cluster(home, {})
    end_leftovers(home, of_worker=True)
    _wait_until(lambda: address_file(home).exists() and _server_answers())
    database = cluster.server_started()
    from cli.deploying import POOL, Whose, clear_runs

    asyncio.run(clear_runs(Whose.WORKER))
    command = ["prefect", "worker", "start", "--pool", POOL, "--type", "process", "--name", "up"]
    worker = subprocess.Popen(  # noqa: S603 - our own program
        [str(PROGRAMS / command[0]), *command[1:]], cwd=ROOT, env={**os.environ, WORKER_MARK: "1"},
        preexec_fn=lambda: end_with_parent(signal.SIGKILL),  # it may wait for its runs, or miss a gentler one
    )  # fmt: skip
    try:
        while worker.poll() is None and cluster.server_started() in (database, None):
            time.sleep(0.5)
    except _EndError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_leftovers(home, of_worker=True)
    sys.exit(worker.wait())


def run_watcher(settings: Settings) -> None:
    """The inbox's watcher. With WARM_RUNS it also executes what comes often, ingest and the minute's track."""
    _wait_until(_server_answers)
    if not settings.warm_runs:
        from tasks.watching import watch_inbox

        asyncio.run(watch_inbox(settings.inbox_dir, asyncio.Event(), _say, skip=settings.own_dirs))
        return
    # Until then what another `up` has left is cleared, and this one's runs with it.
    _wait_until(lambda: address_file(settings.scorekeeper_home).exists())
    from prefect.exceptions import TerminationSignal

    with contextlib.suppress(TerminationSignal):  # what a signal is to a run
        asyncio.run(_watch_warm(settings))


async def _watch_warm(settings: Settings) -> None:
    from cli.deploying import Whose, clear_runs
    from flows.ingest import ingest
    from flows.track import track
    from tasks.warm import WarmRunner
    from tasks.watching import watch_inbox

    await clear_runs(Whose.WARM)
    runner, stop = WarmRunner({"ingest": ingest, "track": track}, _say), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        take = partial(runner.run_now, "ingest")
        group.create_task(watch_inbox(settings.inbox_dir, stop, _say, take=take, skip=settings.own_dirs))
        await runner.follow_schedule("track")
        stop.set()  # supervisord starts it anew


def _say(line: str) -> None:
    print(line, flush=True)


def run_deployer(settings: Settings) -> None:
    """Once a start: make pool and deployments, mark orphaned runs Crashed, and say where things are."""
    home = settings.scorekeeper_home
    _wait_until(_server_answers)
    from cli.deploying import Whose, clear_runs, deploy, make_pool
    from scorekeeper.store.database import describe_database, open_database

    def prepare() -> tuple[int, int]:
        open_database(settings.database_url, home).close()
        asyncio.run(make_pool())
        cleared = asyncio.run(clear_runs(Whose.EVERYBODY))
        deploy()
        return cleared

    crashed, late = _insist(prepare)
    write_private(address_file(home), json.dumps({"api_url": _api()}))
    if crashed or late:
        print(f"After the last end: {crashed} runs marked Crashed, {late} overdue ones dropped", flush=True)
    opens = f"scorekeeper ui --home {shlex.quote(str(home))}"
    places = {
        **_tell_dashboard(settings),
        "UI": f"{_api().removesuffix('/api')}, with a password: {opens}",
        "database": describe_database(settings.database_url, home),
        "inbox": settings.inbox_dir,
        "market": settings.market,
        "log": settings.log_path,
        "dataset": settings.dataset_path,
        "parts' logs": home / PLACE,
    }
    print("Ready.", *(f"  {name:<12}{where}" for name, where in places.items()), sep="\n")
    print("Put a decision file into the inbox, and see the score with")
    print(f"  scorekeeper metrics --home {shlex.quote(str(home))}", flush=True)


def _tell_dashboard(settings: Settings) -> dict[str, str]:
    """Where the score is to be seen, and who is let in."""
    if (port := os.environ.get(DASHBOARD_PORT)) is None:
        return {}
    from cli.dashboard import say_who

    return {"dashboard": f"http://127.0.0.1:{port}  ({say_who(settings, int(port))})"}


def run_dashboard(settings: Settings) -> None:
    """The score in a browser, on 127.0.0.1, once the database has the newest schema."""
    from cli.dashboard import make_access, open_scores, serve
    from cli.up import hold_port

    port = int(os.environ[DASHBOARD_PORT])
    access = make_access(settings, "127.0.0.1", port)
    with contextlib.ExitStack() as held:
        db, as_reader = _insist(lambda: held.enter_context(open_scores(settings)), pause=0.5, longest=2.0)
        serve(db, settings, access, [hold_port(port, listening=True)], as_reader=as_reader)


def run_feeder(settings: Settings) -> None:
    """The demo's trading system: decisions of the last half hour, then one every few seconds."""
    from scorekeeper.sample import feed_live

    feed_live(settings.inbox_dir, settings.scorekeeper_home / "market")


def run_reporter(settings: Settings) -> None:
    """Say on the terminal when a part has died; supervisord starts it again."""
    from supervisor import childutils

    told = {"PROCESS_STATE_EXITED": "has ended", "PROCESS_STATE_BACKOFF": "does not start"}
    signal.signal(signal.SIGTERM, _say_goodbye)
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        what, _ = childutils.eventdata(payload + "\n")
        if what.get("expected") != "1":
            part = what["processname"]
            log = settings.scorekeeper_home / PLACE / f"{part}.log"
            see = "" if part in SPEAKING else f" (see {log})"
            why = "" if part in SPEAKING else _reason_in(log, part)
            print(f"{part} {told[headers['eventname']]}{why}, and is started again{see}", file=sys.stderr, flush=True)
        childutils.listener.ok(sys.stdout)


def _reason_in(log: Path, part: str) -> str:
    """What a part has said itself of its end, as the last line of its log."""
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
        with urllib.request.urlopen(f"{_api()}/health", timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.2)


def _insist(work: Callable[[], T], pause: float = 1.0, longest: float = LONGEST_PAUSE_SECONDS) -> T:
    """Do it, again with growing pauses (seconds) while it fails; each reason is said once."""
    said = ""
    while True:
        try:
            return work()
        except ScorekeeperError as trouble:
            if str(trouble) != said:
                said = str(trouble)
                print(f"{said}; trying again ...", flush=True)
            time.sleep(pause)
            pause = min(2 * pause, longest)


if __name__ == "__main__":
    if MARK not in os.environ:
        sys.exit("a part of `scorekeeper up`; it is not started by hand")
    main(sys.argv[1])

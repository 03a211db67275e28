"""The parts of `up` that read all settings, most of which import Prefect. Each waits for what it needs."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cli.folders import UP_FOLDER, address_file
from cli.up.environment import DASHBOARD_PORT
from cli.up.processes import Stage, begin_again
from cli.up.small_parts import api_url, server_answers, wait_until
from cli.up.systems import migrate_all, tell_dashboard, tell_places
from scorekeeper.errors import ScorekeeperError
from scorekeeper.memory import use_one_pool
from scorekeeper.private_files import write_private
from scorekeeper.settings import Settings

if TYPE_CHECKING:
    from tasks.warm_runs import WarmRunner

LONGEST_PAUSE_SECONDS = 30.0
# How long an ingest waits for more files after the last one. Many systems decide every few seconds.
STAY_SECONDS = 10.0
# After so long without anybody who looks, the dashboard lets go of its memory.
QUIET_SECONDS = 300.0
_AWAY = b"the score cannot be read; the dashboard's log says why\n"
_DATABASE, _TOKEN = "PREFECT_SERVER_DATABASE_CONNECTION_URL", "SCOREKEEPER_DASHBOARD_OWN_TOKEN"
T = TypeVar("T")


def run_server(settings: Settings) -> None:
    """Prefect's server with its UI behind our gate, on 127.0.0.1 only, once Postgres answers."""
    from scorekeeper.store import embedded

    cluster = embedded.Cluster(settings.scorekeeper_home, {})
    wait_until(lambda: cluster.has_database("prefect"))
    address = f"postgresql+asyncpg://{embedded.ROLE}@/prefect?host={cluster.socket_folder}"
    begin_again("server", "serve", told={_DATABASE: address})  # without the driver that has looked


def serve_prefect(settings: Settings, _stage: Stage) -> None:
    """The server itself, once Postgres answers."""
    from cli.prefect_server.gate import serve

    use_one_pool()
    serve(int(api_url().rsplit(":", 1)[1].removesuffix("/api")), settings.ui_host_names)


def run_watcher(settings: Settings) -> None:
    """The inbox's watcher. With WARM_RUNS it also executes the frequent runs: ingest, and track every minute."""
    wait_until(server_answers)
    use_one_pool()
    if not settings.warm_runs:
        from tasks.inbox_watcher import inboxes_of, watch_inboxes

        asyncio.run(watch_inboxes(partial(inboxes_of, settings), asyncio.Event(), _say))
        return
    # Until that file exists, the deployer may still mark unfinished runs as Crashed: also ours.
    wait_until(lambda: address_file(settings.scorekeeper_home).exists())
    from prefect.exceptions import TerminationSignal

    try:
        asyncio.run(_watch_warm(settings))
    except* (TerminationSignal, asyncio.CancelledError):
        pass  # told to end


async def _watch_warm(settings: Settings) -> None:
    from cli.prefect_server.runs import Executor, clear_runs
    from flows.ingest import ingest
    from flows.track import track
    from tasks.inbox_watcher import inboxes_of, watch_inboxes
    from tasks.prefect_server import one_client
    from tasks.warm_runs import WarmRunner

    # Prefect turns the signal into an error of one of the runs at work, which would end that run alone. Asyncio hears
    # it beside Prefect.
    main = asyncio.current_task()
    assert main is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
    runner, stop = WarmRunner({"ingest": ingest, "track": track}, _say), asyncio.Event()
    async with one_client(), asyncio.TaskGroup() as group:
        await clear_runs(Executor.WARM)
        inboxes = partial(inboxes_of, settings)
        take = partial(_ingest_now, runner, settings.systems_dir is None)
        group.create_task(watch_inboxes(inboxes, stop, _say, take))
        await runner.follow_schedules("track", "ingest")
        stop.set()  # supervisord starts a new process


async def _ingest_now(runner: "WarmRunner", alone: bool, system: str) -> bool:
    """`alone`: no other system's files wait meanwhile, so the run may stay."""
    parameters = {"stay_seconds": STAY_SECONDS} if alone else {"system": system} if system else None
    return await runner.run_now("ingest", parameters)


def _say(line: str) -> None:
    print(line, flush=True)


def run_clearer(_settings: Settings) -> None:
    """Mark the runs that the last worker has left as Crashed; the part `worker` calls it before its worker starts."""
    from cli.prefect_server.runs import Executor, clear_runs

    asyncio.run(clear_runs(Executor.WORKER))


def run_deployer(settings: Settings) -> None:
    """At each start: make pool and deployments, mark orphaned runs as Crashed, and print where things are."""
    home = settings.scorekeeper_home
    wait_until(server_answers)
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
    address = {"api_url": api_url(), "dashboard_url": settings.dashboard_url}
    write_private(address_file(home), json.dumps(address))
    if crashed or late:
        print(f"After the last end: {crashed} runs marked Crashed, {late} overdue ones dropped", flush=True)
    opens = f"scorekeeper ui --home {shlex.quote(str(home))}"
    places = {
        **tell_dashboard(settings),
        "UI": f"{api_url().removesuffix('/api')}, with a password: {opens}",
        "database": describe_database(settings.database_url, home),
        **tell_places(settings),
        "parts' logs": home / UP_FOLDER,
    }
    print("Ready.", *(f"  {name:<12}{where}" for name, where in places.items()), sep="\n")
    print("Put a decision file into the inbox, and see the score with")
    print(f"  scorekeeper metrics --home {shlex.quote(str(home))}", flush=True)


def run_dashboard(settings: Settings) -> None:
    """Listen on 127.0.0.1, once the database has the newest schema; serve when somebody connects."""
    from cli.dashboard_server import make_access, open_all_scores
    from cli.ports import hold_port

    port = int(os.environ[DASHBOARD_PORT])
    access = make_access(settings, "127.0.0.1", port)
    with contextlib.ExitStack() as held:
        _insist(lambda: held.enter_context(open_all_scores(settings)), pause=0.5, longest=2.0)
    listening = hold_port(port, listening=True)
    begin_again("dashboard", "asleep", listening.fileno(), {_TOKEN: access.token or ""})


def wake_dashboard(settings: Settings, stage: Stage) -> None:
    """Serve until nobody has looked for QUIET_SECONDS. Who connects while it falls asleep is answered when it wakes."""
    from cli.dashboard_server import make_access, open_all_scores, serve

    assert stage.held is not None
    access = make_access(settings, "127.0.0.1", int(os.environ[DASHBOARD_PORT]), os.environ[_TOKEN])
    with socket.socket(fileno=stage.held) as listening, contextlib.ExitStack() as held:
        try:
            make = held.enter_context(open_all_scores(settings))
        except ScorekeeperError as exc:
            print(exc, flush=True)
            _turn_away(listening)
        else:
            serve(make(access), [listening.dup()], quiet_seconds=QUIET_SECONDS)
        held.close()
        begin_again("dashboard", "asleep", listening.fileno())


def _turn_away(listening: socket.socket) -> None:
    """Answer 503 to those who wait; who comes again makes it try again."""
    listening.setblocking(False)
    said = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nCache-Control: no-store\r\nConnection: close\r\n"
    with contextlib.suppress(BlockingIOError):
        while True:
            asking, _ = listening.accept()
            with asking, contextlib.suppress(OSError):
                asking.settimeout(1)
                asking.recv(1 << 16)
                asking.sendall(said + b"Content-Length: %d\r\n\r\n%b" % (len(_AWAY), _AWAY))


def run_feeder(settings: Settings) -> None:
    """The demo's trading system: decisions of the last half hour, then one every few seconds."""
    from scorekeeper.operations.sample import feed_live

    feed_live(settings.inbox_dir, settings.scorekeeper_home / "market")


LARGE_PARTS: dict[str, Callable[[Settings], None]] = {
    "server": run_server,
    "watcher": run_watcher,
    "deployer": run_deployer,
    "dashboard": run_dashboard,
    "feeder": run_feeder,
    "clearer": run_clearer,
}
# What parts go on as, by part and stage.
STAGED_PARTS: dict[tuple[str, str], Callable[[Settings, Stage], None]] = {
    ("server", "serve"): serve_prefect,
    ("dashboard", "awake"): wake_dashboard,
}


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

"""`scorekeeper up`: everything that runs by itself, on one machine, supervised, in the foreground.

The parts (Postgres, Prefect's server, worker, watcher) are programs under supervisord, which starts them in this order,
restarts one that dies, and ends them in the other order. `up` itself holds the home, hands signals on, and shows what
the parts have to say.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from cli.password import CLIENTS, PLACE, SERVERS, make_place, settle_password
from cli.stopping import SIGNALS, StopError
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings
from scorekeeper.store.place import has_cluster

if TYPE_CHECKING:
    import psutil

MARK = "SCOREKEEPER_UP"
# In the environment of the worker and, by inheritance, of its flow runs.
WORKER_MARK = "SCOREKEEPER_UP_WORKER"
ROOT = Path(__file__).resolve().parents[1]
# (part, seconds it is given to end) in order of their start; supervisord ends them from the last to the first.
PARTS = (("postgres", 45), ("server", 20), ("worker", 45), ("watcher", 10), ("deployer", 5))
DASHBOARD, DASHBOARD_PORT = ("dashboard", 5), "SCOREKEEPER_DASHBOARD_PORT"
# These speak on the terminal; the others have a log each.
SPEAKING = ("deployer", "feeder")
HINT_SECONDS = 60
LINGERING_SECONDS = 75  # a system keeps what is left of a connection for a minute
# Events that are kept for an hour: automations hear of them at once, and what they tell stands in the runs themselves.
FLEETING = (
    "prefect.flow-run.heartbeat", "prefect.flow-run.Pending", "prefect.flow-run.Submitting", "prefect.flow-run.Running",
    "prefect.flow-run.pull-step.executed", "prefect.worker.submitted-flow-run", "prefect.worker.executed-flow-run",
    "prefect.task-run.Pending", "prefect.task-run.Running", "prefect.task-run.Completed",
    "prefect.artifact.created", "prefect.artifact-collection.created", "prefect.artifact-collection.updated",
)  # fmt: skip
_CONFIG, _TERMINAL = "supervisord.conf", "terminal.log"


def run_up(settings: Settings, port: int, *, demo: bool, dashboard: int | None = None) -> None:
    """Start everything and stay until a signal ends it; `dashboard`: its port, None for none.

    Raises ScorekeeperError, StopError.
    """
    if dashboard is not None and settings.dashboard_token:
        from dashboard.security import check_token

        check_token(settings.dashboard_token.get_secret_value(), "127.0.0.1")
    home = settings.scorekeeper_home
    has_cluster(home)  # one that was lost is said before anything is started
    place = make_place(home)
    settings.inbox_dir.mkdir(parents=True, exist_ok=True)
    with _hold_alone(place):
        address_file(home).unlink(missing_ok=True)  # until the server is up and in order, nobody is sent to it
        end_leftovers(home)
        held = [_take_port(port), *_hold_beside(port)]
        if dashboard is not None:
            held += [_take_port(dashboard, _OTHER_PORT), *_hold_beside(dashboard, _OTHER_PORT)]
        parts = (*PARTS, *([DASHBOARD] if dashboard is not None else []), *([("feeder", 5)] if demo else []))
        (place / _CONFIG).write_text(_config(parts), encoding="utf-8")
        (place / _TERMINAL).write_bytes(b"")
        print(f"Starting in {home} (Ctrl-C ends it all) ...", flush=True)
        try:
            _supervise(place, os.environ | environment_of(settings, port, dashboard))
        finally:
            address_file(home).unlink(missing_ok=True)
            for one in held:
                one.close()


def _supervise(place: Path, environment: dict[str, str]) -> None:
    """Run supervisord to its end, and show what is said meanwhile."""
    asked: list[int] = []
    supervisord: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if supervisord is not None:
            supervisord.terminate()

    for number in SIGNALS:
        signal.signal(number, hand_on)
    with (place / _TERMINAL).open("ab") as said_here:
        supervisord = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", _CONFIG],
            cwd=place, env=environment, start_new_session=True, preexec_fn=end_with_parent,
            stdin=subprocess.DEVNULL, stdout=said_here, stderr=said_here,
        )  # fmt: skip
    if asked:  # before there was somebody to hand it to
        supervisord.terminate()
    hint_at: float | None = time.monotonic() + HINT_SECONDS
    with (place / _TERMINAL).open(encoding="utf-8", errors="replace") as said:
        is_over = False
        while not is_over:
            is_over = supervisord.poll() is not None
            _show(said.read())
            if hint_at is not None and address_file(place.parent).exists():
                hint_at = None
            if hint_at is not None and time.monotonic() > hint_at and not asked:
                _show(f"Not ready yet; the parts' logs in {place} say why\n")
                hint_at = None
            if not is_over:
                time.sleep(0.1)
    if asked:
        raise StopError(asked[0])
    raise ScorekeeperError(f"supervisord has ended by itself; see {place}/supervisord.log")


def _show(words: str) -> None:
    with contextlib.suppress(OSError):  # nobody looks any more
        sys.stdout.write(words)
        sys.stdout.flush()


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Let this process be ended when its parent dies, also of a kill -9: on Linux the kernel sends that signal.

    A script's background command ignores SIGINT, and so would all below it: Prefect's worker ends by nothing else.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG


def environment_of(settings: Settings, port: int, dashboard: int | None = None) -> dict[str, str]:
    """What every part, and every flow run of the worker, finds in its environment; `dashboard`: its port."""
    home, origin = settings.scorekeeper_home, f"http://127.0.0.1:{port}"
    api, password = f"{origin}/api", settle_password(home)
    ours = settings.as_environment() | {
        MARK: home, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_HOME": home / "prefect", "PREFECT_API_URL": api,
        # The UI asks whoever served it, by whatever name; pages of other origins ask nobody.
        "PREFECT_SERVER_UI_API_URL": "/api", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origin,
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true", SERVERS: password, CLIENTS: password,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_WORKER_QUERY_SECONDS": "1",
        # Prefect's own: runs that ended long ago go, with their logs and artifacts.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": settings.keep_runs_days * 86_400,
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{settings.keep_events_days}D",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES": json.dumps(dict.fromkeys(FLEETING, 3600)),
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "600", "PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE": "2000",
        # A server that was killed knows afterwards who holds a slot: a run at work keeps it, a dead one's is freed.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING", "PREFECT_CLI_PROMPT": "false", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    if dashboard is not None:
        ours[DASHBOARD_PORT] = dashboard
        if settings.dashboard_url is None:
            ours["DASHBOARD_URL"] = f"http://127.0.0.1:{dashboard}"
    if sys.dont_write_bytecode:
        # Not beside what is imported; but a run is a process, and would compile all of it, each time.
        ours |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": home / "cache" / "python"}
    if settings.warm_runs:
        # Not ahead of its time: the watcher claims the minute's track half a second before.
        ours["PREFECT_WORKER_PREFETCH_SECONDS"] = "0"
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    return {name: str(value) for name, value in ours.items()} | reach_directly(os.environ)


def reach_directly(environment: Mapping[str, str]) -> dict[str, str]:
    """What an environment must say so that no proxy stands between us and our own server."""
    direct = {}
    for name in ("no_proxy", "NO_PROXY"):
        known = environment.get(name, "")
        direct[name] = known if "127.0.0.1" in known else ",".join(filter(None, (known, "127.0.0.1,localhost")))
    return direct


def address_file(home: Path) -> Path:
    """Where a running `up` tells other commands of its server."""
    return home / PLACE / "address.json"


def end_leftovers(home: Path, *, of_worker: bool = False) -> int:
    """End the processes that an `up` of this home has left behind, flow runs with them; how many there were.

    A worker that was killed leaves its flow runs, each in a session of its own: their environment tells. `of_worker`:
    only these, and a worker that has lost its part.
    """
    import psutil

    ours = []
    for process in psutil.process_iter():
        try:
            found = process.environ()
        except (psutil.Error, OSError):
            continue  # gone, or somebody else's
        is_wanted = WORKER_MARK in found or not of_worker
        if found.get(MARK) == str(home) and is_wanted and process.pid not in (os.getpid(), os.getppid()):
            ours.append(process)
    for process in ours:
        _signal(process, kill=False)
    _, alive = psutil.wait_procs(ours, timeout=15)
    for process in alive:
        _signal(process, kill=True)
    psutil.wait_procs(alive, timeout=5)
    return len(ours)


def _signal(process: "psutil.Process", *, kill: bool) -> None:
    import psutil

    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return


@contextlib.contextmanager
def _hold_alone(place: Path) -> Iterator[None]:
    """One `up` a home."""
    with (place / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScorekeeperError(
                f"scorekeeper up runs already in {place.parent}; end it first, or use --home"
            ) from None
        yield


_OTHER_PORT = "--dashboard-port, or leave the dashboard out with --no-dashboard"


def _take_port(port: int, option: str = "--port") -> socket.socket:
    """Hold the port for as long as `up` runs. Raises ScorekeeperError if anybody has it, another `up` of ours too."""
    began, is_said = time.monotonic(), False
    while (waited := time.monotonic() - began) < LINGERING_SECONDS:
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            if waited > 4:
                break  # somebody has it
        else:
            with contextlib.suppress(OSError):
                return hold_port(port)
            if not is_said:  # connections of another program that has just ended, or of an older `up`
                print(f"Port {port} is about to be free; waiting for it, a minute at most ...", flush=True)
                is_said = True
        time.sleep(0.2)
    raise ScorekeeperError(f"port {port} is in use: choose another with {option}")


def _hold_beside(port: int, option: str = "--port") -> list[socket.socket]:
    """The same port of ::1, held and never served: a browser that is told localhost asks there first."""
    try:
        return [hold_port(port, "::1")]
    except OSError as refused:
        if refused.errno == errno.EADDRINUSE:
            raise ScorekeeperError(f"port {port} of ::1 is in use: choose another with {option}") from None
        return []  # no IPv6 here


def hold_port(port: int, address: str = "127.0.0.1", *, listening: bool = False) -> socket.socket:
    """A socket on this port, which nobody but this user's processes can take then. Raises OSError.

    `up` holds it for as long as it runs, without listening: while its server is away, another user who listened in its
    place would be told the password by every part. Beside a socket with SO_REUSEADDR, which whoever listens needs for a
    quick restart, anybody may bind until it listens: what is held has none.
    """
    held = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(listening))
        held.bind((address, port))
        if listening:
            held.listen(2048)
    except OSError:
        held.close()
        raise
    return held


def _config(parts: tuple[tuple[str, int], ...]) -> str:
    """supervisord's configuration. A part that dies within five seconds is started again a second later each time.

    Files are named as seen from the folder that supervisord runs in: in a path of the user's it would read % and ; .
    """
    common = f"directory={ROOT}\nkillasgroup=true\nstartretries=1000000\nstdout_logfile_backups=1\n"
    sections = [
        "[supervisord]\nnodaemon=true\nlogfile=supervisord.log\nlogfile_maxbytes=5MB\nlogfile_backups=1\n"
        "pidfile=supervisord.pid\nsilent=true\nidentifier=scorekeeper\n",
        f"[eventlistener:reporter]\ncommand={_command('reporter')}\npriority=1000\n{common}"
        "events=PROCESS_STATE_EXITED,PROCESS_STATE_BACKOFF\nstdout_logfile=NONE\n"
        f"stderr_logfile={_TERMINAL}\nstderr_logfile_maxbytes=0\n",
    ]
    for priority, (part, seconds) in enumerate(parts):
        once = part == "deployer"
        target, size = (_TERMINAL, "0") if part in SPEAKING else (f"{part}.log", "5MB")
        sections.append(
            f"[program:{part}]\ncommand={_command(part)}\npriority={priority}\n{common}"
            f"autorestart={'unexpected' if once else 'true'}\nstartsecs={0 if once else 5}\nstopwaitsecs={seconds}\n"
            # The worker's part ends the worker itself, after its flow runs.
            f"stopasgroup={'false' if part == 'worker' else 'true'}\n"
            f"redirect_stderr=true\nstdout_logfile={target}\nstdout_logfile_maxbytes={size}\n"
        )
    return "\n".join(sections)


def _command(part: str) -> str:
    return f'"{sys.executable}" -m cli.parts {part}'

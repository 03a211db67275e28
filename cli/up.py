"""`scorekeeper up`: everything that runs by itself, on one machine, supervised, in the foreground.

The parts (Postgres, Prefect's server, worker, watcher) are programs under supervisord, which starts them in this order,
restarts one that dies, and ends them in the other order. `up` itself holds the home, hands signals on, and shows what
the parts have to say.
"""

import contextlib
import ctypes
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

from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings

if TYPE_CHECKING:
    import psutil

MARK = "SCOREKEEPER_UP"
# In the environment of the worker and, by inheritance, of its flow runs.
WORKER_MARK = "SCOREKEEPER_UP_WORKER"
ROOT = Path(__file__).resolve().parents[1]
PLACE = "up"
# (part, seconds it is given to end) in order of their start; supervisord ends them from the last to the first.
PARTS = (("postgres", 45), ("server", 20), ("worker", 45), ("watcher", 10), ("deployer", 5))
# These speak on the terminal; the others have a log each.
SPEAKING = ("deployer", "feeder")
HINT_SECONDS = 60
_CONFIG, _TERMINAL = "supervisord.conf", "terminal.log"


def run_up(settings: Settings, port: int, *, demo: bool) -> None:
    """Start everything and stay until a signal ends it. Raises ScorekeeperError."""
    home = settings.scorekeeper_home
    place = home / PLACE
    place.mkdir(parents=True, exist_ok=True)
    settings.inbox_dir.mkdir(parents=True, exist_ok=True)
    with _hold_alone(place):
        address_file(home).unlink(missing_ok=True)  # until the server is up and in order, nobody is sent to it
        end_leftovers(home)
        _check_port(port)
        parts = (*PARTS, ("feeder", 5)) if demo else PARTS
        (place / _CONFIG).write_text(_config(parts), encoding="utf-8")
        (place / _TERMINAL).write_bytes(b"")
        print(f"Starting in {home} (Ctrl-C ends it all) ...", flush=True)
        try:
            _supervise(place, os.environ | environment_of(settings, port))
        finally:
            address_file(home).unlink(missing_ok=True)


def _supervise(place: Path, environment: dict[str, str]) -> None:
    """Run supervisord to its end, and show what is said meanwhile."""
    with (place / _TERMINAL).open("ab") as said_here:
        supervisord = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", _CONFIG],
            cwd=place, env=environment, start_new_session=True, preexec_fn=end_with_parent,
            stdin=subprocess.DEVNULL, stdout=said_here, stderr=said_here,
        )  # fmt: skip
    asked: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        supervisord.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)
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
    if not asked:
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


def environment_of(settings: Settings, port: int) -> dict[str, str]:
    """What every part, and every flow run of the worker, finds in its environment."""
    home, api = settings.scorekeeper_home, f"http://127.0.0.1:{port}/api"
    ours = {
        "SCOREKEEPER_HOME": home, "INBOX_DIR": settings.inbox_dir, "LOG_DIR": settings.log_dir,
        "DATASETS_DIR": settings.datasets_dir, "MARKET": settings.market, "SYSTEM_VERSION": settings.system_version,
        "MAX_HOLD_TIME_MINUTES": settings.max_hold_time_minutes, "FEE_BPS": settings.fee_bps,
        "DECISION_TIMEZONE": settings.decision_timezone, "CANDLE_GRACE_MINUTES": settings.candle_grace_minutes,
        "SIGNALS": settings.signals,
        "SUSPECT_PRICE_PCT": settings.suspect_price_pct, "EXCHANGE_OPTIONS": json.dumps(settings.exchange_options),
        "KEEP_CANDLES_DAYS": settings.keep_candles_days or "", "KEEP_ARCHIVE_DAYS": settings.keep_archive_days or "",
        "KEEP_RUNS_DAYS": settings.keep_runs_days,
        "DRAWDOWN_ALERT_PCT": "" if settings.drawdown_alert_pct is None else settings.drawdown_alert_pct,
        MARK: home, "DATABASE_URL": "", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_HOME": home / "prefect", "PREFECT_API_URL": api, "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_WORKER_QUERY_SECONDS": "1",
        "WARM_RUNS": settings.warm_runs,
        # Prefect's own: runs that ended long ago go, with their logs and artifacts.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": settings.keep_runs_days * 86_400,
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING", "PREFECT_CLI_PROMPT": "false", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    if auth := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        ours["PREFECT_API_AUTH_STRING"] = auth  # the parts are its clients
    if sys.dont_write_bytecode:
        # Not beside what is imported; but a run is a process, and would compile all of it, each time.
        ours |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": home / "cache" / "python"}
    if settings.warm_runs:
        # Not ahead of its time: the watcher claims the minute's track half a second before.
        ours["PREFECT_WORKER_PREFETCH_SECONDS"] = "0"
    if settings.database_url is not None:
        ours["DATABASE_URL"] = settings.database_url.get_secret_value()
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


def _check_port(port: int) -> None:
    for _ in range(20):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                time.sleep(0.2)
            else:
                return
    raise ScorekeeperError(f"port {port} is in use: choose another with --port")


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

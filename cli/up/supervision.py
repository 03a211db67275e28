"""`scorekeeper up`: everything that runs by itself, on one machine, supervised, in the foreground.

The parts (Postgres, Prefect's server, worker, watcher; see parts.py) are programs under supervisord. It starts them in
order, restarts one that dies, and ends them in the opposite order. `up` itself locks the home, forwards signals, and
shows what the parts print.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from cli.folders import ROOT, address_file, lock_file, make_up_folder
from cli.logs import begin_logs
from cli.ports import take_ipv6_port, take_port
from cli.stopping import SIGNALS, StopError
from cli.up.environment import environment_of
from cli.up.processes import SPEAKING, end_leftovers, end_with_parent
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings, settings_of_all
from scorekeeper.store.cluster_folder import has_cluster

# (part, seconds it is given to end) in order of their start; supervisord ends them from the last to the first.
PARTS = (("postgres", 45), ("server", 20), ("worker", 45), ("watcher", 10), ("deployer", 5))
DASHBOARD = ("dashboard", 5)
HINT_SECONDS = 60
# How often it looks for what the parts have printed: while they start or end, and in between.
STARTING_SECONDS, STEADY_SECONDS = 0.1, 0.5
OTHER_PORT = "--dashboard-port, or leave the dashboard out with --no-dashboard"
_CONFIG, _TERMINAL = "supervisord.conf", "terminal.log"


def run_up(settings: Settings, port: int, *, demo: bool, dashboard: int | None = None) -> None:
    """Start everything and stay until a signal ends it; `dashboard`: its port, None for none.

    Raises ScorekeeperError, StopError.
    """
    if dashboard is not None:
        from cli.dashboard_tokens import check_tokens  # not from the server itself: this process stays small

        check_tokens(settings, "127.0.0.1")
    begin_logs(settings, "up")
    home = settings.scorekeeper_home
    has_cluster(home)  # a lost database is reported before anything starts
    folder = make_up_folder(home)
    for system in settings_of_all(settings)[0]:
        if isinstance(system.inbox, Path):
            system.inbox.mkdir(parents=True, exist_ok=True)
    with _lock_home(home):
        address_file(home).unlink(missing_ok=True)  # no command uses the server before it is ready
        end_leftovers(home)
        held = [take_port(port), *take_ipv6_port(port)]
        if dashboard is not None:
            held += [take_port(dashboard, OTHER_PORT), *take_ipv6_port(dashboard, OTHER_PORT)]
        parts = (*PARTS, *([DASHBOARD] if dashboard is not None else []), *([("feeder", 5)] if demo else []))
        (folder / _CONFIG).write_text(_config(parts), encoding="utf-8")
        (folder / _TERMINAL).write_bytes(b"")
        print(f"Starting in {home} (Ctrl-C ends it all) ...", flush=True)
        try:
            _supervise(folder, os.environ | environment_of(settings, port, dashboard))
        finally:
            address_file(home).unlink(missing_ok=True)
            for one in held:
                one.close()


def _supervise(folder: Path, environment: dict[str, str]) -> None:
    """Run supervisord to its end, and show what the parts print meanwhile."""
    received: list[int] = []
    supervisord: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if supervisord is not None:
            supervisord.terminate()

    for number in SIGNALS:
        signal.signal(number, forward)
    with (folder / _TERMINAL).open("ab") as terminal:
        supervisord = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", _CONFIG],
            cwd=folder, env=environment, start_new_session=True, preexec_fn=end_with_parent,
            stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
        )  # fmt: skip
    if received:  # a signal that came before supervisord ran
        supervisord.terminate()
    hint_at: float | None = time.monotonic() + HINT_SECONDS
    with (folder / _TERMINAL).open(encoding="utf-8", errors="replace") as printed:
        is_over = False
        while not is_over:
            is_over = supervisord.poll() is not None
            _show(printed.read())
            if hint_at is not None and address_file(folder.parent).exists():
                hint_at = None
            if hint_at is not None and time.monotonic() > hint_at and not received:
                _show(f"Not ready yet; the parts' logs in {folder} say why\n")
                hint_at = None
            if not is_over:
                time.sleep(STARTING_SECONDS if hint_at is not None or received else STEADY_SECONDS)
    if received:
        raise StopError(received[0])
    raise ScorekeeperError(f"supervisord has ended by itself; see {folder}/supervisord.log")


def _show(words: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is closed
        sys.stdout.write(words)
        sys.stdout.flush()


@contextlib.contextmanager
def _lock_home(home: Path) -> Iterator[None]:
    """Let only one `up` run in a home. Raises ScorekeeperError."""
    with lock_file(home).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScorekeeperError(f"scorekeeper up runs already in {home}; end it first, or use --home") from None
        yield


def _config(parts: tuple[tuple[str, int], ...]) -> str:
    """supervisord's configuration. A part that dies within five seconds is started again a second later each time.

    Files are named relative to supervisord's working directory: in a user's path it would interpret % and ; itself.
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
        # The spans of runs are wanted, not those of the server's own services, of which there are several a second.
        untraced = 'environment=OTEL_SDK_DISABLED="true"\n' if part == "server" else ""
        sections.append(
            f"[program:{part}]\ncommand={_command(part)}\npriority={priority}\n{common}"
            f"autorestart={'unexpected' if once else 'true'}\nstartsecs={0 if once else 5}\nstopwaitsecs={seconds}\n"
            # The worker part ends the worker's flow runs and then the worker itself.
            f"stopasgroup={'false' if part == 'worker' else 'true'}\n"
            f"redirect_stderr=true\nstdout_logfile={target}\nstdout_logfile_maxbytes={size}\n{untraced}"
        )
    return "\n".join(sections)


def _command(part: str) -> str:
    return f'"{sys.executable}" -m cli.up.parts {part}'

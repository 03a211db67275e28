"""`scorekeeper up`: everything that runs by itself, on one machine, supervised, in the foreground.

The parts (Postgres, Prefect's server, worker, watcher; see parts.py) are programs under supervisord. It starts them in
order, restarts one that dies, and ends them in the opposite order. `up` itself checks the settings, locks the home and
its ports, and becomes front.py, which forwards signals and shows what the parts print.
"""

import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from cli.folders import ROOT, address_file, lock_file, make_up_folder
from cli.logs import begin_logs
from cli.ports import take_ipv6_port, take_port
from cli.stopping import SIGNALS, StopError, asked
from cli.up.environment import environment_of
from cli.up.processes import CONFIG, MARK, SPEAKING, TERMINAL, become, end_leftovers
from scorekeeper.errors import ScorekeeperError
from scorekeeper.settings import Settings, settings_of_all
from scorekeeper.store.cluster_folder import has_cluster

# (part, seconds it is given to end) in order of their start; supervisord ends them from the last to the first.
PARTS = (("postgres", 45), ("server", 20), ("worker", 45), ("watcher", 10), ("deployer", 5))
DASHBOARD = ("dashboard", 5)
OTHER_PORT = "--dashboard-port, or leave the dashboard out with --no-dashboard"


def run_up(settings: Settings, port: int, *, demo: bool, dashboard: int | None = None) -> NoReturn:
    """Start everything and stay until a signal ends it, as another program; `dashboard`: its port, None for none.

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
    with _lock_home(home) as lock, contextlib.ExitStack() as ports:
        address_file(home).unlink(missing_ok=True)  # no command uses the server before it is ready
        end_leftovers(home)
        held = [take_port(port), *take_ipv6_port(port)]
        if dashboard is not None:
            held += [take_port(dashboard, OTHER_PORT), *take_ipv6_port(dashboard, OTHER_PORT)]
        parts = (*PARTS, *([DASHBOARD] if dashboard is not None else []), *([("feeder", 5)] if demo else []))
        (folder / CONFIG).write_text(_config(parts), encoding="utf-8")
        (folder / TERMINAL).write_bytes(b"")
        print(f"Starting in {home} (Ctrl-C ends it all) ...", flush=True)
        kept = [lock, *(ports.enter_context(one).fileno() for one in held)]
        _become_front(home, os.environ | environment_of(settings, port, dashboard), kept)


def _become_front(home: Path, environment: dict[str, str], held: list[int]) -> NoReturn:
    """Go on as the process that only watches supervisord; the descriptors stay open. A signal waits for it."""
    environment = {name: value for name, value in environment.items() if name != MARK}
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    if (number := asked()) is not None:
        raise StopError(number)
    # -P: not from the folder where the user happens to be.
    become(["-P", "-m", "cli.up.front", str(home)], environment, held)


@contextlib.contextmanager
def _lock_home(home: Path) -> Iterator[int]:
    """Let only one `up` run in a home; the descriptor that holds the lock. Raises ScorekeeperError."""
    with lock_file(home).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScorekeeperError(f"scorekeeper up runs already in {home}; end it first, or use --home") from None
        yield lock.fileno()


def _config(parts: tuple[tuple[str, int], ...]) -> str:
    """supervisord's configuration. A part that dies within five seconds is started again a second later each time.

    Files are named relative to supervisord's working directory: in a user's path it would interpret % and ; itself.
    """
    common = f"directory={ROOT}\nkillasgroup=true\nstartretries=1000000\nstdout_logfile_backups=1\n"
    sections = [
        "[supervisord]\nnodaemon=true\nlogfile=supervisord.log\nlogfile_maxbytes=5MB\nlogfile_backups=1\n"
        "pidfile=supervisord.pid\nsilent=true\nidentifier=scorekeeper\n",
    ]
    for priority, (part, seconds) in enumerate(parts):
        once = part == "deployer"
        target, size = (TERMINAL, "0") if part in SPEAKING else (f"{part}.log", "5MB")
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

"""The processes of an `up`: how they are recognised, and how each ends with its parent."""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# In the environment of all of them; its value is the home.
MARK = "SCOREKEEPER_UP"
# In the environment of the worker and, by inheritance, of its flow runs.
WORKER_MARK = "SCOREKEEPER_UP_WORKER"
# The parts that print on the terminal; each other part has a log.
SPEAKING = ("deployer", "feeder")


def end_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Let this process end when its parent dies, even by kill -9: on Linux the kernel then sends it that signal.

    SIGINT gets its default handler back: a script's background command ignores SIGINT, its children inherit that, and
    Prefect's worker ends on SIGINT only.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG


def end_leftovers(home: Path, *, of_worker: bool = False) -> int:
    """End the processes that an earlier `up` of this home has left, flow runs among them; how many there were.

    A worker that was killed leaves its flow runs, each in its own session; their environment shows whose they are.
    `of_worker`: end only the worker's processes.
    """
    import psutil

    ours = []
    for process in psutil.process_iter():
        try:
            found = process.environ()
        except (psutil.Error, OSError):
            continue  # it has ended, or belongs to another user
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

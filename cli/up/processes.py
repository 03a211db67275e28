"""The processes of an `up`: how they are recognised, and how each ends with its parent."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    import psutil

# In the environment of all of them; its value is the home.
MARK = "SCOREKEEPER_UP"
# In the environment of the worker and, by inheritance, of its flow runs.
WORKER_MARK = "SCOREKEEPER_UP_WORKER"
# In the folder of `up`: supervisord's configuration, and what is to be shown on the terminal.
CONFIG, TERMINAL = "supervisord.conf", "terminal.log"
# The parts that print on the terminal; each other part has a log.
SPEAKING = ("deployer", "feeder")


# In the environment of a part that has begun again: which of its stages this is, and the file that it was handed.
_STAGE, _HELD = "SCOREKEEPER_UP_STAGE", "SCOREKEEPER_UP_HELD"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stage(NamedTuple):
    """Where a part is: the name of its stage, empty at its start, and the descriptor that the last stage held open."""

    name: str = ""
    held: int | None = None


def begin_again(part: str, stage: str, held: int | None = None, told: Mapping[str, str] | None = None) -> NoReturn:
    """Go on as another stage of the part, in the same process, which has imported nothing then.

    What only starts or ends something needs much memory, what waits in between little. `held`: a descriptor that stays
    open. `told`: more for the environment. A signal that comes meanwhile reaches the next stage.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    environment = {**os.environ, **(told or {}), _STAGE: stage}
    if held is not None:
        environment[_HELD] = str(held)
    become(["-m", "cli.up.parts", part], environment, [] if held is None else [held])


def become(words: Sequence[str], environment: Mapping[str, str], held: Iterable[int]) -> NoReturn:
    """Go on as another program of ours, with the same process id; the descriptors stay open. Signals are blocked."""
    for one in held:
        os.set_inheritable(one, True)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os.execve(sys.executable, [sys.executable, *words], environment)  # noqa: S606 - our own program


def take_stage() -> Stage:
    """The stage that this process was begun as; no program that it starts sees it."""
    held = os.environ.pop(_HELD, "")
    if held:
        os.set_inheritable(int(held), False)
    return Stage(os.environ.pop(_STAGE, ""), int(held) if held else None)


def hear_signals() -> None:
    """Take the signals that came between two stages, and those to come."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


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

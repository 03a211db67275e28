"""A signal ends a command: in order and in time, with one line and 128 + its number.

At first it is asked: StopError is raised where it stands, and what is open is given up on the way out. A command that
has not ended PATIENCE_SECONDS later (it waits for another's transaction, for a server that hangs, or a library has lost
the exception) is ended as it is: what was committed is kept, the rest undone by Postgres. Either way the embedded
Postgres is stopped, if nobody else uses it, and no program that was started here is left.

Imported before everything else, and imports little: a signal counts from then on.
"""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Literal, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_SECONDS = 6.0
RELEASE_SECONDS = 3.0
CHILDREN_SECONDS = 1.0
_KEPT = "what was done by then is kept, and the next run goes on from there"

_stage: Literal["before", "at work", "done"] = "before"
_asked: int | None = None
_turn = threading.Lock()


class StopError(KeyboardInterrupt):
    """A signal has asked this command to stop, by its number. Libraries know the parent, and clean up for it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        _note(number)  # typer knows the parent, too, and makes an exit of it


def guard() -> None:
    """Listen to the signals from now on; SIGHUP stays ignored under nohup."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)


def begin_work() -> None:
    """From now on a signal is raised as StopError."""
    global _stage
    _stage = "at work"


def end_work() -> None:
    """From now on there is nothing to be given up: a signal ends the process at once."""
    global _stage
    _stage = "done"


def ignore_signals() -> None:
    """All is done and said: a signal changes nothing any more, while the interpreter comes to its own end.

    It would give each signal its old meaning before, and end this process by it without a word.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def asked() -> int | None:
    """The signal that has asked this command to stop."""
    return _asked


def stop_in_time(number: int) -> None:
    """A signal was heard: whatever happens, this process ends in time."""
    if _note(number):
        threading.Thread(target=_end_in_time, args=(number,), daemon=True).start()


def _note(number: int) -> bool:
    """Remember the first signal; whether this is it."""
    global _asked
    is_first, _asked = _asked is None, _asked or number
    return is_first


def hear_while_busy() -> None:
    """Hear a signal even while the main thread is in a call that does not return, such as asking a name server."""
    if signal.getsignal(signal.SIGTERM) is not _on_signal:
        return
    hears, tells = os.pipe()
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    threading.Thread(target=_hear, args=(hears,), daemon=True).start()


def _hear(hears: int) -> None:
    while numbers := os.read(hears, 1):
        if numbers[0] in SIGNALS and signal.getsignal(numbers[0]) != signal.SIG_IGN:
            stop_in_time(numbers[0])


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _stage == "before":
        finish(number, "nothing was begun")
    if _stage == "done":
        finish(number, "the command had come to its end")
    is_raised = getattr(_on_signal, "raised", False)
    stop_in_time(number)
    if not is_raised:
        # Once: what cleans up now is not to be interrupted, and Prefect sends itself the signal that it has caught.
        _on_signal.raised = True  # type: ignore[attr-defined]
        raise StopError(number)


def _end_in_time(number: int) -> None:
    threading.Event().wait(PATIENCE_SECONDS)
    finish(number)


def finish(number: int, kept: str = _KEPT) -> NoReturn:
    """Give back what this process holds, say the line, and end; whoever comes second waits for the end."""
    if not _turn.acquire(blocking=False):
        threading.Event().wait()
    embedded = sys.modules.get("scorekeeper.store.embedded")
    if embedded is not None:
        # In a thread: somebody who is just starting or stopping the server may hold its lock.
        release = threading.Thread(target=_give_back, args=(embedded.release_all,), daemon=True)
        release.start()
        release.join(RELEASE_SECONDS)
    _end_children()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"stopped by {signal.Signals(number).name}: {kept}\n")
        sys.stderr.flush()
    os._exit(128 + number)


def _give_back(release_all: object) -> None:
    with contextlib.suppress(Exception):
        release_all()  # type: ignore[operator]


def _end_children() -> None:
    """End the programs that were started here, such as the server that Prefect starts for a command."""
    if _stage == "before":
        return
    import psutil

    children = []
    with contextlib.suppress(psutil.Error):
        children = psutil.Process().children(recursive=True)
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for child in children:
            with contextlib.suppress(psutil.Error):
                # As process 1 of a container we have inherited the server of others.
                if child.name() != "postgres":
                    ask(child)
        _, children = psutil.wait_procs(children, timeout=CHILDREN_SECONDS)

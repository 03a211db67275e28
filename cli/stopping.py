"""How a signal ends a command: in order and in time, with one line and exit code 128 + its number.

First StopError is raised in the main thread, so that the command cleans up on its way out. A command that has not ended
PATIENCE_SECONDS later is ended at once: it may wait for another transaction or a server that hangs, or a library may
have lost the exception. Postgres keeps what was committed and undoes the rest. In both cases the embedded Postgres is
stopped if it has no other user, and every program that the command started is ended.

This module is imported before everything else, so it imports little: signals are handled from then on.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
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
    """The signal `number` has asked this command to stop. Libraries clean up on its base class."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        _note(number)  # typer turns the base class into an exit


def guard(handler: Callable[[int, FrameType | None], object] | None = None) -> None:
    """Handle the signals from now on, by `handler` if it is given; SIGHUP stays ignored under nohup."""
    for number in SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler or _on_signal)


def begin_work() -> None:
    """From now on a signal raises StopError."""
    global _stage
    _stage = "at work"


def end_work() -> None:
    """From now on there is nothing to clean up: a signal ends the process at once."""
    global _stage
    _stage = "done"


def ignore_signals() -> None:
    """Ignore signals while the interpreter shuts down.

    Otherwise the interpreter restores their default handlers first, and a signal ends this process without a message.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def asked() -> int | None:
    """The signal that has asked this command to stop, None if none has."""
    return _asked


def stop_in_time(number: int) -> None:
    """End this process within PATIENCE_SECONDS, whatever happens: the signal `number` has come."""
    if _note(number):
        threading.Thread(target=_end_in_time, args=(number,), daemon=True).start()


def _note(number: int) -> bool:
    """Remember the first signal; whether this is the first."""
    global _asked
    is_first, _asked = _asked is None, _asked or number
    return is_first


def hear_while_busy() -> None:
    """Handle signals even while the main thread is in a call that does not return, such as a name lookup."""
    if signal.getsignal(signal.SIGTERM) is not _on_signal:
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_hear, args=(reading,), daemon=True).start()


def _hear(reading: int) -> None:
    while numbers := os.read(reading, 1):
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
        # Only once: the clean-up must not be interrupted, and Prefect sends a signal that it has caught to itself.
        _on_signal.raised = True  # type: ignore[attr-defined]
        raise StopError(number)


def _end_in_time(number: int) -> None:
    threading.Event().wait(PATIENCE_SECONDS)
    finish(number)


def finish(number: int, kept: str = _KEPT) -> NoReturn:
    """Release what this process holds, print the line, and end. A second thread that calls it waits for the end."""
    if not _turn.acquire(blocking=False):
        threading.Event().wait()
    embedded = sys.modules.get("scorekeeper.store.embedded")
    if embedded is not None:
        # In a thread: another one that is starting or stopping the server may hold its lock.
        release = threading.Thread(target=_release, args=(embedded.release_all,), daemon=True)
        release.start()
        release.join(RELEASE_SECONDS)
    _end_children()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"stopped by {signal.Signals(number).name}: {kept}\n")
        sys.stderr.flush()
    os._exit(128 + number)


def _release(release_all: object) -> None:
    with contextlib.suppress(Exception):
        release_all()  # type: ignore[operator]


def _end_children() -> None:
    """End the programs that this command started, such as the server that Prefect starts for a command."""
    if _stage == "before":
        return
    import psutil

    children = []
    with contextlib.suppress(psutil.Error):
        children = psutil.Process().children(recursive=True)
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for child in children:
            with contextlib.suppress(psutil.Error):
                # As process 1 of a container this process may have adopted a Postgres of others.
                if child.name() != "postgres":
                    ask(child)
        _, children = psutil.wait_procs(children, timeout=CHILDREN_SECONDS)

"""supervisord, which also says on the terminal when a part has died: python -m cli.up.daemon, in the folder of `up`.

A listener would be a process of its own; supervisord tells its own code of the same events. These are its own modules
and no interface that it documents: another version may move them.
"""

import contextlib
import os
import sys
from pathlib import Path

from supervisor import events
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from cli.folders import UP_FOLDER
from cli.up.processes import CONFIG, MARK, SPEAKING


class Daemon(Supervisor):  # type: ignore[misc] # it has no types
    """supervisord that reports."""

    def runforever(self) -> None:
        """Start the parts, and restart those that die, until a signal comes."""
        events.subscribe(events.ProcessStateExitedEvent, _tell_end)
        events.subscribe(events.ProcessStateBackoffEvent, _tell_end)
        events.subscribe(events.SupervisorStoppingEvent, lambda _event: _say("Ending everything ..."))
        super().runforever()


def _tell_end(event: events.ProcessStateEvent) -> None:
    """A part has died; supervisord starts it again. The deployer ends by itself, which is expected."""
    if getattr(event, "expected", False):
        return
    part = event.process.config.name
    log = Path(os.environ[MARK]) / UP_FOLDER / f"{part}.log"
    see = "" if part in SPEAKING else f" (see {log})"
    why = "" if part in SPEAKING else _reason_in(log, part)
    died = "has ended" if isinstance(event, events.ProcessStateExitedEvent) else "does not start"
    _say(f"{part} {died}{why}, and is started again{see}")


def _reason_in(log: Path, part: str) -> str:
    """The reason that a part gave itself, as the last line of its log."""
    with contextlib.suppress(OSError):
        last = log.read_bytes()[-1000:].decode(errors="replace").strip().rpartition("\n")[2]
        if last.startswith(f"{part}: "):
            return f" ({last.removeprefix(f'{part}: ')})"
    return ""


def _say(words: str) -> None:
    with contextlib.suppress(OSError):  # a full disk must not end what restarts the parts
        print(words, file=sys.stderr, flush=True)


def main() -> None:
    """Run until a signal ends it."""
    options = ServerOptions()
    options.realize(["-n", "-c", CONFIG], doc="")
    options.first, options.test = True, False  # as supervisord's own main sets them
    with contextlib.suppress(asyncore.ExitNow):  # how its loop says that all parts have ended
        Daemon(options).main()


if __name__ == "__main__":
    main()

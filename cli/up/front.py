"""The process that a user sees as `up`: it forwards signals to supervisord and shows what the parts print.

python -m cli.up.front HOME. `scorekeeper up` becomes it once everything is checked: it has read the settings, and would
hold 30 MB for as long as it runs. The locked home and the ports that it holds stay open across this.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from cli import stopping
from cli.folders import UP_FOLDER, address_file
from cli.up.processes import MARK, TERMINAL, end_with_parent

HINT_SECONDS = 60
# How often it looks for what the parts have printed: while they start or end, and in between.
STARTING_SECONDS, STEADY_SECONDS = 0.1, 0.5


def main(home: Path) -> None:
    """Run supervisord to its end; exit code 128 + n when signal n stopped it, 1 if it has ended by itself."""
    environment = {**os.environ, MARK: str(home)}
    if os.environ["LOG_FORMAT"] == "json":
        from cli.logs import begin_logs
        from cli.up.small_parts import Told

        begin_logs(Told(home, "json"), "up")
    try:
        number = _supervise(home / UP_FOLDER, environment)
    finally:
        address_file(home).unlink(missing_ok=True)
    if number is not None:
        stopping.finish(number)
    print(f"error: supervisord has ended by itself; see {home / UP_FOLDER}/supervisord.log", file=sys.stderr)
    sys.exit(1)


def _supervise(folder: Path, environment: dict[str, str]) -> int | None:
    """Run supervisord to its end, and show what the parts print meanwhile; the signal that has ended it, if one has."""
    received: list[int] = []
    supervisord: subprocess.Popen[bytes] | None = None

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if supervisord is not None:
            supervisord.terminate()

    stopping.guard(forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping.SIGNALS)  # those that came while this began, too
    with (folder / TERMINAL).open("ab") as terminal:
        supervisord = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli.up.daemon"],
            cwd=folder, env=environment, start_new_session=True, preexec_fn=end_with_parent,
            stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
        )  # fmt: skip
    if received:  # a signal that came before supervisord ran
        supervisord.terminate()
    hint_at: float | None = time.monotonic() + HINT_SECONDS
    with (folder / TERMINAL).open(encoding="utf-8", errors="replace") as printed:
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
    return received[0] if received else None


def _show(words: str) -> None:
    with contextlib.suppress(OSError):  # the terminal is closed
        sys.stdout.write(words)
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

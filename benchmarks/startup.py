"""What a command costs before it does anything, and `scorekeeper metrics --json` as a process, over a history.

The yardstick is the interpreter alone, `python -c pass`. All take turns, so that what else the machine does is so for
each of them. Postgres runs already, as it does under `scorekeeper up`. Python keeps what it has compiled, as it does
unless PYTHONDONTWRITEBYTECODE is set: then every start compiles all that it imports, and takes twice as long.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.database import ROOT, address, database
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.score import fill_history, score_all

SIZES = (10_000,)
REPEATS = 9
YARDSTICK, HELP, METRICS = "python -c pass", "scorekeeper --help", "scorekeeper metrics --json"
PYTHON = sys.executable
COMMAND = [PYTHON, "-c", "from cli.main import main; main()"]
PLAIN = {
    YARDSTICK: [PYTHON, "-c", "pass"],
    "import scorekeeper": [PYTHON, "-c", "import scorekeeper"],
    "import PerformanceTracker": [PYTHON, "-c", "from scorekeeper import PerformanceTracker"],
    HELP: [*COMMAND, "--help"],
}
TARGETS = {HELP: Target(Figure.SECONDS, 0.5), METRICS: Target(Figure.SECONDS, 1.5)}


def run(sizes: list[int], repeats: int, output: Path) -> None:
    """Start each command `repeats` times; print the table."""
    console = open_console()
    result = Run("startup", "processes from start to end", YARDSTICK, "trades", {"size": sizes, "repeats": repeats})
    with console.status("commands that need no database"):
        timed = measure(PLAIN, 0, repeats, environment())
    yardstick = next(one.median for one in timed if one.what == YARDSTICK)
    result.add_times(timed, yardstick, TARGETS)
    for trades in sizes:
        with database() as db, tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as home:
            fill_history(db, trades, console)
            with console.status(f"metrics of {trades:,} trades"):
                score_all(db)
                given = environment(DATABASE_URL=address(db), SCOREKEEPER_HOME=home)
                timed = measure({METRICS: [*COMMAND, "metrics", "--json"]}, trades, repeats, given)
        result.add_times(timed, yardstick, TARGETS)
    result.finish(console, output)


def environment(**more: str) -> dict[str, str]:
    """Of a command as a user starts it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def measure(commands: dict[str, list[str]], size: int, repeats: int, environment: dict[str, str]) -> list[Timed]:
    """Start each in turn, once more than is counted, which warms: the seconds of each, and those of its CPU."""
    seconds: dict[str, list[float]] = {}
    for attempt in range(repeats + 1):
        for what, command in commands.items():
            wall, cpu = start(command, environment)
            if attempt:
                seconds.setdefault(what, []).append(wall)
                seconds.setdefault(f"{what}: CPU", []).append(cpu)
    return [Timed(what, 1, values, size) for what, values in seconds.items()]


def start(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds from its start to its end, and seconds of CPU: what is left of them where the machine has other work."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime

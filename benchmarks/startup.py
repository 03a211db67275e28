"""What a command costs as a process: before it does anything, `metrics --json`, and what a person or cron types.

The yardstick is Python with SQLAlchemy and psycopg imported, which every command needs. The bare commands (no Prefect
server is there to be told) are beside `metrics --json`. All take turns, so that what else the machine does is so for
each of them; ratios are of CPU seconds, which other work changes least. Postgres runs already, as it does under
`scorekeeper up`. Python keeps what it has compiled, as it does unless PYTHONDONTWRITEBYTECODE is set: then every start
compiles all that it imports, and takes twice as long.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.database import ROOT, address, database
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.score import fill_history, score_all

SIZES = (10_000,)
REPEATS = 9
YARDSTICK, HELP, METRICS = "python: sqlalchemy, psycopg", "scorekeeper --help", "scorekeeper metrics --json"
TRACKER = "import PerformanceTracker"
INGEST, TRACK = "scorekeeper ingest of one file", "scorekeeper track, nothing to do"
BEFORE = "2025-04-30T00:00Z"  # no decision that is ingested has been made by then, so track has nothing to fetch
PYTHON = sys.executable
COMMAND = [PYTHON, "-c", "from cli.main import main; main()"]
PLAIN = {
    "python -c pass": [PYTHON, "-c", "pass"],
    YARDSTICK: [PYTHON, "-c", "import sqlalchemy, psycopg"],
    "import scorekeeper": [PYTHON, "-c", "import scorekeeper"],
    TRACKER: [PYTHON, "-c", "from scorekeeper import PerformanceTracker"],
    HELP: [*COMMAND, "--help"],
}
TARGETS = {
    HELP: Target(Figure.SECONDS, 0.5),
    f"{TRACKER}: CPU": Target(Figure.TIME, 1.3),
    METRICS: Target(Figure.SECONDS, 1.5),
    f"{METRICS}: CPU": Target(Figure.TIME, 1.3),
}
BESIDE_METRICS = Target(Figure.TIME, 2)  # of the CPU of metrics --json


def run(sizes: list[int], repeats: int, output: Path) -> None:
    """Start each command `repeats` times; print the table."""
    console = open_console()
    result = Run("startup", "processes from start to end", YARDSTICK, "trades", {"size": sizes, "repeats": repeats})
    with console.status("commands that need no database"):
        timed = measure(PLAIN, 0, repeats, environment())
    yardstick = median_of(timed, f"{YARDSTICK}: CPU")
    add(result, timed, yardstick)
    for trades in sizes:
        with database() as db, tempfile.TemporaryDirectory(prefix="scorekeeper-benchmark-") as home:
            fill_history(db, trades, console)
            with console.status(f"metrics of {trades:,} trades"):
                score_all(db)
                given = environment(DATABASE_URL=address(db), SCOREKEEPER_HOME=home, **make_folders(Path(home)))
                commands = {METRICS: ["metrics", "--json"], INGEST: ["ingest"], TRACK: ["track", "--as-of", BEFORE]}
                beside = {YARDSTICK: PLAIN[YARDSTICK]} | {what: [*COMMAND, *words] for what, words in commands.items()}
                timed = measure(beside, trades, repeats, given, before={INGEST: lambda: drop(Path(home))})
        add(result, timed, median_of(timed, f"{YARDSTICK}: CPU"))
        metrics = median_of(timed, f"{METRICS}: CPU")
        for what in (INGEST, TRACK):
            one = Timed(f"{what}: of metrics", 1, [median_of(timed, f"{what}: CPU")], trades)
            result.add(one, one.median / metrics, BESIDE_METRICS)
    result.finish(console, output)


def add(result: Run, timed: list[Timed], yardstick: float) -> None:
    """A line for each; those of CPU with the ratio to the yardstick's."""
    for one in timed:
        is_cpu = one.what.endswith(": CPU")
        result.add(one, one.median / yardstick if is_cpu else None, TARGETS.get(one.what))


def median_of(timed: list[Timed], what: str) -> float:
    """The median of the one of that name."""
    return next(one.median for one in timed if one.what == what)


def make_folders(home: Path) -> dict[str, str]:
    """An inbox and a market of no candles in a home: nothing is due, and no exchange is asked. As settings."""
    for name in ("inbox", "market"):
        (home / name).mkdir()
    return {
        "INBOX_DIR": str(home / "inbox"), "MARKET": f"replay:{home / 'market'}", "LOG_DIR": str(home / "logs"),
        "DATASETS_DIR": str(home / "datasets"), "FLOW_RUNS": "auto", "PREFECT_API_URL": "",
    }  # fmt: skip


def drop(home: Path) -> None:
    """One more file of one decision, which opens no trade."""
    number = time.time_ns()
    words = json.dumps({"symbol": "BTC/USDT", "type": "WAIT", "timestamp": f"2025-05-01T00:00:00.{number % 10**6:06}Z"})
    (home / "inbox" / f"{number}.json").write_text(words, encoding="utf-8")


def environment(**more: str) -> dict[str, str]:
    """Of a command as a user starts it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def measure(
    commands: dict[str, list[str]],
    size: int,
    repeats: int,
    environment: dict[str, str],
    before: Mapping[str, Callable[[], None]] | None = None,
) -> list[Timed]:
    """Start each in turn, once more than is counted, which warms: the seconds of each, and those of its CPU.

    `before`: what is done before each start of a command, outside the time.
    """
    seconds: dict[str, list[float]] = {}
    for attempt in range(repeats + 1):
        for what, command in commands.items():
            (before or {}).get(what, lambda: None)()
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

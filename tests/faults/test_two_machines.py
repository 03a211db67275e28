"""An installation on two machines: whatever is killed, every decision of each system is there once, and verifies."""

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest

from scorekeeper.operations.sample import write_live_market
from tests.faults.far_services import BIN, NAME, Pooler, PostgresNode, PrefectServer, start_redis
from tests.faults.machines import Machine, needs_namespaces, open_machines
from tests.faults.up import COMMAND
from tests.waiting import wait_until

pytestmark = [pytest.mark.long, needs_namespaces]
ROOT = Path(__file__).resolve().parents[2]
LINES = 500
POOL_MODE = "session"


class Traders:
    """The trading systems: they write files of lines, and files of one decision, into the inbox."""

    def __init__(self, inbox: Path, market: Path) -> None:
        self.inbox, self.written, self._numbers = inbox, 0, count()
        rows = (line.split(",") for line in (market / "BTC-USDT.csv").read_text().splitlines()[1:])
        self._closes = {int(stamp) // 60_000: float(close) for stamp, _, _, _, close, _ in rows}
        self._began = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=100)

    def write(self, decisions: int, *, alone: int) -> None:
        """So many decisions, `alone` of them in files of their own; renamed in together."""
        names = []
        for number in range(alone):
            names.append(self._write(f"one-{self.written + number}.json", 1))
        for _ in range((decisions - alone) // LINES):
            names.append(self._write(f"lines-{self.written + alone}-{len(names)}.jsonl", LINES))
        for name in names:
            (self.inbox / f".{name}.part").rename(self.inbox / name)
        self.written += decisions

    def _write(self, name: str, lines: int) -> str:
        text = "".join(json.dumps(self._decide(next(self._numbers))) + "\n" for _ in range(lines))
        (self.inbox / f".{name}.part").write_text(text)
        return name

    def _decide(self, number: int) -> dict[str, object]:
        at = self._began + timedelta(seconds=number % 5_400, microseconds=number)
        price = self._closes[int(at.timestamp()) // 60]
        agents = {
            name: {"signal": ("BUY", "SELL", "HOLD")[(number // k) % 3], "confidence": 50 + number % 50}
            for k, name in enumerate(("technical", "sentiment", "liquidity", "funding", "interest"), 1)
        }
        return {
            "symbol": "BTC/USDT", "type": ("HOLD", "BUY", "HOLD", "SELL")[number % 4], "price": price,
            "timestamp": at.isoformat(), "max_hold_minutes": (5, 30, 300)[number % 3], "agent_analyses": agents,
            "reason": f"number {number}",
        }  # fmt: skip


class Installation:
    """Two machines. On the first: a Postgres, Redis, Prefect's server, a worker, the watcher. On the second: the other
    Postgres, the pooler, a worker. The inbox and what is published lie on a disk that both have."""

    def __init__(self, first: Machine, second: Machine, shared: Path) -> None:
        self.first, self.second, self.shared = first, second, shared
        write_live_market(shared / "market", datetime.now(UTC))
        (shared / "inbox").mkdir()
        self.traders = Traders(shared / "inbox", shared / "market")
        self.primary, self.standby = PostgresNode(first), PostgresNode(second)
        self.pooler = Pooler(second, POOL_MODE)
        self.server = PrefectServer(first, self.pooler, first)

    def start(self) -> None:
        self.primary.make()
        self.primary.start()
        self.primary.execute("CREATE DATABASE prefect", f"CREATE DATABASE {NAME}")
        self.standby.follow(self.primary)
        self.standby.start()
        # What is committed is on both machines. The standby has none that it waits for.
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        self.pooler.lead_to(self.primary)
        self.pooler.start()
        start_redis(self.first)
        self.server.start()
        for machine in (self.first, self.second):
            machine.environment |= self.server.clients | {
                "DATABASE_URL": self.pooler.url(), "MARKET": f"replay:{self.shared / 'market'}",
                "INBOX_DIR": str(self.shared / "inbox"), "LOG_DIR": str(self.shared / "logs"),
                "DATASETS_DIR": str(self.shared / "datasets"), "SCOREKEEPER_HOME": str(machine.home / "scorekeeper"),
            }  # fmt: skip
        self.second.run([COMMAND, "migrate"])
        self.second.run([BIN / "prefect", "work-pool", "create", "scorekeeper", "--type", "process"])
        self.second.run(["sh", "-c", f"cd {ROOT} && {BIN}/prefect --no-prompt deploy --all"])
        self.second.run([COMMAND, "automations"])
        for machine in (self.first, self.second):
            self.start_worker(machine)
        self.first.start("watcher", [COMMAND, "watch"])

    def start_worker(self, machine: Machine) -> None:
        command = ["prefect", "worker", "start", "--pool", "scorekeeper", "--type", "process"]
        machine.start("worker", [f"{BIN}/{command[0]}", *command[1:], "--name", machine.namespace])

    def rows(self) -> int:
        """How many decisions there are; -1 while no Postgres can be asked."""
        try:
            ((number,),) = self.primary.execute("SELECT count(*) FROM scorekeeper.decision", name=NAME)
        except psycopg.OperationalError:
            return -1
        return int(number)

    def has_all(self) -> bool:
        waiting = any(path.suffix in (".json", ".jsonl") for path in (self.shared / "inbox").iterdir())
        return self.rows() == self.traders.written and not waiting

    def tell(self) -> str:
        runs = self.second.run([BIN / "prefect", "flow-run", "ls", "--limit", "15"], check=False)
        logs = [f"{machine.namespace} {part}: {machine.said(part)[-2500:]}"
                for machine in (self.first, self.second) for part in machine.parts]  # fmt: skip
        return "\n".join((f"{self.rows()} of {self.traders.written}", runs.stdout, runs.stderr, *logs))


@contextmanager
def installed() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp())  # the servers' user enters it, as it cannot enter what pytest makes
    folder.chmod(0o755)
    (folder / "shared").mkdir()
    try:
        with open_machines(folder, 2) as (first, second):
            there = Installation(first, second, folder / "shared")
            there.start()
            yield there
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_whatever_is_killed_every_decision_is_there_once(capsys: pytest.CaptureFixture[str]) -> None:
    with installed() as there:

        def wave(what: str, *, until: Callable[[], bool] = there.has_all, seconds: float = 240) -> None:
            began = time.monotonic()
            assert wait_until(until, seconds), f"{what}: {there.tell()}"
            with capsys.disabled():
                print(f"{what}: {there.rows():,} rows after {time.monotonic() - began:.0f} s")

        def write_and_wait_for_some() -> None:
            before = there.rows()
            there.traders.write(20_000, alone=2_000)
            assert wait_until(lambda: there.rows() > before + 500, 240), there.tell()

        write_and_wait_for_some()
        wave("undisturbed")

        write_and_wait_for_some()
        busy = next(one for one in (there.first, there.second) if is_at_work(one))
        busy.kill("worker")
        # An operator sees the dead run, and ends it. Without that it ends by itself after two minutes.
        other = there.second if busy is there.first else there.first
        other.run([COMMAND, "doctor", "--end-stuck"], check=False)
        wave("a worker killed")
        there.start_worker(busy)

        there.first.kill("redis")
        there.traders.write(20_000, alone=2_000)
        time.sleep(15)
        start_redis(there.first)
        wave("Redis gone for 15 seconds")

        write_and_wait_for_some()
        there.first.kill("postgres")
        there.standby.promote()
        there.primary = there.standby
        there.pooler.lead_to(there.primary)
        other.run([COMMAND, "doctor", "--end-stuck"], check=False)
        wave("Postgres failed over")

        write_and_wait_for_some()
        wave("all well again")
        assert there.traders.written == 100_000

        tracked = datetime.now(UTC)
        wave("tracked", until=lambda: has_tracked(there, tracked), seconds=240)
        for machine in (there.first, there.second):
            done = machine.run([COMMAND, "verify"], check=False)
            assert done.returncode == 0, done.stdout + done.stderr
        log = (there.shared / "logs" / "performance_summary.logl").read_text().splitlines()
        decided = Counter(line.rpartition("[")[2] for line in log if "] DECISION: " in line)
        assert (len(decided), set(decided.values())) == (100_000, {1})
        assert not (there.shared / "quarantine").exists() or not any((there.shared / "quarantine").iterdir())


def is_at_work(machine: Machine) -> bool:
    """Whether a flow run is below its worker."""
    import psutil

    below = psutil.Process(machine.parts["worker"].pid).children(recursive=True)
    return any("prefect.engine" in " ".join(one.cmdline()) for one in below if one.is_running())


def has_tracked(there: Installation, since: datetime) -> bool:
    ((as_of,),) = there.primary.execute("SELECT last_as_of FROM scorekeeper.market", name=NAME)
    return as_of is not None and as_of > since

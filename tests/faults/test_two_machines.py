"""An installation on two machines: whatever is killed, every decision of each system is there once, and verifies."""

import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from scorekeeper.locations import ObjectUrl
from scorekeeper.operations.sample import write_live_market
from scorekeeper.publish.target import open_published
from tests.faults.far_services import (
    BIN,
    NAME,
    Pooler,
    PostgresNode,
    PrefectServer,
    start_object_store,
    start_redis,
)
from tests.faults.machines import Machine, needs_namespaces, open_machines
from tests.faults.up import COMMAND
from tests.object_stores import Bucket, make_bucket
from tests.systems import write_system
from tests.waiting import wait_until

pytestmark = [pytest.mark.long, needs_namespaces]
LINES, LOG = 500, "performance_summary.logl"
POOL_MODE = "transaction"


class Trader:
    """A trading system: it writes files of lines, and files of one decision, into its inbox."""

    log: Path | ObjectUrl

    def __init__(self, name: str, closes: dict[int, float]) -> None:
        self.name, self.written, self._closes = name, 0, closes
        self._began = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=100)

    def write(self, decisions: int, *, alone: int) -> None:
        """So many decisions, `alone` of them in files of their own; all become visible together."""
        first, last = self.written, self.written + decisions
        files = {f"one-{number}.json": [number] for number in range(first, first + alone)}
        for start in range(first + alone, last, LINES):
            files[f"lines-{start}.jsonl"] = list(range(start, min(start + LINES, last)))
        self.put({name: "".join(map(self._decide, numbers)).encode() for name, numbers in files.items()})
        self.written = last

    def put(self, files: dict[str, bytes]) -> None:
        raise NotImplementedError

    def waiting(self) -> bool:
        raise NotImplementedError

    def _decide(self, number: int) -> str:
        at = self._began + timedelta(seconds=number % 5_400, microseconds=number)
        agents = {
            name: {"signal": ("BUY", "SELL", "HOLD")[(number // k) % 3], "confidence": 50 + number % 50}
            for k, name in enumerate(("technical", "sentiment", "liquidity"), 1)
        }
        decision = {
            "symbol": "BTC/USDT", "type": ("HOLD", "BUY", "HOLD", "SELL")[number % 4],
            "price": self._closes[int(at.timestamp()) // 60], "timestamp": at.isoformat(),
            "max_hold_minutes": (5, 30, 300)[number % 3], "agent_analyses": agents, "reason": f"number {number}",
        }  # fmt: skip
        return json.dumps(decision) + "\n"


class FolderTrader(Trader):
    """Its inbox is a folder of a disk that all machines have."""

    def __init__(self, name: str, closes: dict[int, float], folder: Path) -> None:
        super().__init__(name, closes)
        self.folder, self.log = folder, folder / "logs" / LOG
        write_system(folder)

    def put(self, files: dict[str, bytes]) -> None:
        for name, content in files.items():
            (self.folder / "inbox" / f".{name}.part").write_bytes(content)
        for name in files:
            (self.folder / "inbox" / f".{name}.part").rename(self.folder / "inbox" / name)

    def waiting(self) -> bool:
        return any(path.suffix in (".json", ".jsonl") for path in (self.folder / "inbox").iterdir())


class BucketTrader(Trader):
    """Its inbox, log and dataset are in an object store."""

    def __init__(self, name: str, closes: dict[int, float], folder: Path, bucket: Bucket) -> None:
        super().__init__(name, closes)
        self.bucket, self.log = bucket, bucket.url / "live" / "logs" / LOG
        where = {"INBOX_DIR": "inbox", "LOG_DIR": "logs", "DATASETS_DIR": "datasets"}
        write_system(folder, "".join(f"{name}={bucket.url}live/{what}\n" for name, what in where.items()))

    def put(self, files: dict[str, bytes]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: self.bucket.put(f"live/inbox/{one[0]}", one[1]), files.items()))

    def waiting(self) -> bool:
        return bool(self.bucket.keys("live/inbox/"))


class Installation:
    """Two machines. On the first: a Postgres, Redis, Prefect's server, a worker, the watcher. On the second: the other
    Postgres, the pooler, the object store, a worker. Folders lie on a disk that both have."""

    def __init__(self, first: Machine, second: Machine, shared: Path, patch: pytest.MonkeyPatch) -> None:
        self.first, self.second, self.shared = first, second, shared
        write_live_market(shared / "market", datetime.now(UTC))
        rows = (line.split(",") for line in (shared / "market" / "BTC-USDT.csv").read_text().splitlines()[1:])
        closes = {int(stamp) // 60_000: float(close) for stamp, _, _, _, close, _ in rows}
        systems = shared / "systems"
        bucket = make_bucket(start_object_store(second), patch)
        self.traders: list[Trader] = [
            FolderTrader("alpha", closes, systems / "alpha"), FolderTrader("beta", closes, systems / "beta"),
            BucketTrader("gamma", closes, systems / "gamma", bucket),
        ]  # fmt: skip
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
                "SYSTEMS_DIR": str(self.shared / "systems"), "SCOREKEEPER_HOME": str(machine.home / "scorekeeper"),
            }  # fmt: skip
        self.second.run([COMMAND, "migrate"])
        self.second.run([COMMAND, "deploy"])
        for machine in (self.first, self.second):
            self.start_worker(machine)
        self.first.start("watcher", [COMMAND, "watch"])

    def start_worker(self, machine: Machine) -> None:
        command = ["prefect", "worker", "start", "--pool", "scorekeeper", "--type", "process"]
        machine.start("worker", [f"{BIN}/{command[0]}", *command[1:], "--name", machine.namespace])

    def write(self) -> None:
        """20,000 decisions of the three systems."""
        for trader, decisions, alone in zip(self.traders, (10_000, 5_000, 5_000), (1_000, 100, 100), strict=True):
            trader.write(decisions, alone=alone)

    def rows(self) -> dict[str, int]:
        """How many decisions each system has; none while no Postgres can be asked."""
        try:
            asked = " UNION ALL ".join(
                f"SELECT '{one.name}', count(*) FROM scorekeeper_{one.name}.decision" for one in self.traders
            )
            return dict(self.primary.execute(asked, name=NAME))
        except psycopg.OperationalError:
            return {}

    def has_all(self) -> bool:
        wanted = {one.name: one.written for one in self.traders}
        return self.rows() == wanted and not any(one.waiting() for one in self.traders)

    def has_tracked(self, since: datetime) -> bool:
        asked = " UNION ALL ".join(f"SELECT last_as_of FROM scorekeeper_{one.name}.market" for one in self.traders)
        found = [as_of for (as_of,) in self.primary.execute(asked, name=NAME)]
        return len(found) == len(self.traders) and all(as_of is not None and as_of > since for as_of in found)

    def tell(self) -> str:
        runs = self.second.run([f"{BIN}/prefect", "flow-run", "ls", "--limit", "15"], check=False)
        logs = [f"{machine.namespace} {part}: {machine.said(part)[-2500:]}"
                for machine in (self.first, self.second) for part in machine.parts]  # fmt: skip
        return "\n".join((f"{self.rows()}", runs.stdout, runs.stderr, *logs))


@contextmanager
def installed(patch: pytest.MonkeyPatch) -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp())  # the servers' user enters it, as it cannot enter what pytest makes
    folder.chmod(0o755)
    (folder / "shared").mkdir()
    try:
        with open_machines(folder, 2) as (first, second):
            there = Installation(first, second, folder / "shared", patch)
            there.start()
            yield there
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_whatever_is_killed_every_decision_is_there_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with installed(monkeypatch) as there:

        def wave(what: str, *, until: Callable[[], bool] = there.has_all, seconds: float = 240) -> None:
            began = time.monotonic()
            assert wait_until(until, seconds), f"{what}: {there.tell()}"
            with capsys.disabled():
                print(f"{what}: {there.rows()} after {time.monotonic() - began:.0f} s")

        def write_and_wait_for_some() -> None:
            before = sum(there.rows().values())
            there.write()
            assert wait_until(lambda: sum(there.rows().values()) > before, 240), there.tell()

        write_and_wait_for_some()
        wave("undisturbed")

        write_and_wait_for_some()
        assert wait_until(lambda: is_at_work(there.first) or is_at_work(there.second), 90), there.tell()
        busy = there.first if is_at_work(there.first) else there.second
        busy.kill("worker")
        # An operator sees the dead run, and ends it. Without that it ends by itself after two minutes.
        other = there.second if busy is there.first else there.first
        other.run([COMMAND, "doctor", "--end-stuck"], check=False)
        wave("a worker killed")
        there.start_worker(busy)

        there.first.kill("redis")
        there.write()
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
        assert sum(one.written for one in there.traders) == 100_000

        tracked = datetime.now(UTC)
        wave("tracked", until=lambda: there.has_tracked(tracked), seconds=240)
        done = there.second.run([COMMAND, "verify"], check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        for one in there.traders:
            with open_published(one.log) as file:
                log = file.read().decode().splitlines()
            decided = Counter(line.rpartition("[")[2] for line in log if "] DECISION: " in line)
            assert (one.name, len(decided), set(decided.values())) == (one.name, one.written, {1})


def is_at_work(machine: Machine) -> bool:
    """Whether a flow run is below its worker."""
    import psutil

    for one in psutil.Process(machine.parts["worker"].pid).children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            if "prefect.engine" in " ".join(one.cmdline()):
                return True
    return False


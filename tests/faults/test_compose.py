"""What compose.yaml describes, run as it says but for the image: work is done, also without Redis, a worker, a server.

The image itself is not tested here: no engine of containers is needed, and none builds it.
"""

import json
import os
import secrets
import shutil
import time
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from scorekeeper.operations.sample import write_live_market
from tests.containers import Container
from tests.faults.compose import Compose, compose
from tests.waiting import wait_until

GIVEN = (
    "POSTGRES_PASSWORD", "PREFECT_DATABASE_PASSWORD", "OWNER_PASSWORD", "WRITER_PASSWORD", "READER_PASSWORD",
    "REDIS_PASSWORD", "PREFECT_PASSWORD", "DASHBOARD_TOKEN", "METRICS_TOKEN",
)  # fmt: skip
PROGRAMS = ("ip", "unshare", "nsenter", "setpriv", "tini", "redis-server")
OURS = ("prefect", "prefect-services", "worker", "watcher", "dashboard")
pytestmark = [pytest.mark.long, pytest.mark.skipif(os.geteuid() != 0, reason="needs root on Linux")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    if missing := [one for one in PROGRAMS if not shutil.which(one)]:
        # Where all is meant to be there, as in .ci/run, it fails.
        miss = pytest.fail if os.environ.get("EVERY_SERVER") else pytest.skip
        miss(f"there is no {missing}: apt-get install -y iproute2 tini redis-server")
    given = {name: secrets.token_hex(32) for name in GIVEN}
    with compose(tmp_path_factory.mktemp("compose"), given, {"MARKET": "replay:/data/market"}) as world:
        write_live_market(world.data / "market", datetime.now(UTC))
        (world.data / "market").chmod(0o755)
        for path in (world.data / "market").iterdir():
            path.chmod(0o644)
        world.up()
        yield world


dropped = 0


def drop(world: Compose, files: int = 1) -> None:
    """Put files of one decision each into the inbox: trades of an hour ago that have expired by now."""
    global dropped
    opened, inbox = datetime.now(UTC) - timedelta(hours=1), world.data / "inbox"
    for _ in range(files):
        dropped += 1
        decision = {
            "symbol": "BTC/USDT", "type": "BUY", "price": 60_000, "max_hold_minutes": 10, "reason": f"number {dropped}",
            "timestamp": (opened + timedelta(microseconds=dropped)).isoformat(),
            "agent_analyses": {"ChartAgent": {"signal": "BUY", "confidence": 70}},
        }  # fmt: skip
        (inbox / f".{dropped}.part").write_text(json.dumps(decision))
        (inbox / f".{dropped}.part").rename(inbox / f"{dropped}.json")


def has_all(world: Compose) -> bool:
    """Whether each decision is there once, and no file waits."""
    [(rows,)] = world.rows("SELECT count(*) FROM scorekeeper.decision")
    return bool(rows == dropped and not list((world.data / "inbox").glob("*.json")))


def has_closed_all(world: Compose) -> bool:
    return world.rows("SELECT count(*) FROM scorekeeper.trade WHERE exit_time IS NOT NULL") == [(dropped,)]


def works_for(world: Compose, seconds: float) -> None:
    """A new decision is taken in and closed within this time."""
    drop(world)
    assert wait_until(lambda: has_all(world) and has_closed_all(world), seconds), world.tell()


def workers_online(world: Compose) -> int:
    found = world.ask("/work_pools/scorekeeper/workers/filter", {})
    return sum(one["status"] == "ONLINE" for one in found)


def runs_a_flow(worker: Container) -> bool:
    assert worker.process is not None
    for one in psutil.Process(worker.process.pid).children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            if "prefect.engine" in " ".join(one.cmdline()):
                return True
    return False


def test_everything_runs_without_rights_on_files_that_it_cannot_write(world: Compose) -> None:
    assert all(one.process and one.process.poll() == 0 for one in (world.one("migrate"), world.one("deploy")))
    assert wait_until(lambda: workers_online(world) == 2, 60)
    assert [world.status("prefect", 4200, "/api/ready", replica) for replica in (1, 2)] == [200, 200]
    for name in OURS:
        container = world.one(name)
        seen = container.execute("sh", "-c", "id -u; grep CapEff /proc/self/status; touch /opt/prefect/x || echo kept")
        assert seen.stdout.split() == ["1001", "CapEff:", "0" * 16, "kept"], (name, seen)


def test_decisions_become_rows_trades_close_and_verify_finds_no_difference(world: Compose) -> None:
    drop(world, 20)
    assert wait_until(lambda: has_all(world), 120), world.tell()
    assert wait_until(lambda: has_closed_all(world), 180), world.tell()
    verified = world.one("worker").execute("scorekeeper", "verify")
    assert verified.returncode == 0, verified
    assert sorted(path.name for path in world.data.iterdir()) >= ["archive", "datasets", "inbox", "logs"]


def test_only_who_has_the_password_or_the_token_gets_in(world: Compose) -> None:
    token = {"Authorization": f"Bearer {world.given['DASHBOARD_TOKEN']}"}
    assert world.status("dashboard", 4210, "/trades") == 401
    assert world.status("dashboard", 4210, "/trades", headers=token) == 200
    assert world.status("dashboard", 4210, "/trades", headers=token | {"Host": "evil.example"}) == 400
    scraper = {"Authorization": f"Bearer {world.given['METRICS_TOKEN']}"}
    assert [world.status("dashboard", 4210, path, headers=scraper) for path in ("/metrics", "/trades")] == [200, 401]
    assert world.status("prefect", 4200, "/api/admin/version") == 401
    refused = world.one("watcher").execute("python", "-c", "import redis; redis.Redis('redis').ping()")
    assert "AuthenticationError" in refused.stderr


def test_what_comes_while_redis_is_gone_is_taken_when_it_is_back(world: Compose) -> None:
    world.one("redis").stop()
    drop(world, 5)
    time.sleep(5)
    world.one("redis").start()
    works_for(world, 240)


def test_a_redis_that_has_forgotten_everything_holds_up_nothing(world: Compose) -> None:
    """Events, leases of slots, and who reads which stream are gone."""
    world.one("redis").kill()
    shutil.rmtree(world.folder / "redis" / "appendonlydir")
    world.one("redis").start()
    works_for(world, 400)


def test_the_other_worker_goes_on_when_one_is_killed_at_work(world: Compose) -> None:
    drop(world, 300)
    at_work: list[Container] = []

    def one_is_at_work() -> bool:
        at_work[:] = filter(runs_a_flow, world.containers["worker"])
        return bool(at_work)

    assert wait_until(one_is_at_work, 60), world.tell()
    killed = at_work[0]
    killed.kill()
    works_for(world, 400)
    killed.start()
    assert wait_until(killed.is_healthy, 60), killed.tail()


def test_the_other_server_answers_when_one_is_killed(world: Compose) -> None:
    world.one("prefect").kill()
    works_for(world, 240)
    world.one("prefect").start()
    assert wait_until(world.one("prefect").is_healthy, 60), world.one("prefect").tail()
    with pytest.raises(urllib.error.HTTPError):
        world.ask("/flow_runs/filter", {"limit": "not a number"})


def test_verify_is_green_and_each_service_ends_when_it_is_asked_to(world: Compose) -> None:
    verified = world.one("worker", 2).execute("scorekeeper", "verify")
    assert verified.returncode == 0, verified
    seconds = world.down()
    assert set(seconds) >= {"redis-1", "prefect-2", "worker-2", "watcher-1", "dashboard-1"}

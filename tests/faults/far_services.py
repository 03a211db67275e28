"""The servers that an installation on several machines stands on: two Postgres, a pooler, Redis, Prefect's server."""

import os
import shutil
import sys
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scorekeeper.store.binaries import find_binaries
from tests.faults.machines import Machine
from tests.servers import give_away
from tests.waiting import wait_until

BIN = Path(sys.executable).parent
POSTGRES_PORT, POOLER_PORT, REDIS_PORT, PREFECT_PORT, S3_PORT = 5432, 6432, 6379, 4200, 9000
OWNER, NAME = "owner", "score"
SECRET = "scorekeeper:canary-9d21"


class PostgresNode:
    """A cluster on a machine; made empty, or as the standby of another."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.folder = machine, machine.folder_of_server("postgres")
        self.data, self.programs = self.folder / "data", find_binaries()

    def make(self) -> None:
        self.machine.run(
            [self.programs / "initdb", "-D", self.data, "-U", OWNER, "--auth=trust", "--no-sync", "-E", "UTF8",
             "--locale=C"], as_server=True,
        )  # fmt: skip
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.213.0.0/16 trust\nhost replication all 10.213.0.0/16 trust\n")

    def follow(self, primary: "PostgresNode") -> None:
        """Copy the primary, and replicate from it."""
        self.machine.run(
            [self.programs / "pg_basebackup", "-h", primary.machine.address, "-U", OWNER, "-c", "fast", "-R",
             "-D", self.data], as_server=True,
        )  # fmt: skip

    def start(self) -> None:
        options = {
            "listen_addresses": self.machine.address, "port": str(POSTGRES_PORT), "unix_socket_directories": "",
            "max_connections": "200", "fsync": "off", "wal_keep_size": "512MB",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self.machine.start("postgres", [self.programs / "postgres", "-D", self.data, *words], as_server=True)
        assert wait_until(self.answers, 60), self.machine.said("postgres")

    def promote(self) -> None:
        self.machine.run([self.programs / "pg_ctl", "promote", "-D", self.data, "-w"], as_server=True)

    def answers(self) -> bool:
        try:
            return self.execute("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False

    def execute(self, *statements: str, name: str = "postgres") -> list[Any]:
        address = f"postgresql://{OWNER}@{self.machine.address}:{POSTGRES_PORT}/{name}?connect_timeout=2"
        with psycopg.connect(address, autocommit=True) as connection:
            for one in statements:
                cursor = connection.execute(one)
            return cursor.fetchall() if cursor.description else []


class Pooler:
    """A PgBouncer before whichever Postgres is the primary."""

    def __init__(self, machine: Machine, mode: str) -> None:
        self.machine, self.mode, self.folder = machine, mode, machine.folder_of_server("pooler")

    def lead_to(self, node: PostgresNode) -> None:
        """Write whom it leads to; one that runs reads it again."""
        to = f"host={node.machine.address} port={POSTGRES_PORT} user={OWNER}"
        # Prefect's server prepares statements, so it keeps its sessions.
        lines = [
            "[databases]", f"prefect = {to} pool_mode=session", f"* = {to}", "[pgbouncer]",
            f"listen_addr = {self.machine.address}", f"listen_port = {POOLER_PORT}", "unix_socket_dir =",
            "auth_type = any", f"pool_mode = {self.mode}", "default_pool_size = 60", "max_client_conn = 500",
            "log_connections = 0", "log_disconnections = 0",
            "server_login_retry = 1", "server_connect_timeout = 2", "ignore_startup_parameters = extra_float_digits",
            f"pidfile = {self.folder / 'pid'}",
        ]  # fmt: skip
        path = self.folder / "ini"
        path.write_text("\n".join(lines) + "\n")
        give_away(path)
        if "pooler" in self.machine.parts:
            self.machine.parts["pooler"].send_signal(1)

    def start(self) -> None:
        self.machine.start("pooler", [find_program("pgbouncer"), self.folder / "ini"], as_server=True)

    def url(self, name: str = NAME, driver: str = "postgresql") -> str:
        return f"{driver}://{OWNER}@{self.machine.address}:{POOLER_PORT}/{name}"


def start_redis(machine: Machine) -> None:
    """It keeps what it holds over a restart, as the documents advise."""
    folder = machine.home / "redis"
    if not folder.exists():
        machine.folder_of_server("redis")
    machine.start(
        "redis",
        [find_program("redis-server"), "--bind", machine.address, "--port", str(REDIS_PORT), "--dir", folder,
         "--appendonly", "yes", "--protected-mode", "no"], as_server=True,
    )  # fmt: skip


def redis_environment(machine: Machine) -> dict[str, str]:
    """What lets Prefect's server hand on by Redis."""
    url = f"redis://{machine.address}:{REDIS_PORT}"
    return {
        "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging", "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
        "PREFECT_REDIS_MESSAGING_URL": f"{url}/0", "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": f"{url}/0",
        "PREFECT_SERVER_DOCKET_URL": f"{url}/1",
    }  # fmt: skip


def start_object_store(machine: Machine) -> str:
    """An S3 server that keeps its buckets in memory; its endpoint."""
    machine.start("s3", [BIN / "moto_server", "-H", machine.address, "-p", str(S3_PORT)])
    assert wait_until(lambda: "Running on" in machine.said("s3"), 60), machine.said("s3")
    return f"http://{machine.address}:{S3_PORT}"


class PrefectServer:
    """Prefect's server on Postgres and Redis."""

    def __init__(self, machine: Machine, pooler: Pooler, redis: Machine) -> None:
        self.machine = machine
        self.environment = {
            "PREFECT_API_DATABASE_CONNECTION_URL": pooler.url("prefect", "postgresql+asyncpg"),
            "PREFECT_SERVER_API_AUTH_STRING": SECRET, "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING", **redis_environment(redis),
        }  # fmt: skip

    def start(self) -> None:
        words = ["server", "start", "--host", self.machine.address, "--port", str(PREFECT_PORT)]
        self.machine.start("server", [BIN / "prefect", *words], self.environment)
        assert wait_until(self.answers, 180), self.machine.said("server")

    def answers(self) -> bool:
        request = urllib.request.Request(f"{self.api}/ready", headers={"Authorization": _basic()})
        try:
            return bool(urllib.request.urlopen(request, timeout=5).status == 200)
        except OSError:
            return False

    @property
    def api(self) -> str:
        return f"http://{self.machine.address}:{PREFECT_PORT}/api"

    @property
    def clients(self) -> dict[str, str]:
        return {
            "PREFECT_API_URL": self.api, "PREFECT_API_AUTH_STRING": SECRET, "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_CLI_PROMPT": "false",
        }  # fmt: skip


def _basic() -> str:
    return f"Basic {b64encode(SECRET.encode()).decode()}"


def find_program(name: str) -> str:
    """A program of the system; without it the test fails where all is meant to be there, and is skipped elsewhere."""
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        (pytest.fail if os.environ.get("EVERY_SERVER") else pytest.skip)(f"there is no {name}: apt-get install it")
    return program

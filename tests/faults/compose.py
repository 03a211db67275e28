"""compose.yaml brought up as processes of this machine: order, conditions, replicas, and what a user sees of it."""

import json
import os
import shutil
import subprocess
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from scorekeeper.store.binaries import find_binaries
from tests.containers import ROOT, Container, Network, read_compose, read_image
from tests.faults.up import status as status_of
from tests.servers import PASSWORD, open_server
from tests.waiting import wait_until

POSTGRES = "postgres"
NONE: Mapping[str, str] = {}


class Compose:
    """All services but Postgres, which is a server of the tests' own, prepared by deploy/postgres/init.sh."""

    def __init__(self, folder: Path, given: Mapping[str, str], settings: Mapping[str, str]) -> None:
        self.folder, self.given = folder, given
        self.services: dict[str, Any] = read_compose(given)["services"]
        self.network, image = Network(), read_image()
        self.data = folder / "data"
        volumes = {"data": self.data, "redis": folder / "redis"}
        for name, owner in (("data", 1001), ("redis", 999)):
            volumes[name].mkdir()
            os.chown(volumes[name], owner, owner)
        for name in ("inbox", "logs", "datasets"):
            (self.data / name).mkdir()
            os.chown(self.data / name, 1001, 1001)
        replicas = [
            (service, number)
            for service, told in self.services.items()
            for number in range(1, told.get("deploy", {}).get("replicas", 1) + 1)
        ]
        addresses = {one: f"10.89.0.{last}" for last, one in enumerate(replicas, 11)}
        self.containers: dict[str, list[Container]] = {}
        for turn, ((service, number), address) in enumerate(addresses.items()):
            told = self.services[service]
            told = {**told, "environment": {**self._from_file(told, settings), **told.get("environment", {})}}
            name = f"{service}-{number}"
            # Compose's name server gives the addresses of a service in turn.
            names = list(addresses.items())[turn:] + list(addresses.items())[:turn]
            hosts = "".join(f"{address}\t{of}\n" for (of, _), address in names)
            self.containers.setdefault(service, []).append(Container(
                name, told, address, self.network.join(name, address), self.network, folder / name, volumes, image,
                f"127.0.0.1\tlocalhost\n{hosts}",
            ))  # fmt: skip

        self._ends = threading.Event()
        self._tending = threading.Thread(target=self._tend)
        self._tending.start()

    @staticmethod
    def _from_file(told: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, str]:
        """What settings.env beside compose.yaml gives to a service that reads it."""
        return dict(settings) if any(one["path"] == "settings.env" for one in told.get("env_file", ())) else {}

    def _tend(self) -> None:
        while not self._ends.wait(0.5):
            for several in self.containers.values():
                for one in several:
                    one.tend()

    def up(self) -> None:
        """Start every service once what it depends on is as compose.yaml asks."""
        begun: set[str] = {POSTGRES}
        while len(begun) < len(self.services):
            for name, told in self.services.items():
                needs = told.get("depends_on", {})
                if name in begun or not begun.issuperset(needs):
                    continue
                for need, how in needs.items():
                    self._await(need, how["condition"])
                for container in self.containers[name]:
                    container.start()
                begun.add(name)
        for name, told in self.services.items():
            if "healthcheck" in told:
                self._await(name, "service_healthy")

    def _await(self, name: str, condition: str) -> None:
        if name == POSTGRES:
            return
        checks: dict[str, Callable[[Container], bool]] = {
            "service_started": lambda one: one.process is not None,
            "service_healthy": Container.is_healthy,
            "service_completed_successfully": lambda one: one.process is not None and one.process.poll() == 0,
        }
        for one in self.containers[name]:
            assert wait_until(partial(checks[condition], one), 120), f"{one.name}: {one.tail()}"

    def one(self, name: str, number: int = 1) -> Container:
        return self.containers[name][number - 1]

    def down(self) -> dict[str, float]:
        """Stop all in the reverse order; the seconds that each took."""
        order = [one for several in self.containers.values() for one in several if one.process is not None]
        return {one.name: one.stop() for one in reversed(order)}

    def end(self) -> None:
        self._ends.set()
        self._tending.join()
        for several in self.containers.values():
            for one in several:
                one.kill()
        self.network.remove()

    def rows(self, statement: str) -> list[Any]:
        """What the writer reads."""
        address = self.one("worker").environment["DATABASE_URL"].replace("@postgres", f"@{self.one(POSTGRES).address}")
        with self.network.inside(), psycopg.connect(address) as connection:
            return connection.execute(statement.encode()).fetchall()

    def ask(self, path: str, body: dict[str, Any] | None = None, replica: int = 1) -> Any:
        """Prefect's answer to a GET, or with a body to a POST."""
        base = f"http://{self.one('prefect', replica).address}:4200/api"
        password = b64encode(f"scorekeeper:{self.given['PREFECT_PASSWORD']}".encode()).decode()
        headers = {"Authorization": f"Basic {password}", "Prefect-Csrf-Client": "tests"}
        with self.network.inside():
            if body is not None:
                token = urllib.request.Request(f"{base}/csrf-token?client=tests", headers=headers)
                headers["Prefect-Csrf-Token"] = json.load(urllib.request.urlopen(token, timeout=60))["token"]
            request = urllib.request.Request(
                base + path, None if body is None else json.dumps(body).encode(),
                {"Content-Type": "application/json", **headers},
            )  # fmt: skip
            return json.load(urllib.request.urlopen(request, timeout=60))

    def status(self, service: str, port: int, path: str, replica: int = 1, headers: Mapping[str, str] = NONE) -> int:
        """What a service answers; 0: nothing."""
        address = f"http://{self.one(service, replica).address}:{port}{path}"
        with self.network.inside():
            return status_of(address, None, None, **{"Host": "localhost", **headers})

    def tell(self) -> str:
        """The ends of all logs, for a test that has waited in vain."""
        return "\n".join(f"--- {one.name}\n{one.tail()}" for several in self.containers.values() for one in several)


@contextmanager
def compose(folder: Path, given: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[Compose]:
    """Everything with a prepared Postgres, not yet started."""
    whole = Compose(folder, given, settings)
    told = whole.services[POSTGRES]
    options = dict(word.split("=", 1) for word in told["command"] if "=" in word)
    try:
        with (
            whole.network.inside(whole.one(POSTGRES).namespace),
            open_server(
                hba="host all all all scram-sha-256\n",
                settings={"listen_addresses": "*", "port": "5432", **options},
            ),
        ):
            subprocess.run(
                ["sh", str(ROOT / "deploy/postgres/init.sh")], check=True, capture_output=True, text=True,
                env={
                    "PATH": f"{find_binaries()}:{os.environ['PATH']}", **told["environment"], "POSTGRES_USER": "owner",
                    "PGPASSWORD": PASSWORD, "PGHOST": "127.0.0.1", "ROLES_FILE": str(ROOT / "sql/store/roles.sql"),
                },
            )  # fmt: skip
            yield whole
    finally:
        whole.end()
        shutil.rmtree(folder / "redis", ignore_errors=True)

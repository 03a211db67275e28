"""Prefect by itself: its server and its worker on a Postgres of their own, with empty flows deployed as ours are.

The settings of Prefect are those that `up` gives to its own, and so are names, schedules and limits of the deployments.
"""

import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from benchmarks.stack import (
    PROGRAMS,
    START_SECONDS,
    cpu_of_tree,
    free_port,
    megabytes_of,
    own_cpu,
    plain_environment,
    wait_until,
)
from cli.folders import ROOT
from cli.prefect_server import POOL
from cli.up.environment import environment_of
from scorekeeper.settings import load_settings
from scorekeeper.store import embedded

_FLOW = """
from prefect import flow


@flow
async def empty(as_of=None):
    return
"""


@dataclass(frozen=True)
class Alone:
    """Its processes."""

    postgres: psutil.Process
    server: psutil.Process
    worker: psutil.Process

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds of each part so far; the processes of the flow runs apart, once they have ended."""
        worker = own_cpu(self.worker)
        return {
            "postgres": cpu_of_tree(self.postgres), "server": cpu_of_tree(self.server), "worker": worker,
            "flow runs of the worker": cpu_of_tree(self.worker) - worker,
        }  # fmt: skip

    def megabytes(self) -> dict[str, float]:
        """Memory of each part, without flow runs; memory that processes share is counted once."""
        return {
            "postgres": megabytes_of(self.postgres, *self.postgres.children(recursive=True)),
            "server": megabytes_of(self.server, *self.server.children(recursive=True)),
            "worker": megabytes_of(self.worker),
        }


@contextmanager
def prefect_alone() -> Iterator[Alone]:
    """Start it, deploy the empty flows, and start the worker; end it, and leave nothing."""
    with tempfile.TemporaryDirectory(prefix="prefect-benchmark-") as folder:
        home = Path(folder).resolve()
        port, cluster = free_port(), embedded.Cluster(home, {})
        lease = embedded.acquire(home)
        started: list[psutil.Process] = []
        try:
            lease.url("prefect")
            environment = _environment(home, port, cluster)
            with (home / "output.txt").open("wb") as output:

                def start(*words: str) -> psutil.Process:
                    process = psutil.Popen(
                        [str(PROGRAMS / "prefect"), *words], cwd=home, env=environment, stdout=output, stderr=output
                    )
                    started.append(process)
                    return process

                server = start("server", "start", "--port", str(port))
                if not wait_until(lambda: _answers(port), START_SECONDS):
                    raise RuntimeError((home / "output.txt").read_text(encoding="utf-8"))
                _deploy(home, environment)
                worker = start("worker", "start", "--pool", POOL, "--type", "process")
                postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
                yield Alone(psutil.Process(postmaster), server, worker)
        finally:
            for process in reversed(started):
                process.terminate()
                try:
                    process.wait(60)
                except psutil.TimeoutExpired:
                    process.kill()
            lease.release()
            shutil.rmtree(cluster.socket_folder, ignore_errors=True)
            shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)


def _environment(home: Path, port: int, cluster: embedded.Cluster) -> dict[str, str]:
    chosen = environment_of(load_settings(scorekeeper_home=home), port)
    return {
        **plain_environment(), **{name: value for name, value in chosen.items() if name.startswith("PREFECT_")},
        "PREFECT_SERVER_DATABASE_CONNECTION_URL":
            f"postgresql+asyncpg://{embedded.ROLE}@/prefect?host={cluster.socket_folder}",
    }  # fmt: skip


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _deploy(home: Path, environment: dict[str, str]) -> None:
    (home / "flow.py").write_text(_FLOW, encoding="utf-8")
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    ours = [{**one, "entrypoint": "flow.py:empty"} for one in deployments]
    (home / "prefect.yaml").write_text(yaml.safe_dump({"name": "empty", "deployments": ours}), encoding="utf-8")
    for words in (("work-pool", "create", POOL, "--type", "process"), ("--no-prompt", "deploy", "--all")):
        subprocess.run(  # noqa: S603 - our own program
            [str(PROGRAMS / "prefect"), *words], cwd=home, env=environment, check=True, capture_output=True
        )

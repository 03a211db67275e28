"""The work pool and the deployments on a Prefect server: making ours, and recognising those of others."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectAlreadyExists

from cli.folders import ROOT
from cli.prefect_server import POOL as POOL
from scorekeeper.errors import ScorekeeperError


async def make_pool() -> None:
    """Make the process pool, unless there is one."""
    async with get_client() as client:
        with contextlib.suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))


def deploy() -> None:
    """Deploy everything in prefect.yaml. Raises ScorekeeperError with Prefect's last words."""
    program = Path(sys.executable).with_name("prefect")
    done = subprocess.run(  # noqa: S603 - our own program
        [str(program), "--no-prompt", "deploy", "--all"],
        cwd=ROOT, env={**os.environ, "PREFECT_LOGGING_LEVEL": "ERROR"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        words = " ".join((done.stdout + done.stderr).split())
        raise ScorekeeperError(f"prefect deploy --all: {words[-500:]}")


def read_deployments() -> Iterator[tuple[str, str, str]]:
    """Name, pool and entrypoint of each deployment in prefect.yaml."""
    import yaml

    for one in yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]:
        yield one["name"], one["work_pool"]["name"], one["entrypoint"]


def is_strange(deployment: DeploymentResponse, entrypoints: dict[str, str]) -> bool:
    """Whether a deployment is not one of ours, or runs more than its flow; `entrypoints`: ours, by name."""
    steps = [name for step in deployment.pull_steps or [] for name in step]
    runs_more = any(name.endswith("run_shell_script") for name in steps) or "command" in deployment.job_variables
    return entrypoints.get(deployment.name) != deployment.entrypoint or runs_more


def has_strange_command(pool: WorkPool) -> bool:
    """Whether the pool's template lets its workers run a program other than Prefect's."""
    template = pool.base_job_template
    default = template.get("variables", {}).get("properties", {}).get("command", {}).get("default")
    configured = template.get("job_configuration", {}).get("command", "{{ command }}")
    return bool(default) or configured != "{{ command }}"

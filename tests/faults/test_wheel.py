"""The wheel alone, in an environment that holds nothing else, does what a checkout does."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from scorekeeper.settings import Settings
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
UV = os.environ.get("UV") or shutil.which("uv") or ""
pytestmark = pytest.mark.skipif(not UV, reason="uv builds and installs the wheel")


def environment() -> dict[str, str]:
    ours = {name.upper() for name in Settings.model_fields} | {"PYTHONPATH", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"}
    return {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("PREFECT")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "-q", "--wheel", "-o", folder, ROOT], env=environment(), check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel: Path) -> Iterator[Path]:
    """`scorekeeper`, installed from the wheel."""
    place = wheel.with_name("environment")
    day = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["exclude-newer"]
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, place], env=environment(), check=True)
    install = [UV, "pip", "install", "-q", "--exclude-newer", day, "--python", place / "bin" / "python", wheel]
    subprocess.run(install, cwd=place, env=environment(), check=True)
    yield place / "bin" / "scorekeeper"
    shutil.rmtree(place)


def test_it_holds_all_that_a_checkout_runs(wheel: Path) -> None:
    held = set(ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    if not listed:
        pytest.skip("no git here to name the files of the checkout")
    rooms = ("scorekeeper/", "tasks/", "flows/", "cli/", "dashboard/", "analytics/", "sql/")
    wanted = {name for name in listed if name.startswith(rooms) or name == "prefect.yaml"}
    assert len(wanted) > 100
    assert {name for name in wanted if (ROOT / name).exists()} - held == set()
    assert {name for name in held if name.startswith(("tests/", "benchmarks/"))} == set()


@pytest.mark.long
def test_installed_alone_it_runs_the_demo_and_up(command: Path, tmp_path: Path) -> None:
    demo = subprocess.run([command, "demo"], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert (demo.returncode, demo.stderr) == (0, "")
    assert "420 decisions" in demo.stdout
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "output.txt").open("w+") as output:
        up = subprocess.Popen(
            [command, "up", "--demo", "--port", str(port)],
            cwd=tmp_path, env=environment(), stdout=output, stderr=output,
        )  # fmt: skip

        def says(words: str) -> bool:
            return words in (tmp_path / "output.txt").read_text()

        def decisions() -> int:
            look = [str(command), "status", "--json", "--home", ".scorekeeper/demo-live"]
            done = subprocess.run(look, cwd=tmp_path, env=environment(), capture_output=True, text=True)
            return int(json.loads(done.stdout)["decisions"])

        try:
            assert wait_until(lambda: says("Ready.") or up.poll() is not None, 240)
            assert says("Ready."), (tmp_path / "output.txt").read_text()
            assert wait_until(lambda: decisions() > 0, 90)
        finally:
            up.send_signal(signal.SIGTERM)
            code = up.wait(600)
    assert code == 128 + signal.SIGTERM
    assert says("stopped by SIGTERM: what was done by then is kept")

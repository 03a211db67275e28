"""`scorekeeper up` as a user runs it: what it serves, what it keeps from others, and how it ends."""

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from cli.dashboard_server import token_file
from cli.folders import password_file
from cli.prefect_server.password import read_password
from scorekeeper.store import embedded
from tests.faults.up import COMMAND, NOBODY, Up, as_nobody, flow_names, needs_linux, needs_root, running, status
from tests.integration.inbox.test_private import open_to_others
from tests.waiting import busy, wait_until

pytestmark = needs_linux


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    # Where other users get to: pytest's own folder is closed to them. The name holds what shells and INI files read.
    home = Path(tempfile.mkdtemp(prefix="scorekeeper up 1% 'q "))
    home.chmod(0o755)
    try:
        with running(home, "MARKET=replay:market\nUI_HOSTS=score.example\n") as up:
            yield up
    finally:
        shutil.rmtree(home)


def test_it_says_where_things_are_and_serves_the_ui(up: Up) -> None:
    said = up.output.read_text()
    assert f"http://127.0.0.1:{up.port}" in said
    assert str(up.home / "inbox") in said
    page = urllib.request.urlopen(f"http://127.0.0.1:{up.port}/", timeout=60).read().decode()
    assert "<title>Prefect" in page
    dashboard = f"http://127.0.0.1:{up.port + 10}"
    assert f"dashboard   {dashboard}" in said
    assert wait_until(lambda: "Overview · Scorekeeper" in read(dashboard), 30)
    # What its runs show in Prefect's UI leads there.
    up.command("track")
    assert wait_until(lambda: f"]({dashboard}/open)" in artifact(up, "open-trades"), 30)


def read(address: str) -> str:
    """What a page says; nothing if nothing answers."""
    try:
        found: bytes = urllib.request.urlopen(address, timeout=10).read()
    except OSError:
        return ""
    return found.decode()


def artifact(up: Up, key: str) -> str:
    """The description of the latest artifact of a key."""
    found = up.api("/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})
    return str(found[0]["description"]) if found else ""


def test_a_file_becomes_a_row_by_a_run_that_says_so(up: Up) -> None:
    up.drop()
    assert wait_until(up.has_all, 40)
    assert wait_until(lambda: any(r["name"] == "ingest 1 decision from 1 file" for r in up.runs("COMPLETED")), 30)
    assert any("warm" in run["tags"] for run in up.runs("COMPLETED"))


def test_commands_beside_it_use_its_server(up: Up) -> None:
    assert json.loads(up.command("status", "--json"))["decisions"] == 1
    began = time.monotonic()
    up.command("track")
    names = [run["name"] for run in up.runs("COMPLETED") if run["deployment_id"] is None]
    assert any(name.startswith("track ") for name in names)
    assert time.monotonic() - began < 30 * busy()


@pytest.mark.long
def test_its_doctor_is_content_and_automations_are_made_on_its_server(up: Up) -> None:
    assert wait_until(lambda: bool(up.api("/work_pools/scorekeeper/workers/filter", {})), 60)  # it has reported
    assert "ok      worker" in up.command("doctor")
    assert "made: scorekeeper.price-stale" in up.command("automations")
    assert "kept: scorekeeper.price-stale" in up.command("automations")


def test_everything_listens_on_this_machine_only(up: Up) -> None:
    pid_file = embedded.Cluster(up.home, {}).data / "postmaster.pid"
    postgres = psutil.Process(int(pid_file.read_text().split()[0]))
    listening = [
        connection.laddr
        for process in (*up.processes(), postgres)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert up.port in {address.port for address in listening}


def test_nothing_that_it_and_its_runs_have_made_is_open_to_others(up: Up) -> None:
    made = (".database.lock", "archive", "database.json", "datasets", "logs", "inbox", "postgres", "prefect", "up")
    # What the test itself has dropped into the inbox keeps its mode, also in the archive: a rename moves it.
    dropped = dict.fromkeys(("archive", "inbox"), (".json", ".jsonl"))
    ours = [
        path for name in made for path in open_to_others(up.home / name) if not path.endswith(dropped.get(name, ()))
    ]
    assert ours == []


def test_a_second_up_in_the_same_home_is_refused(up: Up) -> None:
    done = subprocess.run([COMMAND, "up", "--home", "."], cwd=up.home, capture_output=True, text=True)
    assert (done.returncode, "runs already" in done.stderr) == (1, True)


def test_a_dashboard_that_is_killed_is_back(up: Up) -> None:
    before = up.pids_of("dashboard")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not set(up.pids_of("dashboard")) & set(before), 30)
    assert wait_until(lambda: "Overview · Scorekeeper" in read(f"http://127.0.0.1:{up.port + 10}"), 60)


def test_without_the_password_nothing_is_answered_but_that_it_is_well(up: Up) -> None:
    schema = json.load(up.ask("/openapi.json"))
    address = f"http://127.0.0.1:{up.port}"
    open_to_all = []
    for path, methods in schema["paths"].items():
        for method in methods:
            body = b"{}" if method in ("post", "put", "patch") else None
            if status(f"{address}/api{path}".replace("{", "").replace("}", ""), body, method.upper()) not in (401, 403):
                open_to_all.append((method, path))
    assert len(schema["paths"]) > 100
    assert set(open_to_all) == {("get", "/health"), ("get", "/ready")} & {
        (method, path) for path, methods in schema["paths"].items() for method in methods
    }
    assert [status(f"{address}{path}") for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3
    assert status(f"{address}/api/docs") == 401
    told = json.load(urllib.request.urlopen(f"{address}/ui-settings", timeout=60))
    assert told["auth"] == "BASIC"
    assert (read_password(up.home) or "none") not in json.dumps(told)


def test_it_answers_to_its_own_names_and_those_of_ui_hosts_alone(up: Up) -> None:
    health = f"http://127.0.0.1:{up.port}/api/health"
    names = ("127.0.0.1", "localhost", f"localhost:{up.port}", "[::1]:80", "score.example", "SCORE.example:443")
    assert [status(health, Host=name) for name in names] == [200] * len(names)
    strange = ("evil.example", "127.0.0.1.evil.example", "localhost.evil", "127.0.0.1@evil.example", "", "127.0.0.2")
    assert [status(health, Host=name) for name in strange] == [403] * len(strange)


def test_the_password_is_in_no_log_and_in_no_command(up: Up) -> None:
    password = read_password(up.home) or ""
    assert len(password) > 40
    shown = [base64.b64encode(password.encode()), password.partition(":")[2].encode()]
    holding = [
        path
        for path in up.home.rglob("*")
        if path.is_file() and not path.is_symlink() and any(one in path.read_bytes() for one in shown)
    ]
    assert holding == [password_file(up.home)]
    assert password_file(up.home).stat().st_mode & 0o777 == 0o600
    for process in up.processes():
        assert not any(one.decode() in " ".join(process.cmdline()) for one in shown)


def reach(address: str) -> str:
    with psycopg.connect(address) as connection:
        return connection.info.dbname


@needs_root
def test_another_user_of_the_machine_gets_neither_password_nor_socket_nor_answer(up: Up) -> None:
    folder = embedded.Cluster(up.home, {}).socket_folder
    pids = [process.pid for process in up.processes()]

    def read_all() -> list[str]:
        found = []
        for pid in pids:
            try:
                found.append(Path(f"/proc/{pid}/environ").read_text())
            except OSError:
                continue
        return found

    assert as_nobody(lambda: os.geteuid()) == NOBODY
    assert as_nobody(lambda: password_file(up.home).read_text()) == "PermissionError"
    assert as_nobody(read_all) == []
    for base in ("prefect", "scorekeeper"):
        address = f"host={folder} user={embedded.ROLE} dbname={base}"
        assert as_nobody(partial(reach, address)) == "OperationalError"
    body = b'{"name": "evil"}'
    assert as_nobody(lambda: status(f"http://127.0.0.1:{up.port}/api/flows/", body)) in (401, 403)
    guess: dict[str, Any] = {"Authorization": "Basic " + base64.b64encode(b"scorekeeper:guess").decode()}
    assert as_nobody(lambda: status(f"http://127.0.0.1:{up.port}/api/admin/version", None, None, **guess)) == 401
    assert as_nobody(lambda: status(f"http://127.0.0.1:{up.port}/scorekeeper/ticket", b"", "POST", **guess)) == 401
    assert as_nobody(lambda: status(f"http://127.0.0.1:{up.port}/scorekeeper/enter", b"guess")) == 403
    assert "evil" not in flow_names(up)
    dashboard = up.port + 10
    assert as_nobody(lambda: token_file(up.home, dashboard).read_text()) == "PermissionError"
    for page in ("", "trades", "trades?format=csv", "events"):
        assert as_nobody(partial(status, f"http://127.0.0.1:{dashboard}/{page}")) == 401
    assert status(f"http://127.0.0.1:{dashboard}/") == 200  # the user that runs it


@pytest.mark.parametrize(
    "part", ["watcher", *(pytest.param(name, marks=pytest.mark.long) for name in ("worker", "server", "postgres"))]
)
def test_a_part_that_is_killed_is_back_and_files_go_on_becoming_rows(up: Up, part: str) -> None:
    before = up.pids_of(part)
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    up.drop()
    assert wait_until(lambda: bool(up.pids_of(part)) and not set(up.pids_of(part)) & set(before), 60)
    assert wait_until(up.has_all, 90)
    said = (f"{part} has ended", f"{part} does not start")
    assert wait_until(lambda: any(words in up.output.read_text() for words in said), 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_signal_ends_every_process_and_postgres_with_them(up: Up, number: signal.Signals) -> None:
    if up.process.poll() is not None:
        up.start()
    up.drop()  # a flow run is at work, or about to be
    time.sleep(3)
    up.process.send_signal(number)
    assert up.process.wait(600) == 128 + number
    assert up.output.read_text().splitlines()[-1].startswith(f"stopped by {number.name}: what was done by then is kept")
    assert up.processes() == []
    assert not embedded.Cluster(up.home, {}).has_database("postgres")
    assert "Traceback" not in up.output.read_text()

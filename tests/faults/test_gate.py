"""What reaches Prefect's server below `up`, from a web page and from another user of the machine: nothing."""

import base64
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from cli.dashboard import token_file
from cli.password import password_file, read_password
from cli.up import address_file
from scorekeeper.store import embedded
from tests.browser import BROWSER, Tab, open_tab
from tests.faults.test_up import Up, running
from tests.waiting import wait_until

NOBODY = 65_534
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no browser here")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
# What a page posted to run a shell: a flow first, then a deployment that pulls by a script, then its run.
NAME = "evil"
ATTACK = """
(async () => {
  const api = 'http://%(host)s/api', flow = JSON.stringify({name: '%(name)s'}), told = {};
  const post = (more) => fetch(api + '/flows/', {method: 'POST', body: flow, ...more});
  const note = async (name, work) => { try { told[name] = await work(); } catch (e) { told[name] = 'failed'; } };
  await note('json', async () => (await post({headers: {'Content-Type': 'application/json'}})).status);
  await note('text', async () => (await post({headers: {'Content-Type': 'text/plain'}})).status);
  await note('known', async () => (await post({credentials: 'include'})).status);
  await note('blind', async () => (await post({mode: 'no-cors', credentials: 'include'})).type);
  await note('untyped', async () => (await post({mode: 'no-cors', body: new Blob([flow])})).type);
  await note('token', async () => (await fetch(api + '/csrf-token?client=x', {credentials: 'include'})).status);
  await note('settings', async () => (await fetch('http://%(host)s/ui-settings')).status);
  await note('beacon', async () => { navigator.sendBeacon(api + '/flows/', flow); return 'sent'; });
  for (const path of ['/events/in', '/events/out', '/logs/out', '/task_runs/subscriptions/scheduled'])
    await note(path, () => new Promise(done => {
      const socket = new WebSocket(api.replace('http', 'ws') + path, ['prefect']);
      socket.onopen = () => done('open'); socket.onerror = () => done('failed');
    }));
  const frame = document.createElement('iframe');
  frame.name = 'hidden'; document.body.append(frame);
  const form = document.createElement('form');
  Object.assign(form, {action: api + '/flows/', method: 'POST', enctype: 'text/plain', target: 'hidden'});
  const field = document.createElement('input');
  field.name = '{"name": "%(name)s", "tags": ["'; field.value = '"]}';
  form.append(field); document.body.append(form);
  await new Promise(done => { frame.onload = done; form.submit(); });
  return told;
})()
"""


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    # Where other users get to: below pytest's own folder, which is closed to them, nothing would be tried.
    home = Path(tempfile.mkdtemp(prefix="scorekeeper-gate-"))
    home.chmod(0o755)
    try:
        with running(home, "MARKET=replay:market\nUI_HOSTS=score.example\n") as up:
            yield up
    finally:
        shutil.rmtree(home)


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """The port of a server with an empty page of another origin."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><body>a page of a stranger")

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def flows(up: Up) -> set[str]:
    return {flow["name"] for flow in up.api("/flows/filter", {})}


def attack(tab: Tab, host: str) -> dict[str, Any]:
    """Do from the page that is shown what a stranger's page would, and say what came of it."""
    script = ATTACK % {"host": host, "name": NAME}
    done = tab.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
    told: dict[str, Any] = done["result"]["value"]
    return told


def let_in(tab: Tab, up: Up) -> None:
    said = up.command("ui", "--no-show")
    link = next(word for word in said.split() if word.startswith("http://127.0.0.1"))
    tab.open(link, "Deployments", seconds=60)


@needs_browser
def test_scorekeeper_ui_lets_one_browser_in_and_no_second_one(up: Up, tmp_path: Path) -> None:
    said = up.command("ui", "--no-show")
    link = next(word for word in said.split() if word.startswith("http://127.0.0.1"))
    with open_tab(tmp_path / "first") as tab:
        tab.open(f"http://127.0.0.1:{up.port}/", "Login")
        seen = tab.open(link, "Deployments", seconds=60)
        assert "Login" not in seen["text"]
        tab.photograph(Path(os.environ.get("SCREENSHOTS", tmp_path)) / "let-in.png")
        assert wait_until(lambda: "track" in tab.open(f"http://127.0.0.1:{up.port}/v2/deployments", "track")["text"])
        tab.open(f"http://127.0.0.1:{up.port}/events", "ingest")  # the older UI, and its feed
        # A page of its own origin may do what no other may: else the attack below would prove nothing.
        honest = """(async () => (await fetch('/api/csrf-token?client=x', {headers: {Authorization: 'Basic ' +
            localStorage.getItem('prefect-password')}})).status)()"""
        done = tab.call("Runtime.evaluate", expression=honest, awaitPromise=True, returnByValue=True)
        assert done["result"]["value"] == 200
        assert link not in json.dumps(tab.call("Page.getNavigationHistory"))
    with open_tab(tmp_path / "second") as tab:
        tab.open(link, "used or too old")


@needs_browser
@pytest.mark.parametrize("whose", ["a stranger's", "that of who is let in"])
def test_no_page_of_another_origin_reaches_it_from_a_browser(
    up: Up, tmp_path: Path, elsewhere: int, whose: str
) -> None:
    host = f"127.0.0.1:{up.port}"
    with open_tab(tmp_path / "browser", "--host-resolver-rules=MAP *.example 127.0.0.1") as tab:
        if whose == "that of who is let in":
            let_in(tab, up)
        if whose == "that of who has typed the password":
            # Then the browser adds it to each request, by whatever page.
            tab.open(f"http://{read_password(up.home)}@{host}/api/admin/version", "3.")
        for page in (f"http://127.0.0.1:{elsewhere}/", f"http://evil.example:{elsewhere}/"):
            tab.open(page, "stranger")
            told = attack(tab, host)
            assert set(told.values()) <= {"failed", "opaque", "sent"}, told
            assert told["json"] == told["text"] == told["known"] == told["token"] == told["/events/in"] == "failed"
        assert "not ours" in tab.open(f"http://evil.example:{up.port}/api/health", "ours")["text"]
        told = attack(tab, f"evil.example:{up.port}")  # of a name that leads here: for the browser all one origin
        assert {told["json"], told["text"], told["token"], told["settings"]} == {403}
        assert told["/events/in"] == "failed"
        let_in(tab, up)  # who may, still may
    assert NAME not in flows(up)


@needs_browser
def test_the_same_page_would_reach_a_server_without_the_gate(tmp_path: Path, elsewhere: int) -> None:
    """The attack is one: Prefect's server as it comes takes it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    address = f"http://127.0.0.1:{port}/api"
    server = subprocess.Popen(
        [Path(shutil.which("prefect") or "prefect"), "server", "start", "--port", str(port)],
        env=kept | {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_API_URL": address},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_until(lambda: status(f"{address}/health") == 200, 120)
        with open_tab(tmp_path / "browser") as tab:
            tab.open(f"http://127.0.0.1:{elsewhere}/", "stranger")
            told = attack(tab, f"127.0.0.1:{port}")
        assert (told["json"], told["settings"], told["/events/in"]) == (201, 200, "open")
        request = urllib.request.Request(f"{address}/flows/filter", b"{}", {"Content-Type": "application/json"})
        assert [flow["name"] for flow in json.load(urllib.request.urlopen(request, timeout=10))] == [NAME]
    finally:
        server.terminate()
        server.wait(30)


def status(address: str, body: bytes | None = None, method: str | None = None, **headers: str) -> int:
    """What a server answers to who has no password; 0: nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(address, body, {"Content-Type": "application/json", **named}, method=method)
    try:
        return int(urllib.request.urlopen(request, timeout=10).status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


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
    told = json.load(urllib.request.urlopen(f"{address}/ui-settings", timeout=10))
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


def as_nobody(work: Callable[[], Any]) -> Any:
    """What `work` gives when another user of the machine does it."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def be_somebody_else() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            theirs.send(work())
        except BaseException as failed:  # it is the answer
            theirs.send(type(failed).__name__)

    process = context.Process(target=be_somebody_else)
    process.start()
    answer = ours.recv()
    process.join(30)
    return answer


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
    assert NAME not in flows(up)
    dashboard = up.port + 10
    assert as_nobody(lambda: token_file(up.home, dashboard).read_text()) == "PermissionError"
    for page in ("", "trades", "trades?format=csv", "events"):
        assert as_nobody(partial(status, f"http://127.0.0.1:{dashboard}/{page}")) == 401
    assert status(f"http://127.0.0.1:{dashboard}/") == 200  # who runs it


@needs_root
def test_while_the_server_is_away_nobody_else_takes_its_place(up: Up) -> None:
    """Who listened there would be told the password by every part."""

    def take() -> int:
        taken = 0
        for options in ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)):
            for address in ("127.0.0.1", "0.0.0.0", "::1"):
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as thief:
                    for option in options:
                        thief.setsockopt(socket.SOL_SOCKET, option, 1)
                    try:
                        thief.bind((address, up.port))
                        thief.listen()
                        taken += 1
                    except OSError:
                        continue
        return taken

    (*_, server) = up.pids_of("server")
    os.kill(server, signal.SIGKILL)
    assert wait_until(lambda: not psutil.pid_exists(server), 10)
    assert as_nobody(take) == 0
    assert wait_until(lambda: status(f"http://127.0.0.1:{up.port}/api/health") == 200, 90)


def test_behind_it_files_become_rows_by_watcher_and_worker_and_commands_use_it(up: Up) -> None:
    up.drop()
    assert wait_until(up.has_all, 60)
    assert wait_until(lambda: any("warm" in run["tags"] for run in up.runs("COMPLETED")), 90)
    close = next(one for one in up.api("/deployments/filter", {}) if one["name"] == "close-trade")
    made = up.api(
        f"/deployments/{close['id']}/create_flow_run",
        {"parameters": {"trade_id": "no-such-trade"}, "state": {"type": "SCHEDULED"}},
    )
    assert wait_until(lambda: made["id"] in {run["id"] for run in up.runs("COMPLETED")}, 90)
    assert "decisions" in up.command("status", "--json")
    up.command("track")
    assert any(run["deployment_id"] is None for run in up.runs("COMPLETED"))
    assert "made: scorekeeper.price-stale" in up.command("automations")


def test_killed_whole_its_commands_tell_the_password_to_no_one_who_listens_in_its_place(up: Up) -> None:
    address, password = address_file(up.home).read_text(), read_password(up.home)
    processes = up.processes()
    for process in (psutil.Process(up.process.pid), *processes):
        process.kill()
    up.process.wait(10)
    psutil.wait_procs(processes, 30)
    address_file(up.home).write_text(address)
    heard: list[str] = []

    class Thief(BaseHTTPRequestHandler):
        def answer(self) -> None:
            heard.append(f"{self.path} {self.headers}")
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"true")

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", up.port), Thief) as thief:
        threading.Thread(target=thief.serve_forever, daemon=True).start()
        up.try_command("ui", "--no-show")
        up.try_command("doctor")
        thief.shutdown()
    assert [line for line in heard if "/scorekeeper/proof" in line]
    assert not [line for line in heard if "Authorization" in line]
    up.start()
    assert read_password(up.home) != password  # a page of the UI that stayed open may have shown it meanwhile
    assert up.command("ui", "--no-show")

"""What reaches Prefect's server below `up`, from a web page and from another user of the machine: nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.folders import address_file
from cli.prefect_server.password import read_password
from tests.browser import BROWSER, Tab, open_tab
from tests.faults.up import Up, as_nobody, flow_names, needs_root, running, status
from tests.waiting import wait_until

pytestmark = pytest.mark.long
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no browser here")
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
    assert NAME not in flow_names(up)


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
        assert [flow["name"] for flow in json.load(urllib.request.urlopen(request, timeout=60))] == [NAME]
    finally:
        server.terminate()
        server.wait(600)


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


def test_after_a_kill_commands_tell_the_password_to_no_other_listener(up: Up) -> None:
    address, password = address_file(up.home).read_text(), read_password(up.home)
    processes = up.processes()
    for process in (psutil.Process(up.process.pid), *processes):
        process.kill()
    up.process.wait(600)
    psutil.wait_procs(processes, 600)
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

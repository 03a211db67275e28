"""Who has no password does not get in, and no secret gets out."""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings
from tests.integration.store.test_embedded import tcp_server as tcp_server
from tests.waiting import wait_until

PROGRAMS = Path(sys.executable).parent
CANARY = "canary-7f3a"  # the password of tcp_server
AUTH = "admin:canary-auth-51c9"


def environment(**more: str) -> dict[str, str]:
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("PREFECT")}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **more}


def command(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAMS / "scorekeeper", *words], cwd=folder, env=environment(**more), capture_output=True, text=True
    )


class Watched:
    """The command lines of all processes, looked through again and again while the block runs."""

    def __enter__(self) -> "Watched":
        self.seen: list[list[str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            for process in psutil.process_iter(["cmdline"]):
                words = process.info["cmdline"] or []
                if any(CANARY in word for word in words):
                    self.seen.append(words)


@pytest.mark.parametrize("way", ["user:{}@", pytest.param("@", marks=pytest.mark.long)])
def test_a_54_password_is_in_no_output_no_process_list_and_no_file(
    tcp_server: tuple[int, str], tmp_path: Path, way: str
) -> None:
    """Log, dataset, artifacts, Prefect's own log and database among them, and what is said of a server that is gone."""
    port, _ = tcp_server
    good = {
        "user:{}@": f"postgresql://owner:{CANARY}@127.0.0.1:{port}/postgres",
        "@": f"postgresql:///postgres?host=127.0.0.1&port={port}&user=owner&password={CANARY}",
    }[way]
    said = ""
    whole = way == "user:{}@"  # the other differs in nothing but how the address is read
    with Watched() as watched:
        if whole:
            as_of = write_sample(tmp_path / "inbox", tmp_path / "market")
            words = [["ingest"], ["track", "--as-of", as_of.isoformat()], ["verify"], ["doctor"], ["status"]]
        else:
            words = [["migrate"], ["status"]]
            (tmp_path / "inbox").mkdir()
        for one in words:
            done = command(tmp_path, *one, DATABASE_URL=good, MARKET="replay:market", FLOW_RUNS="always")
            assert done.returncode == 0 or one == ["doctor"], done.stderr
            said += done.stdout + done.stderr
        for bad in (good.replace(str(port), "1"), good.replace("/postgres", "/no_such"), good.replace("owner", "none")):
            done = command(tmp_path, "status", DATABASE_URL=bad)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            said += done.stdout + done.stderr
        done = command(tmp_path, "status", DATABASE_URL=good.replace(str(port), "1"), SCOREKEEPER_DEBUG="1")
        assert "Traceback" in done.stderr
        said += done.stderr
    assert CANARY not in said
    assert watched.seen == []
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if path.name != "secret" and CANARY.encode() in path.read_bytes()] == []
    if whole:
        assert (tmp_path / ".scorekeeper" / "prefect" / "prefect.db").stat().st_size > 0


@pytest.fixture
def guarded_server(tmp_path: Path) -> Iterator[str]:
    """A Prefect server that asks for a user and a password; its API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    more = {"PREFECT_SERVER_API_AUTH_STRING": AUTH, "PREFECT_HOME": str(tmp_path / "server")}
    more |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    (tmp_path / "server").mkdir()
    server = subprocess.Popen(
        [PROGRAMS / "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env=environment(**more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}/api"

    def answers() -> bool:
        try:
            return bool(urllib.request.urlopen(f"{address}/health", timeout=2).status == 200)
        except (urllib.error.URLError, OSError):
            return False

    assert wait_until(answers, 120)
    yield address
    server.terminate()
    server.wait(600)


@pytest.mark.long
def test_a_prefect_server_with_an_auth_string_serves_who_has_it_and_nobody_else(
    guarded_server: str, tmp_path: Path, database_url: str
) -> None:
    (tmp_path / "inbox").mkdir()

    def look(auth: str) -> dict[str, dict[str, str]]:
        more = {"PREFECT_API_AUTH_STRING": auth} if auth else {}
        done = command(
            tmp_path, "doctor", "--json", DATABASE_URL=database_url, PREFECT_API_URL=guarded_server, **more
        )  # fmt: skip
        assert "canary" not in done.stdout + done.stderr
        return {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert look(AUTH)["prefect"]["state"] == "ok"
    assert look(AUTH)["deployments"]["says"].startswith("not there: ingest")
    for auth in ("", "admin:wrong"):
        assert "password" in look(auth)["prefect"]["do"] or "AUTH" in look(auth)["prefect"]["do"]
    done = command(
        tmp_path, "automations", DATABASE_URL=database_url, PREFECT_API_URL=guarded_server, PREFECT_API_AUTH_STRING=AUTH
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = command(tmp_path, "automations", DATABASE_URL=database_url, PREFECT_API_URL=guarded_server)
    assert (done.returncode, "PREFECT_API_AUTH_STRING" in done.stderr) == (1, True)

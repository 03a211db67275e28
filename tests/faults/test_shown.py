"""47 to 49: whatever a stranger wrote is text and nothing else, in every place where it is shown."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import pytest

from scorekeeper.operations.sample import write_sample
from scorekeeper.settings import Settings
from scorekeeper.store import embedded
from tests.browser import BROWSER, open_tab
from tests.conftest import fresh_database
from tests.integration.report.test_report import Listener
from tests.waiting import wait_until

BIN = Path(sys.executable).parent
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser here")
TABLES = ("agent-metrics", "open-trades", "quarantine", "agent-attribution", "calibration", "baselines", "versions")
# What each artifact shows once it is drawn.
SHOWN = dict.fromkeys(TABLES, "window.ran") | {
    "performance-summary": "completed trades", "system-metrics": "completed_trades", "versions": "paired",
    "analysis": "What can be concluded at", "report": "report.html", "performance-log": "performance_summary.logl",
}  # fmt: skip


def payloads(sink: str) -> list[str]:
    """What would ask for something at `sink`, or set `window.ran`, if it were anything but text."""
    return [
        f"<script>window.ran=1;fetch('{sink}/script')</script>",
        f"<img src={sink}/img onerror=window.ran=2>",
        f"![x]({sink}/image)",
        "[x](javascript:window.ran=3)",
        f"<iframe src={sink}/frame></iframe><svg onload=window.ran=4>",
        f"|`x`|\n\n![y]({sink}/second)||~~z~~",
        f"\u202e\x07\x1b[31mred\x1b]8;;{sink}/osc\x07link\r\nsecond",
        f'=HYPERLINK("{sink}/formula","x")',
        f"{sink}/bare www.evil.example evil@evil.example",
        "{{ 7*7 }} ${7*7} %s &#60;b&#62; &lt;script&gt;",
        "[bold red]rich[/bold red][link=" + sink + "/rich]x[/link]",
    ]


def make_hostile(inbox: Path, market: Path, sink: str) -> str:
    """The sample with a payload in every text, and files that are refused; the as_of at which some are open."""
    end = write_sample(inbox, market)
    texts = payloads(sink)
    turn = cycle(texts)
    lines = (inbox / "decisions-1.jsonl").read_text().splitlines()
    for path in inbox.iterdir():
        path.unlink()
    decisions = []
    for number, line in enumerate(lines):
        decision = json.loads(line)
        names = dict(zip(sorted(decision["agent_analyses"]), texts[number % 2 * 5 :], strict=False))
        decision["agent_analyses"] = {
            names[agent]: said | {"reasoning": next(turn), next(turn): next(turn)}
            for agent, said in decision["agent_analyses"].items()
        }
        decision |= {name: next(turn) for name in ("reason", "interval", "extra")}
        decision["version"] = texts[number % 3]
        decision["trade_id"] = f"{number} {texts[number % 5]}"
        decisions.append(json.dumps(decision))
    (inbox / "taken.jsonl").write_text("\n".join(decisions) + "\n")
    for number, text in enumerate(texts):
        refused = json.loads(lines[0]) | {"symbol": text, text: {text: text}, "reason": text}
        (inbox / f"{text.replace('/', '_')[:60]}{number}.json").write_text(json.dumps(refused))
        key = json.dumps(text)
        (inbox / f"field-{number}.json").write_text(f"{{{key}: 1, {key}: 2}}")
        noted = json.loads(lines[0]) | {"agent_analyses": {text: {"signal": text, "confidence": text}}}
        noted |= {"reason": text, "version": texts[0], "trade_id": f"noted {number}"}
        (inbox / f"noted-{number}.json").write_text(json.dumps(noted))
    for path in inbox.iterdir():
        os.utime(path, (1_750_000_000, 1_750_000_000))
    return end.isoformat()


class World:
    """An installation full of payloads, and a Prefect server with its UI."""

    def __init__(self, home: Path, database_url: str, sink: str) -> None:
        self.home, self.sink = home, sink
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        ours = {name.upper() for name in Settings.model_fields}
        kept = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith("PREFECT_")}
        self.environment = kept | {
            "DATABASE_URL": database_url, "MARKET": "replay:market", "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_API_URL": f"{self.address}/api", "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "0.2", "COLUMNS": "250",
        }  # fmt: skip
        self.server = subprocess.Popen(
            [BIN / "prefect", "server", "start", "--port", self.address.rpartition(":")[2]], cwd=home,
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert wait_until(self._is_up, 120)

    def _is_up(self) -> bool:
        try:
            return bool(urllib.request.urlopen(f"{self.address}/api/health", timeout=2).read())
        except OSError:
            return False

    def command(self, *words: str, status: int = 0) -> str:
        done = subprocess.run(
            [BIN / "scorekeeper", *words], cwd=self.home, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def api(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.address}/api{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        return json.load(urllib.request.urlopen(request, timeout=60))

    def close(self) -> None:
        for process in psutil.Process(self.server.pid).children(recursive=True):
            process.terminate()
        self.server.terminate()
        self.server.wait(600)


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Every path that was asked for at the address that stands in the payloads."""
    return []


@pytest.fixture(scope="module")
def world(cluster: embedded.Lease, tmp_path_factory: pytest.TempPathFactory, asked: list[str]) -> Iterator[World]:
    home = tmp_path_factory.mktemp("shown")
    sink = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Listener,), {"asked": asked}))
    thread = threading.Thread(target=sink.serve_forever)
    thread.start()
    with fresh_database(cluster) as url:
        made = World(home, url, f"http://127.0.0.1:{sink.server_port}")
        try:
            as_of = make_hostile(home / "inbox", home / "market", made.sink)
            made.command("ingest", status=0)
            made.command("track", "--as-of", as_of.replace("05-08", "05-06"))
            made.command("analyze")
            yield made
        finally:
            made.close()
            sink.shutdown()
            thread.join()
            sink.server_close()


def pages_of(world: World, *, every: bool) -> dict[str, tuple[str, str]]:
    """Where to look, by name: (address, words that show once it is drawn). Each artifact once, or in every place."""
    latest = {one["key"]: one["latest_id"] for one in world.api("/artifacts/latest/filter", {})}
    artifact = {key: f"artifacts/artifact/{latest[key]}" for key in SHOWN}
    pages = {key: (f"{world.address}/{artifact[key]}", words) for key, words in SHOWN.items()}
    pages["report file"] = ((world.home / "reports" / "report.html").as_uri(), "n =")
    if every:
        pages |= {f"key {key}": (f"{world.address}/artifacts/key/{key}", key) for key in SHOWN}
        pages |= {f"v2 {key}": (f"{world.address}/v2/{artifact[key]}", words) for key, words in SHOWN.items()}
        for run in world.api("/flow_runs/filter", {}):
            pages[run["name"][:7]] = (f"{world.address}/runs/flow-run/{run['id']}", run["name"])
        pages |= {name: (f"{world.address}/{name}", "uns") for name in ("runs", "dashboard")}
        pages["artifacts"] = (f"{world.address}/artifacts", "quarantine")
        pages["events"] = (f"{world.address}/events", "scorekeeper")
    return pages


@pytest.mark.drawn
def test_47_in_a_browser_nothing_of_it_runs_or_is_asked_for(
    world: World, asked: list[str], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    # What a careless artifact does: without this, a listener that hears nothing would show nothing.
    careless = {"key": "careless", "type": "markdown", "data": f"shown ![x]({world.sink}/careless)"}
    made = world.api("/artifacts/", careless)
    shots = Path(os.environ.get("SCREENSHOTS", tmp_path))
    with open_tab(tmp_path / "browser") as tab:
        tab.open(f"{world.address}/artifacts/artifact/{made['id']}", "shown")
        assert wait_until(lambda: asked == ["/careless"], 10), asked
        asked.clear()
        tab.asked.clear()
        for name, (address, words) in pages_of(world, every=pytestconfig.getoption("--long")).items():
            seen = tab.open(address, words, world.sink, "evil.example")
            tab.photograph(shots / f"{name}.png")
            (shots / f"{name}.txt").write_text(seen["text"])
            assert (name, seen["found"], seen["ran"]) == (name, [], None)
        assert [one for one in tab.asked if world.sink in one] == []
        assert tab.dialogs == []
    assert asked == []


@pytest.mark.parametrize(
    "words",
    [
        *(["metrics"], ["quarantine", "list"]),
        *(
            pytest.param(words, marks=pytest.mark.long)
            for words in (["metrics", "--by", "version"], ["analyze"], ["status"], ["doctor"])
        ),
    ],
    ids=" ".join,
)
def test_48_on_a_terminal_no_control_comes_through_and_names_are_as_written(world: World, words: list[str]) -> None:
    done = subprocess.run(
        [BIN / "scorekeeper", *words], cwd=world.home, env=world.environment, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    if words[0] in ("metrics", "analyze") and "--by" not in words:
        assert "[bold red]" in said or "<script>" in re.sub(r"\s", "", said)


def test_48_the_log_has_a_line_an_event_and_the_dataset_is_plain_ascii(world: World) -> None:
    log = (world.home / "logs" / "performance_summary.logl").read_text(encoding="utf-8")
    dataset = (world.home / "datasets" / "performance_dataset.jsonl").read_bytes()
    assert all(line.startswith("[2025-") and line.isprintable() for line in log.split("\n")[:-1])
    records = [json.loads(line) for line in dataset.split(b"\n")[:-1]]
    assert dataset.isascii()
    # Nothing is lost of it: the dataset is data.
    assert {record["reason"] for record in records} <= set(payloads(world.sink))
    assert {record["version"] for record in records} == set(payloads(world.sink)[:3])

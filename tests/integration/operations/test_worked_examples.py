"""The examples, run as a newcomer runs them: from a host's file to its first score; and the README shows them."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scorekeeper.settings import Settings
from scorekeeper.store.database import Database

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
AT = datetime(2026, 3, 23, 20, 0, tzinfo=UTC)  # 16:00 in New York
# Each folder with its host, what the host is given, and the symbol that it decides on.
HOSTS = {
    "tradingagents": ("host.py", "2026-03-23", "NVDA"),
    "ai_hedge_fund": ("host.py", AT.isoformat(), "AAPL"),
    "nofx": ("host.py", AT.isoformat(), "BTC-USDT"),
    "python": ("bot.py", AT.isoformat(), "ETH-USDT"),
    "shell": ("bot.sh", AT.isoformat(), "SOL-USDT"),
}


class Ticker(BaseHTTPRequestHandler):
    """An exchange's answer about one price."""

    def do_GET(self) -> None:
        body = b'{"symbol":"SOLUSDT","price":"100.00000000"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def price_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Ticker) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def write_market(folder: Path) -> None:
    """Two hours of candles of each symbol, from a price of 100 (AAPL: 200) up by a percent an hour."""
    folder.mkdir()
    for _, _, symbol in HOSTS.values():
        first = 200.0 if symbol == "AAPL" else 100.0
        rows = ["timestamp,open,high,low,close,volume"]
        for minute in range(-5, 115):
            price = first * (1 + max(minute, 0) / 6000)
            stamp = int((AT + timedelta(minutes=minute)).timestamp() * 1000)
            rows.append(f"{stamp},{price},{price},{price},{price},1")
        (folder / f"{symbol}.csv").write_text("\n".join(rows) + "\n")


def read_steps(name: str) -> list[str]:
    """The commands of an example's score.sh, each on one line."""
    lines = (EXAMPLES / name / "score.sh").read_text().replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if not line.startswith("#")]


def test_every_example_runs_from_its_host_to_a_score(
    db: Database, database_url: str, tmp_path: Path, price_url: str
) -> None:
    ours = {name.upper() for name in Settings.model_fields} | {"PREFECT_API_URL", "PREFECT_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {
        "DATABASE_URL": database_url, "MARKET": "replay:market", "PRICE_URL": price_url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }  # fmt: skip

    def run(*words: str, **more: str) -> str:
        done = subprocess.run(
            words, cwd=tmp_path, env=environment | more, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    write_market(tmp_path / "market")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "bars").mkdir()
    bars = "Date,Open,High,Low,Close,Adj Close,Volume\n2026-03-23,99,101,98,100,100,1\n"
    (tmp_path / "bars" / "NVDA.csv").write_text(bars)
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == set(HOSTS)
    for name, (host, given, _) in HOSTS.items():
        run("sh" if host.endswith(".sh") else sys.executable, str(EXAMPLES / name / host), given)
    for path in (tmp_path / "inbox").iterdir():  # as if nothing had been written to it for a minute
        os.utime(path, (path.stat().st_mtime - 60,) * 2)
    # What several examples do alike is done once, at the end: it takes in the files of all of them.
    steps = dict.fromkeys(step for name in HOSTS for step in sorted(read_steps(name), key=len, reverse=True))
    *others, common = sorted(steps, key=lambda step: step == "scorekeeper ingest")
    said = [run("sh", "-c", step) for step in (*others, common)]
    assert [one.splitlines()[0] for one in said] == [
        "1 files, 1 of them tradingagents's: 1 decisions", "1 files: 1 decisions, 0 duplicates, 0 rejected",
        "4 files: 4 decisions, 0 duplicates, 0 rejected",
    ]  # fmt: skip
    run("scorekeeper", "track", "--as-of", (AT + timedelta(minutes=110)).isoformat())
    score = json.loads(run("scorekeeper", "metrics", "--json"))
    assert (score["completed_trades"], score["win_rate"]) == (5, 80.0)
    with db.begin() as connection:
        closed = "SELECT symbol, pnl_pct FROM scorekeeper.trade WHERE exit_time IS NOT NULL"
        moves = {row.symbol: row.pnl_pct for row in connection.exec_driver_sql(closed)}
    symbols = [symbol.replace("-", "/") for *_, symbol in HOSTS.values()]
    assert moves == {symbol: pytest.approx(-1 if symbol == "ETH/USDT" else 1, rel=0.02) for symbol in symbols}


def test_the_readme_shows_what_the_examples_do() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ").split())
    for name in HOSTS:
        for step in read_steps(name):
            assert step in readme, f"{name}: {step}"
        assert f"(examples/{name})" in readme

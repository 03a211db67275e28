"""The dashboard on a large history: what a page costs the server, how soon a commit is told, what a hundred tabs hold.

Pages are made each time without the cache, which would serve them until something changes. The yardstick asks the
database for its change token alone. Memory, the idle processor and the delay from a commit to its message
are those of a process of its own, as `scorekeeper dashboard` starts it.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from rich.console import Console
from sqlalchemy import text

from benchmarks.database import ROOT, address, database, vacuum
from benchmarks.result import Figure, Run, Target, Timed, open_console
from benchmarks.score import A_DAY, AS_OF, fill_history, score_all
from dashboard.app import create_app
from dashboard.cache import PageCache
from dashboard.data.filters import Filters
from dashboard.data.lists import read_trades
from dashboard.data.token import begin_read, read_token
from dashboard.security import Access
from dashboard.site import Site
from scorekeeper.analysis.run import analyze
from scorekeeper.market import sealed_candles
from scorekeeper.metrics.part_blocks import roll_up_parts
from scorekeeper.store.database import Database

SIZES = (200_000, 1_000_000)
REPEATS = 30
STREAMS = 100
IDLE_SECONDS = 30
COMMITS = 10
TOKEN = "a-token-of-a-benchmark-that-opens-nothing-else"  # noqa: S105 - of a server that ends with it
YARDSTICK = "token"
# The pages of the bar come first; the rest is told.
PAGES = {
    "overview": "/", "trades": "/trades", "trade": "/trade?id={trade}",
    "trades, filtered": "/trades?version=v1&symbol=S3%2FUSDT&side=long", "trades by P&L": "/trades?sort=pnl_pct",
    "trades, deep": "/trades?after={after}", "decisions": "/decisions", "open": "/open", "agents": "/agents",
    "agent": "/agent?name=Agent1", "calendar": "/calendar", "versions": "/versions",
    "breakdown by symbol": "/breakdown?by=symbol", "breakdown by hour": "/breakdown?by=hour",
    "overview, as of": "/?as_of={as_of}", "overview, a month": "/?since={since}",
}  # fmt: skip
BAR = ("overview", "trades", "trade")
PAGE_TARGET, COMMIT_TARGET = Target(Figure.SECONDS, 0.05), Target(Figure.SECONDS, 1.5)
STATEMENTS = Path(__file__).with_suffix(".sql")


def run(sizes: list[int], repeats: int, streams: int, output: Path) -> None:
    """Build a database for each size, ask for every page, then hold streams open; print the table."""
    console = open_console()
    result = Run(
        "dashboard", f"{A_DAY:,} trades a day, five agents each; a page without the cache", "the change token alone",
        "closed trades", {"size": sizes, "repeats": repeats, "streams": streams},
    )  # fmt: skip
    for trades in sizes:
        with database() as db:
            build(db, trades, console)
            yardstick, *timed = asyncio.run(time_pages(db, trades, repeats, console))
            targets = dict.fromkeys(BAR, PAGE_TARGET)
            result.add_times([yardstick, *timed], yardstick.median, targets)
            with console.status(f"{streams} streams"), serving(db) as (process, root):
                delays, held = asyncio.run(hold_streams(db, process, root, streams))
            result.add(Timed("commit to message", streams, delays, trades, held["mb"]), None, COMMIT_TARGET)
            result.figures |= {f"process at {trades}": held}
            result.figures |= {
                f"p95 at {trades}": {one.what: sorted(one.seconds)[int(0.95 * len(one.seconds))] for one in timed}
            }
    result.finish(console, output)


def build(db: Database, trades: int, console: Console) -> None:
    """Write the history, candles of its last days, score and analyse it."""
    fill_history(db, trades, console)
    with db.begin() as connection:
        sealed_candles.ensure_partitions(connection, AS_OF - timedelta(days=3), AS_OF)
        for one in _statements()[:3]:
            connection.execute(text(one), {"as_of": AS_OF})
    with console.status("score and analyse"):
        score_all(db)
        roll_up_parts(db)
        if trades <= SIZES[0]:  # beyond, an analysis takes minutes, and its document is no longer
            db.transact(lambda c: analyze(c, AS_OF))
    vacuum(db)


def _statements() -> list[str]:
    return STATEMENTS.read_text(encoding="utf-8").split(";\n")[:4]


async def time_pages(db: Database, trades: int, repeats: int, console: Console) -> list[Timed]:
    """Each page made without the cache, in this process and without the network."""
    app = create_app(db.engine, Access(TOKEN, peers=False))
    site: Site = app._app.state.site  # type: ignore[attr-defined]
    known = addresses(db)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    timed = []
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers=headers
    ) as client:
        for what, path in {YARDSTICK: None, **PAGES}.items():
            seconds = []
            with console.status(f"{what}, {repeats} times"):
                for attempt in range(repeats + 1):
                    site.cache = PageCache()
                    start = time.perf_counter()
                    if path is None:
                        await asyncio.to_thread(_read_token, db)
                    else:
                        answer = await client.get(path.format(**known), timeout=60)
                        if answer.status_code != 200:
                            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
                    if attempt:  # the first one warms
                        seconds.append(time.perf_counter() - start)
            timed.append(Timed(what, 1, seconds, trades))
    return timed


def _read_token(db: Database) -> None:
    with db.engine.connect() as connection, connection.begin():
        begin_read(connection)
        read_token(connection)


def addresses(db: Database) -> dict[str, str]:
    """What stands in the pages' addresses."""
    with db.begin() as connection:
        page = read_trades(connection, Filters(until=AS_OF - timedelta(days=60)))
        last = read_trades(connection, Filters()).rows[0].trade_id
    after = Filters(after=page.after).query().partition("=")[2]
    return {
        "trade": last, "after": after, "as_of": f"{AS_OF - timedelta(days=20):%Y-%m-%dT%H:%MZ}",
        "since": f"{AS_OF - timedelta(days=30):%Y-%m-%dT%H:%MZ}",
    }  # fmt: skip


@contextmanager
def serving(db: Database) -> Iterator[tuple[psutil.Process, str]]:
    """A dashboard in a process of its own; its process and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from cli.entry import main; main()", "dashboard", "--port", str(port)]
    given = {**os.environ, "DATABASE_URL": address(db), "DASHBOARD_TOKEN": TOKEN}
    server = subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
    root = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{root}/healthz").raise_for_status()
                break
            except httpx.HTTPError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield psutil.Process(server.pid), root
    finally:
        server.terminate()
        server.wait(20)


async def hold_streams(
    db: Database, process: psutil.Process, root: str, streams: int
) -> tuple[list[float], dict[str, Any]]:
    """Seconds from each of some commits until all streams have told it; memory and processor of the server."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    limits = httpx.Limits(max_connections=streams + 5)
    told: dict[int, str] = {}
    changed = asyncio.Event()

    async def listen(client: httpx.AsyncClient, number: int) -> None:
        async with client.stream("GET", "/events", timeout=None) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data:") and told.get(number) != line:
                    told[number] = line
                    changed.set()

    async with httpx.AsyncClient(base_url=root, headers=headers, limits=limits) as client:
        for path in ("/", "/trades"):
            (await client.get(path, timeout=60)).raise_for_status()
        listening = [asyncio.create_task(listen(client, number)) for number in range(streams)]
        await _until(changed, lambda: len(told) == streams)
        before = process.cpu_times()
        await asyncio.sleep(IDLE_SECONDS)
        after = process.cpu_times()
        delays = []
        for _ in range(COMMITS):
            known = dict(told)
            await asyncio.to_thread(_commit, db)
            start = time.perf_counter()
            await _until(changed, lambda known=known: all(told[one] != known[one] for one in known))
            delays.append(time.perf_counter() - start)
        megabytes = process.memory_info().rss / 1e6
        for one in listening:
            one.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    busy = (after.user + after.system - before.user - before.system) / IDLE_SECONDS
    return delays, {"mb": megabytes, "idle_percent_of_a_core": 100 * busy, "streams": streams}


async def _until(changed: asyncio.Event, holds: Any) -> None:
    while not holds():
        changed.clear()
        await asyncio.wait_for(changed.wait(), 30)


def _commit(db: Database) -> None:
    with db.begin() as connection:
        connection.execute(text(_statements()[3]))

"""An exchange on 127.0.0.1 that speaks Binance's REST, fed from candles, with a switch for every fault."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

MINUTE = timedelta(minutes=1)
MOST_KLINES = 1000
Kline = tuple[int, float, float, float, float, float]  # opening in epoch ms, open, high, low, close, volume


def make_klines(start: datetime, count: int, price: float = 100.0, *, minutes: int = 1) -> list[Kline]:
    """Candles of so many minutes, each a little different, so that every mix-up shows."""
    first, apart = int(start.timestamp() * 1000), 60_000 * minutes
    return [
        (first + apart * i, price + i / 100, price + i / 100 + 0.5, price + i / 100 - 0.5, price + i / 100 + 0.1, 1.0)
        for i in range(count)
    ]


@dataclass
class Exchange:
    """Its listing, its candles, its clock, and what is wrong with it just now."""

    clock: datetime
    klines: dict[str, list[Kline]]
    url: str = ""
    fail_next: list[int] = field(default_factory=list)  # HTTP statuses of the next answers
    retry_after: int | None = None
    html: bool = False
    klines_body: str | None = None  # what is answered instead of candles, with status 200
    hang_seconds: float = 0
    broken: set[str] = field(default_factory=set)  # ids that always fail
    invalid: set[str] = field(default_factory=set)  # ids listed, but refused
    hidden_until: dict[str, datetime] = field(default_factory=dict)  # id: its candles come only from then on
    changed: dict[tuple[str, int], Kline | None] = field(default_factory=dict)  # (id, ms): what is answered instead
    page: int = MOST_KLINES
    repeat: bool = False
    interval: str = "1m"  # the only one that it has
    minutes: int = 1
    show_forming: bool = True
    weight: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def options(self) -> dict[str, Any]:
        """What is handed to ccxt to reach it."""
        return {"urls": {"api": {"public": f"{self.url}/api/v3"}}, "timeout": 1_000}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    exchange: Exchange

    def do_GET(self) -> None:
        exchange, url = self.exchange, urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        path = url.path.removeprefix("/api/v3")
        exchange.requests[path] += 1
        exchange.weight += 2 if path == "/klines" else 1
        if exchange.hang_seconds:
            time.sleep(exchange.hang_seconds)
        if exchange.fail_next:
            status = exchange.fail_next.pop(0)
            self._answer({"code": -1003, "msg": f"status {status}"}, status)
        elif exchange.html:
            self._answer("<html><body>Just a moment...</body></html>", 200)
        elif path == "/time":
            self._answer({"serverTime": int(exchange.clock.timestamp() * 1000)})
        elif path == "/exchangeInfo":
            self._answer({"timezone": "UTC", "symbols": [_listed(name) for name in exchange.klines]})
        elif path == "/klines" and exchange.klines_body is not None:
            self._answer(exchange.klines_body, 200)
        elif path == "/klines":
            self._klines(query)
        elif path == "/ticker/24hr":
            names = json.loads(query["symbols"]) if "symbols" in query else [query["symbol"]]
            self._answer([{"symbol": name, "lastPrice": str(exchange.klines[name][-1][4])} for name in names])
        else:
            self._answer({"code": -1000, "msg": "unknown"}, 404)

    def _klines(self, query: dict[str, str]) -> None:
        exchange, name = self.exchange, query["symbol"]
        if name in exchange.broken:
            self._answer({"code": -1001, "msg": "Internal error"}, 500)
            return
        if query.get("interval") != exchange.interval:
            self._answer({"code": -1120, "msg": "Invalid interval."}, 400)
            return
        if name not in exchange.klines or name in exchange.invalid:
            self._answer({"code": -1121, "msg": "Invalid symbol."}, 400)
            return
        now = int(exchange.clock.timestamp() * 1000)
        start = int(query.get("startTime", 0))
        limit = min(int(query.get("limit", 500)), MOST_KLINES, exchange.page)
        hidden = name in exchange.hidden_until and exchange.clock < exchange.hidden_until[name]
        rows = []
        for kline in [] if hidden else exchange.klines[name]:
            answered = exchange.changed.get((name, kline[0]), kline)
            ended = kline[0] + 60_000 * exchange.minutes <= now
            if answered is not None and start <= kline[0] <= now and (ended or exchange.show_forming):
                rows.append(answered)
        rows = rows[:limit]
        if exchange.repeat and rows:
            rows = [*rows, rows[-1], rows[0]]
        last = 60_000 * exchange.minutes - 1
        self._answer([[k[0], *(_words(v) for v in k[1:6]), k[0] + last, "0", 1, "0", "0", "0"] for k in rows])

    def _answer(self, content: Any, status: int = 200) -> None:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-MBX-USED-WEIGHT-1M", str(self.exchange.weight))
        if status in (418, 429) and self.exchange.retry_after is not None:
            self.send_header("Retry-After", str(self.exchange.retry_after))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def _words(value: object) -> object:
    return value if value is None else str(value)


def _listed(name: str) -> dict[str, Any]:
    quote = next(q for q in ("USDT", "BTC") if name.endswith(q))
    return {
        "symbol": name, "status": "TRADING", "baseAsset": name.removesuffix(quote), "baseAssetPrecision": 8,
        "quoteAsset": quote, "quotePrecision": 8, "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True, "isMarginTradingAllowed": False, "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.0001", "maxPrice": "1000000", "tickSize": "0.0001"},
            {"filterType": "LOT_SIZE", "minQty": "0.0001", "maxQty": "9000", "stepSize": "0.0001"},
        ],
    }  # fmt: skip


@contextmanager
def open_exchange(clock: datetime, klines: dict[str, list[Kline]]) -> Iterator[Exchange]:
    """The exchange, served until the end of the block."""
    exchange = Exchange(clock.astimezone(UTC), klines)
    handler = type("Handler", (_Handler,), {"exchange": exchange})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    exchange.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield exchange
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Cut off from the exchange at random points of its answers, or answered with broken bytes: the candles are its own."""

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlparse

import pytest

from scorekeeper.market import exchange_client
from scorekeeper.store.database import Database
from tests.integration.market.test_exchange import NOW, START, candles, decide, track, trades
from tests.loopback import MINUTE, make_klines, open_exchange

FAULTS = ("refused", "cut", "broken", "half closed", "delayed", "no fault")
DELAY_SECONDS = 0.2
MOST_RUNS = 100


class BadWay:
    """A port on 127.0.0.1 that leads to `port`; each connection has a fault by chance, counted in `faults`."""

    def __init__(self, port: int, seed: int) -> None:
        self._port, self._chance = port, random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        first = iter(FAULTS)  # each kind once for certain
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                by_chance = self._chance.choice(FAULTS) if self._chance.random() < 0.6 else "no fault"
                fault = next(first, by_chance)
                self.faults[fault] += 1
                threading.Thread(target=self._carry, args=(client, fault, self._chance.random()), daemon=True).start()

    def _carry(self, client: socket.socket, fault: str, part: float) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._port)) as server:
            # One question a connection, so that each has a fault of its own.
            if fault != "refused" and (question := client.recv(1 << 16)):
                server.sendall(question)
                answer = server.recv(1 << 20)
                head, _, body = answer.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                while len(body) < length:
                    body += server.recv(1 << 20)
                at = int(part * len(body))
                if fault == "delayed":
                    time.sleep(DELAY_SECONDS)
                if fault == "broken":
                    body = body[:at] + b"\xff" + body[at + 1 :]
                if fault in ("cut", "half closed"):
                    client.sendall(head + b"\r\n\r\n" + body[:at])
                    if fault == "half closed":
                        client.shutdown(socket.SHUT_WR)
                        client.recv(1)  # until the other side gives up
                    return
                client.sendall(head + b"\r\n\r\n" + body)


@contextmanager
def open_bad_way(url: str, seed: int) -> Iterator[BadWay]:
    way = BadWay(int(urlparse(url).port or 0), seed)
    try:
        yield way
    finally:
        way.listening.close()


def test_after_random_network_faults_the_candles_are_the_exchanges_own(
    db: Database, other_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_client, "LONGEST_WAIT_SECONDS", 0.02)
    seed = random.randrange(10**9)
    klines = {"BTCUSDT": make_klines(START - 30 * MINUTE, 600)}
    faults: Counter[str] = Counter()
    failed = 0
    with open_exchange(NOW, klines) as served:
        served.page = 15  # many answers
        for one in (db, other_db):
            decide(one, {}, {"max_hold_minutes": 100})
        assert track(other_db, served, tmp_path / "near") == {}
        direct = served.url
        with open_bad_way(direct, seed) as way:
            served.url = way.url
            while track(db, served, tmp_path / "far"):
                failed += 1
                assert failed < MOST_RUNS, f"seed {seed}"
            faults = way.faults
        served.url = direct
        assert track(db, served, tmp_path / "near") == {}
    found, meant = trades(db), trades(other_db)
    # What lies after the last exit is not asked for: it came with a page, or came broken and was left.
    needed = max(one.exit_time for one in meant.values())
    far, near = candles(db), candles(other_db)
    assert far.items() <= near.items(), f"seed {seed}"
    assert [at for at in near if at < needed] == [at for at in far if at < needed], f"seed {seed}"
    assert {k: (t.exit_time, t.exit_price) for k, t in found.items()} == {
        k: (t.exit_time, t.exit_price) for k, t in meant.items()
    }
    print(f"{dict(faults)}, {failed} runs failed, seed {seed}")
    assert set(FAULTS) <= faults.keys()

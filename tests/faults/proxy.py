"""A way to Postgres that fails: from a port on 127.0.0.1 to the server's socket, cut at a chosen point."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

POINTS = (
    "before commit", "answer to commit", "broken commit", "broken answer to commit", "to the server", "to the client",
    "half closed", "delayed",
)  # fmt: skip


class Proxy:
    """Lets everything through until told to `cut_at` a point: then that connection is cut there, once.

    `before commit`: COMMIT does not reach the server. `answer to commit`: it does, its client is not told.
    `broken commit`, `broken answer to commit`: it comes with another byte in it (in a row only TLS would notice).
    `to the server`, `to the client`: in the middle of a message. `half closed`: nothing more comes to the server, what
    it says still comes through. `delayed`: half a second of silence, and then it goes on.
    `say`: what the server says of itself when a client begins, and what (as long) the client hears in its place.
    """

    def __init__(self, server: Path, say: tuple[bytes, bytes] | None = None) -> None:
        self._server = str(server)
        self._say = say
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.cuts: Counter[str] = Counter()
        self._point: str | None = None
        self._number = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, point: str | None, number: int = 1) -> None:
        """Cut at the `number`-th time that `point` is come by from now on; None: not at all."""
        with self._lock:
            self._point, self._number = point, number

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _comes_by(self, point: str) -> bool:
        with self._lock:
            if point != self._point:
                return False
            self._number -= 1
            if self._number > 0:
                return False
            self._point = None
            self.cuts[point] += 1
            return True

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                ends = (client, server, threading.Event())
                threading.Thread(target=self._up, args=ends, daemon=True).start()
                threading.Thread(target=self._down, args=ends, daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, committing: threading.Event) -> None:
        with suppress(OSError):
            while said := client.recv(1 << 16):
                if b"COMMIT" in said:
                    if self._comes_by("before commit"):
                        break
                    if self._comes_by("answer to commit"):
                        client.shutdown(socket.SHUT_RDWR)  # nothing that the server says gets through any more
                        server.sendall(said)
                        time.sleep(0.3)  # the server is done with it before its client is seen to be gone
                        break
                    if self._comes_by("broken commit"):
                        said = said.replace(b"COMMIT", b"C\xffMMIT")
                    committing.set()
                if self._comes_by("to the server"):
                    server.sendall(said[: len(said) // 2])
                    break
                if self._comes_by("half closed"):
                    server.shutdown(socket.SHUT_WR)
                    continue
                if self._comes_by("delayed"):
                    time.sleep(0.5)
                server.sendall(said)
        _end(client, server)

    def _down(self, client: socket.socket, server: socket.socket, committing: threading.Event) -> None:
        with suppress(OSError):
            while said := server.recv(1 << 16):
                if self._say is not None:
                    said = said.replace(b"server_version\0" + self._say[0], b"server_version\0" + self._say[1])
                if committing.is_set():
                    committing.clear()
                    if self._comes_by("broken answer to commit"):
                        said = b"\xff" + said[1:]
                if self._comes_by("to the client"):
                    client.sendall(said[: len(said) // 2])
                    break
                client.sendall(said)
        _end(client, server)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def open_proxy(server: Path, say: tuple[bytes, bytes] | None = None) -> Iterator[Proxy]:
    """The proxy to the Postgres whose socket is `server`, until the end of the block."""
    proxy = Proxy(server, say)
    try:
        yield proxy
    finally:
        proxy.close()

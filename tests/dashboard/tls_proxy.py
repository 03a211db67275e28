"""A reverse proxy on loopback, with TLS and below a path, as nginx or Caddy would stand before the dashboard."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "score.localhost"  # a browser looks such a name up on its own machine


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself, and its key."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}"], check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@contextmanager
def open_proxy(port: int, prefix: str, folder: Path) -> Iterator[str]:
    """Take `prefix` away and hand each request on to `port`; the address by which a browser comes in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(folder))
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, context, port, prefix), daemon=True).start()
        yield f"https://{NAME}:{server.getsockname()[1]}{prefix}"


def _accept(server: socket.socket, context: ssl.SSLContext, port: int, prefix: str) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, context, port, prefix), daemon=True).start()


def _serve(plain: socket.socket, context: ssl.SSLContext, port: int, prefix: str) -> None:
    """One request a connection: what has a path outside of the prefix is not the dashboard's."""
    with suppress(OSError), context.wrap_socket(plain, server_side=True) as client:
        head, body = b"", b""
        while b"\r\n\r\n" not in head:
            if not (some := client.recv(65_536)):
                return
            head += some
        head, _, body = head.partition(b"\r\n\r\n")
        first, *headers = head.decode("latin-1").split("\r\n")
        method, path, version = first.split(" ")
        if not path.startswith(f"{prefix}/"):
            client.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return
        kept = [one for one in headers if not one.lower().startswith("connection:")]
        length = next((int(one[15:]) for one in kept if one.lower().startswith("content-length:")), 0)
        while len(body) < length:
            body += client.recv(65_536)
        kept += ["Connection: close", "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.7"]
        with socket.create_connection(("127.0.0.1", port)) as server:
            asked = "\r\n".join([f"{method} {path.removeprefix(prefix)} {version}", *kept, "", ""])
            server.sendall(asked.encode("latin-1") + body)
            while some := server.recv(65_536):
                client.sendall(some)

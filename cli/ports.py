"""Ports of 127.0.0.1 that no other user can take while `up` runs."""

import contextlib
import errno
import socket
import time

from scorekeeper.errors import ScorekeeperError

LINGERING_SECONDS = 75  # the system keeps the remains of a connection for a minute
TAKEN_SECONDS = 4  # a port that refuses us for longer is in use by another program


def take_port(port: int, option: str = "--port") -> socket.socket:
    """Hold the port for as long as `up` runs; `option`: how the user chooses another.

    Raises ScorekeeperError if it is in use, by another `up` too.
    """
    start, is_said = time.monotonic(), False
    while (waited := time.monotonic() - start) < LINGERING_SECONDS:
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            if waited > TAKEN_SECONDS:
                break
        else:
            with contextlib.suppress(OSError):
                return hold_port(port)
            if not is_said:  # the connections of a program that has just ended remain for a while
                print(f"Port {port} is about to be free; waiting for it, a minute at most ...", flush=True)
                is_said = True
        time.sleep(0.2)
    raise ScorekeeperError(f"port {port} is in use: choose another with {option}")


def take_ipv6_port(port: int, option: str = "--port") -> list[socket.socket]:
    """Hold the same port of ::1, which is never served: a browser that looks for localhost asks there first.

    Empty on a machine without IPv6. Raises ScorekeeperError if it is in use.
    """
    try:
        return [hold_port(port, "::1")]
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise ScorekeeperError(f"port {port} of ::1 is in use: choose another with {option}") from None
        return []


def hold_port(port: int, address: str = "127.0.0.1", *, listening: bool = False) -> socket.socket:
    """A socket on this port. While it is open, only processes of this user can bind the port. Raises OSError.

    `up` holds it without listening for as long as it runs. Otherwise another user could listen there while the server
    restarts, and every client would send him the password. Such a socket has no SO_REUSEADDR: with it, any user could
    bind the port beside it until one of them listens. The server sets SO_REUSEADDR, which a quick restart needs.
    """
    held = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(listening))
        held.bind((address, port))
        if listening:
            held.listen(2048)
    except OSError:
        held.close()
        raise
    return held

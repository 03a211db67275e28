"""What Prefect is told before it is imported, where the user has not told it otherwise."""

import hmac
import json
import os
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from cli.prefect_server.password import CLIENTS, DOOR, SERVERS, prove, read_password
from cli.up.supervision import address_file, reach_directly
from scorekeeper.errors import ScorekeeperError


def prepare(home: Path) -> None:
    """Keep Prefect's own files in the home, offline and quiet.

    A server that PREFECT_API_URL names is used as it is; else that of a running `scorekeeper up`; else Prefect starts
    one for the command, which takes some ten seconds.
    """
    os.environ.update(reach_directly(os.environ))
    use_running_server(home)
    if "PREFECT_HOME" not in os.environ:
        (home / "prefect").mkdir(parents=True, exist_ok=True)  # Prefect makes no parents, and fails without
        os.environ["PREFECT_HOME"] = str(home / "prefect")
        if "PREFECT_API_URL" not in os.environ:
            # The server that Prefect starts for this command listens too, and is nobody else's either.
            own = os.environ.get(SERVERS) or f"scorekeeper:{secrets.token_urlsafe(32)}"
            os.environ |= dict.fromkeys((SERVERS, CLIENTS), own)
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
    # The command itself says what happened, in one line; the server keeps the whole log.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")


@dataclass(frozen=True)
class RunningServer:
    """The server of a running `scorekeeper up`."""

    address: str
    password: str = field(repr=False)


def use_running_server(home: Path) -> str | None:
    """Let Prefect's client use the server that PREFECT_API_URL names, else that of a running `up`; its API."""
    _read_as_prefect_does()
    named = os.environ.get("PREFECT_API_URL")
    if named is not None and CLIENTS in os.environ:
        return named
    server = running_server(home)
    if server is not None and (named is None or _is_same(named, server.address)):
        os.environ |= {"PREFECT_API_URL": server.address, CLIENTS: server.password}
    return os.environ.get("PREFECT_API_URL")


def _read_as_prefect_does() -> None:
    """Take from a `.env` in the working directory which server to use, as Prefect itself would.

    Unknown to us, the server that it names would be sent a password that is not its own.
    """
    try:
        found = dotenv_values(Path.cwd() / ".env")
    except (OSError, ValueError):
        return  # whoever reads our settings says so
    if "PREFECT_API_URL" not in os.environ and found.get("PREFECT_API_URL"):
        for name in ("PREFECT_API_URL", CLIENTS):
            if value := found.get(name):
                os.environ.setdefault(name, value)


def _is_same(named: str, address: str) -> bool:
    """Whether a user's spelling, such as http://localhost:4200/api/, names the server at `address`."""
    plain = named.replace("//localhost:", "//127.0.0.1:", 1).rstrip("/")
    return plain == address


def running_server(home: Path) -> RunningServer | None:
    """The server of a running `scorekeeper up` of this home, once it has shown that it knows the password.

    After a kill -9 of `up` another user may listen where its server was, and is not to be told the password.
    """
    nonce = secrets.token_hex(16)
    try:
        address = str(json.loads(address_file(home).read_text(encoding="utf-8"))["api_url"])
        password = read_password(home) or ""
        question = f"{address.removesuffix('/api')}{DOOR}/proof?nonce={nonce}"
        with urllib.request.urlopen(question, timeout=2) as answer:  # noqa: S310 - an address that `up` wrote
            proof = answer.read(200)
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError, ScorekeeperError):
        return None
    is_ours = bool(password) and hmac.compare_digest(proof, prove(password, nonce).encode())
    return RunningServer(address, password) if is_ours else None

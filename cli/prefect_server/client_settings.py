"""Prefect's settings for a command, unless the user has set them: which server, which password."""

import hmac
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from cli.folders import address_file
from cli.prefect_server.password import CLIENTS, DOOR, SERVERS, prove, read_password
from scorekeeper.errors import ScorekeeperError

CORRECT_IT = "set PREFECT_API_URL to its API, as in http://HOST:4200/api, or to nothing to work without one"
PATIENCE_SECONDS = 3.0  # within which a server that is named answers, or is taken as busy


def prepare(home: Path) -> None:
    """Keep Prefect's own files in the home, and Prefect offline and quiet.

    Prefect uses the server that PREFECT_API_URL names, else that of a running `scorekeeper up`. Without either it
    starts one for this command (FLOW_RUNS=always), which takes some 15 seconds. Raises ScorekeeperError if what is
    named is no address.
    """
    os.environ.update(reach_directly(os.environ))
    if address := use_running_server(home):
        _check_address(address)
    if "PREFECT_HOME" not in os.environ:
        (home / "prefect").mkdir(parents=True, exist_ok=True)  # Prefect fails if the parent is missing
        os.environ["PREFECT_HOME"] = str(home / "prefect")
        if "PREFECT_API_URL" not in os.environ:
            # The server that Prefect starts for this command listens on a port: a password keeps others out.
            own = os.environ.get(SERVERS) or f"scorekeeper:{secrets.token_urlsafe(32)}"
            os.environ |= dict.fromkeys((SERVERS, CLIENTS), own)
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
    # The command reports in one line what happened; the server keeps the whole log.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")


def find_server(home: Path) -> bool:
    """Whether there is a Prefect server to tell: that of a running `up`, or one that is named and there.

    One that is named and away is named on standard error: the command does its work without it. One that does not
    answer in time may only be busy, so it is taken as there. Raises ScorekeeperError if what is named is no address, or
    what answers there no server of Prefect's.
    """
    os.environ.update(reach_directly(os.environ))
    address, has_answered = _choose_server(home)
    if not address:
        return _is_named_for_prefect(home)
    if not has_answered and _is_away(address):
        shown = _without_user(address)
        sys.stderr.write(f"no Prefect server at {shown}: the work is done without it, and its UI shows no run of it\n")
        return False
    return True


def _is_away(address: str) -> bool:
    """Whether nothing can be reached at an address: its port is closed, or its name or network is unknown.

    Prefect trusts other certificates than this question does, so one that is refused here says nothing. Nor does a
    refusal: Prefect Cloud has no page for this question. Nor does a page that the question was sent on to: a proxy may
    ask for a login that Prefect's own headers spare it. Raises ScorekeeperError: see find_server.
    """
    import ssl
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    _check_address(address)
    shown = _without_user(address)
    try:
        question = f"{shown}/health"
        with urllib.request.urlopen(question, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - as Prefect does
            is_page = answer.headers.get("Content-Type") and answer.headers.get_content_type() == "text/html"
            if is_page and answer.geturl() == question:
                raise ScorekeeperError(f"{shown} is a web page and not the API of a Prefect server: {CORRECT_IT}")
            return False
    except urllib.error.HTTPError:
        return False
    except urllib.error.URLError as exc:
        return not isinstance(exc.reason, TimeoutError | ssl.SSLError)
    except HTTPException:
        raise ScorekeeperError(f"what answers at {shown} is no Prefect server: {CORRECT_IT}") from None
    except (OSError, UnicodeError):  # Prefect escapes letters in a path that this question cannot have
        return False


def _check_address(address: str) -> None:
    """Raises ScorekeeperError for what is no address of a server. It is not shown: it may be a password."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        is_one = False
    if not is_one or any(letter.isspace() for letter in address):
        raise ScorekeeperError(f"PREFECT_API_URL is not the address of a server: {CORRECT_IT}")


def _without_user(address: str) -> str:
    """The address without a user name and password, which Prefect's client takes from there. Raises ValueError.

    >>> _without_user("https://me:secret@prefect.example:4200/api/")
    'https://prefect.example:4200/api'
    """
    from urllib.parse import urlsplit

    parts = urlsplit(address.rstrip("/"))
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_named_for_prefect(home: Path) -> bool:
    """Whether a file that Prefect reads names a server: its profiles in PREFECT_HOME, or in the working directory."""
    profiles = _read_toml(Path(os.environ.get("PREFECT_HOME", home / "prefect")) / "profiles.toml")
    name = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
    here = (_read_toml(Path("prefect.toml")), _read_toml(Path("pyproject.toml")).get("tool", {}).get("prefect", {}))
    return bool(profiles.get("profiles", {}).get(name, {}).get("PREFECT_API_URL")) or any(
        one.get("api", {}).get("url") for one in here
    )


def _read_toml(file: Path) -> dict[str, Any]:
    """What a file holds; nothing if it cannot be read."""
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def reach_directly(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep a proxy out of connections to this machine, where `environment` names a proxy."""
    direct = {}
    for name in ("no_proxy", "NO_PROXY"):
        known = environment.get(name, "")
        direct[name] = known if "127.0.0.1" in known else ",".join(filter(None, (known, "127.0.0.1,localhost")))
    return direct


@dataclass(frozen=True)
class RunningServer:
    """The server of a running `scorekeeper up`."""

    address: str
    password: str = field(repr=False)
    dashboard: str | None = None  # the dashboard's address


def use_running_server(home: Path) -> str | None:
    """Let Prefect's client use the server that PREFECT_API_URL names, else that of a running `up`; its address."""
    return _choose_server(home)[0]


def _choose_server(home: Path) -> tuple[str | None, bool]:
    """See use_running_server; and whether the server has just answered: that of `up` is asked for its proof."""
    _read_as_prefect_does()
    named = os.environ.get("PREFECT_API_URL")
    if named is not None and CLIENTS in os.environ:
        return named, False
    server = running_server(home)
    if server is not None and (named is None or _is_same(named, server.address)):
        os.environ |= {"PREFECT_API_URL": server.address, CLIENTS: server.password}
        if server.dashboard is not None:
            os.environ.setdefault("DASHBOARD_URL", server.dashboard)  # artifacts link there, as those of `up` do
        return server.address, True
    return named, False


def _read_as_prefect_does() -> None:
    """Take the server and its password from a `.env` in the working directory, as Prefect itself would.

    Otherwise Prefect would find that server later, and send it the password of another one.
    """
    try:
        found = dotenv_values(Path.cwd() / ".env")
    except (OSError, ValueError):
        return  # loading our own settings reports it
    if "PREFECT_API_URL" not in os.environ and found.get("PREFECT_API_URL"):
        for name in ("PREFECT_API_URL", CLIENTS):
            if value := found.get(name):
                os.environ.setdefault(name, value)


def _is_same(named: str, address: str) -> bool:
    """Whether a user's spelling names the server at `address`.

    >>> _is_same("http://localhost:4200/api/", "http://127.0.0.1:4200/api")
    True
    """
    plain = named.replace("//localhost:", "//127.0.0.1:", 1).rstrip("/")
    return plain == address


def running_server(home: Path) -> RunningServer | None:
    """The server of a running `scorekeeper up` of this home, once it has proved that it knows the password.

    After a kill -9 of `up`, another user may listen on its port, and must not get the password.
    """
    if not address_file(home).exists():
        return None
    import urllib.error
    import urllib.request

    nonce = secrets.token_hex(16)
    try:
        known = json.loads(address_file(home).read_text(encoding="utf-8"))
        address, dashboard = str(known["api_url"]), known.get("dashboard_url")
        password = read_password(home) or ""
        question = f"{address.removesuffix('/api')}{DOOR}/proof?nonce={nonce}"
        with urllib.request.urlopen(question, timeout=2) as response:  # noqa: S310 - an address that `up` wrote
            proof = response.read(200)
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError, ScorekeeperError):
        return None
    is_ours = bool(password) and hmac.compare_digest(proof, prove(password, nonce).encode())
    return RunningServer(address, password, dashboard) if is_ours else None

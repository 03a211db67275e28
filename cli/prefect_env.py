"""What Prefect is told before it is imported, where the user has not told it otherwise."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from cli.up import address_file, reach_directly


def prepare(home: Path) -> None:
    """Keep Prefect's own files in the home, offline and quiet.

    A server that PREFECT_API_URL names is used as it is; else that of a running `scorekeeper up`; else Prefect starts
    one for the command, which takes some ten seconds.
    """
    os.environ.update(reach_directly(os.environ))
    if "PREFECT_API_URL" not in os.environ and (address := running_server(home)) is not None:
        os.environ["PREFECT_API_URL"] = address
    if "PREFECT_HOME" not in os.environ:
        (home / "prefect").mkdir(parents=True, exist_ok=True)  # Prefect makes no parents, and fails without
        os.environ["PREFECT_HOME"] = str(home / "prefect")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
    # The command itself says what happened, in one line; the server keeps the whole log.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")


def running_server(home: Path) -> str | None:
    """The API of the server of a running `scorekeeper up` of this home."""
    try:
        address = str(json.loads(address_file(home).read_text(encoding="utf-8"))["api_url"])
        with urllib.request.urlopen(f"{address}/health", timeout=2):  # noqa: S310 - an address that `up` wrote
            return address
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError):
        return None

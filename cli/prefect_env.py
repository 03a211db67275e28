"""What Prefect is told before it is imported, where the user has not told it otherwise."""

import os
from pathlib import Path


def prepare(home: Path) -> None:
    """Keep Prefect's own files in the home, offline and quiet; a server that PREFECT_API_URL names is used as it is."""
    if "PREFECT_HOME" not in os.environ:
        (home / "prefect").mkdir(parents=True, exist_ok=True)  # Prefect makes no parents, and fails without
        os.environ["PREFECT_HOME"] = str(home / "prefect")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "90")
    # The command itself says what happened, in one line; the server keeps the whole log.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")

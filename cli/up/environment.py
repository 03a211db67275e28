"""The environment of every part of `up`, and of every flow run of its worker."""

import json
import os
import sys

from cli.logs import PREFECT_CONFIG, PREFECT_VARIABLE
from cli.prefect_server.client_settings import reach_directly
from cli.prefect_server.password import CLIENTS, SERVERS, choose_password
from cli.up.processes import MARK
from scorekeeper.settings import Settings

# Prefect keeps these events for an hour. Automations react to them at once, and the runs themselves keep what they say.
FLEETING = (
    "prefect.flow-run.heartbeat", "prefect.flow-run.Pending", "prefect.flow-run.Submitting", "prefect.flow-run.Running",
    "prefect.flow-run.pull-step.executed", "prefect.worker.submitted-flow-run", "prefect.worker.executed-flow-run",
    "prefect.task-run.Pending", "prefect.task-run.Running", "prefect.task-run.Completed",
    "prefect.artifact.created", "prefect.artifact-collection.created", "prefect.artifact-collection.updated",
)  # fmt: skip

DASHBOARD_PORT = "SCOREKEEPER_DASHBOARD_PORT"


def environment_of(settings: Settings, port: int, dashboard: int | None = None) -> dict[str, str]:
    """What to add to the environment of every part: all settings of ours, and those of Prefect that `up` chooses.

    `dashboard`: its port, None for none.
    """
    home, origin = settings.scorekeeper_home, f"http://127.0.0.1:{port}"
    api, password = f"{origin}/api", choose_password(home)
    chosen = settings.as_environment() | {
        MARK: home,
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_HOME": home / "prefect", "PREFECT_API_URL": api,
        # The UI calls the server that served it, by any name; pages of other origins cannot.
        "PREFECT_SERVER_UI_API_URL": "/api", "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origin,
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true", SERVERS: password, CLIENTS: password,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_WORKER_QUERY_SECONDS": "1",
        # Prefect deletes runs that ended long ago, with their logs and artifacts.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": settings.keep_runs_days * 86_400,
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{settings.keep_events_days}D",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES": json.dumps(dict.fromkeys(FLEETING, 3600)),
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "600", "PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE": "2000",
        # After a kill the server still knows which run holds a slot: a live run keeps it, a dead run loses it.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING", "PREFECT_CLI_PROMPT": "false", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    if dashboard is not None:
        chosen[DASHBOARD_PORT] = dashboard
        if settings.dashboard_url is None:
            chosen["DASHBOARD_URL"] = f"http://127.0.0.1:{dashboard}"
    if settings.log_format == "json":
        chosen[PREFECT_VARIABLE] = PREFECT_CONFIG
    if sys.dont_write_bytecode:
        # Each run is a process. Without a cache each would compile everything that it imports.
        chosen |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": home / "cache" / "python"}
    if settings.warm_runs:
        # The worker must not start early: the watcher claims the minute's track half a second before it is due.
        chosen["PREFECT_WORKER_PREFETCH_SECONDS"] = "0"
        # What must begin at once begins in the watcher. Each question costs the server as much as writing a state.
        chosen["PREFECT_WORKER_QUERY_SECONDS"] = "5"
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    return {name: str(value) for name, value in chosen.items()} | reach_directly(os.environ)

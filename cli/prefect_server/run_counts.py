"""What Prefect's server says of runs and workers, for monitoring. Asked over HTTP: importing Prefect takes 100 MB."""

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from cli.prefect_server import POOL
from dashboard.metrics.families import Runs

LOOK_SECONDS = 30.0
ANSWER_SECONDS = 2.0
WINDOW = timedelta(hours=1)
_FORBIDDEN = 403  # also: the token against forgery is missing, or too old


class RunCounter:
    """Counts the runs that were due in the last hour, by flow and state, and workers that report.

    `api`: the address of the server's API; `auth`: its user and password, as `user:password`. An answer is kept for
    LOOK_SECONDS. Threads may share it.
    """

    def __init__(self, api: str, auth: str | None) -> None:
        user, _, password = (auth or "").partition(":")
        self._client = httpx.Client(
            base_url=api, auth=(user, password) if auth else None, timeout=ANSWER_SECONDS, trust_env=False
        )
        self._as = str(uuid.uuid4())
        self._lock = threading.Lock()
        self._known: Runs | None = None
        self._asked_at = float("-inf")

    def __call__(self) -> Runs:
        """What there is now; `up` is False if the server does not answer."""
        with self._lock:
            if self._known is None or time.monotonic() - self._asked_at > LOOK_SECONDS:
                try:
                    self._known = self._ask()
                except (httpx.HTTPError, ValueError, KeyError, TypeError):
                    self._known = Runs(up=False)
                self._asked_at = time.monotonic()
            return self._known

    def _ask(self) -> Runs:
        now = datetime.now(UTC)
        deployments = self._post("/deployments/filter", {"limit": 200})
        names = sorted({one["name"] for one in deployments if one.get("work_pool_name") == POOL})
        since, until = (now - WINDOW).isoformat(), now.isoformat()
        counts: dict[tuple[str, str], int] = {}
        for name in names:
            asked = {
                "history_start": since, "history_end": until, "history_interval_seconds": WINDOW.total_seconds(),
                "deployments": {"name": {"any_": [name]}},
            }  # fmt: skip
            for interval in self._post("/flow_runs/history", asked):
                for state in interval["states"]:
                    key = (name, str(state["state_name"]))
                    counts[key] = counts.get(key, 0) + int(state["count_runs"])
        workers = self._post(f"/work_pools/{POOL}/workers/filter", {})
        return Runs(True, sum(one.get("status") == "ONLINE" for one in workers), counts)

    def _post(self, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        response = self._client.post(path, json=body)
        if response.status_code == _FORBIDDEN:
            token = self._client.get("/csrf-token", params={"client": self._as})
            if token.is_success:
                self._client.headers["Prefect-Csrf-Token"] = token.json()["token"]
                self._client.headers["Prefect-Csrf-Client"] = self._as
                response = self._client.post(path, json=body)
        response.raise_for_status()
        found: list[dict[str, Any]] = response.json()
        return found

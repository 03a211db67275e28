"""Progress of long work as an artifact in Prefect's UI."""

import asyncio
import time
from uuid import UUID

from tasks.engine import HAS_SERVER

QUIET_SECONDS = 3.0
PAUSE_SECONDS = 1.0


class ProgressBar:
    """A progress artifact that appears after QUIET_SECONDS of work, so that short runs leave none."""

    def __init__(self, key: str, description: str) -> None:
        self._key, self._description = key, description
        self._artifact: UUID | None = None
        self._quiet_until = time.monotonic() + QUIET_SECONDS
        self._lock = asyncio.Lock()

    async def show(self, percent: float) -> None:
        """Show `percent` (0..100), at most once in PAUSE_SECONDS; 100 is always shown if the artifact is there."""
        if not HAS_SERVER:
            return
        from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact

        now = time.monotonic()
        if now < self._quiet_until and not (percent >= 100 and self._artifact):
            return
        self._quiet_until = now + PAUSE_SECONDS
        async with self._lock:
            if self._artifact is None:
                self._artifact = await acreate_progress_artifact(percent, key=self._key, description=self._description)
            else:
                await aupdate_progress_artifact(self._artifact, percent)

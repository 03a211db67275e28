"""What `up` does for the one system of an installation, or for each of several, and what it says of them."""

import os

from cli.up.environment import DASHBOARD_PORT
from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.phrases import name_some
from scorekeeper.settings import Settings, list_systems, settings_of_all


def migrate_all(settings: Settings) -> None:
    """Bring the schema of each system to the newest version. A system whose settings are wrong is said and left out.

    Raises ScorekeeperError.
    """
    from scorekeeper.store.database import open_database

    found, troubles = settings_of_all(settings)
    for name, why in troubles.items():
        print(f"left out: {name}: {why}", flush=True)
    for one in found:
        try:
            open_database(one.database_url, one.scorekeeper_home, system=one.system).close()
        except ScorekeeperError as exc:
            is_of_all = isinstance(exc, DatabaseError) and one.database_url == settings.database_url
            if is_of_all or not one.system or len(found) == 1:
                raise  # it may pass
            print(f"left out: {one.system}: {exc}", flush=True)


def tell_places(settings: Settings) -> dict[str, object]:
    """The lines that say where files come from and go to."""
    if settings.systems_dir is not None and not settings.system:
        names = list_systems(settings.systems_dir)
        return {"systems": f"{len(names)} in {settings.systems_dir}: {name_some(names, 10)}"}
    return {
        "inbox": settings.inbox_dir, "market": settings.market, "log": settings.log_path,
        "dataset": settings.dataset_path,
    }  # fmt: skip


def tell_dashboard(settings: Settings) -> dict[str, str]:
    """The line that says where the dashboard is and whom it lets in; empty without one."""
    if (port := os.environ.get(DASHBOARD_PORT)) is None:
        return {}
    from cli.dashboard_server import say_who

    return {"dashboard": f"http://127.0.0.1:{port}  ({say_who(settings, int(port))})"}

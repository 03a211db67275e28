"""All checks that need neither Prefect nor the exchange."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.object_store import ObjectStoreError
from scorekeeper.operations.health.check import Check
from scorekeeper.operations.health.database import check_database, read_offsets
from scorekeeper.operations.health.home import check_disk, check_home, check_left_over, check_published
from scorekeeper.operations.health.inbox import check_inbox
from scorekeeper.settings import Settings
from scorekeeper.store import cluster_folder, embedded
from scorekeeper.store.database import Database, open_database


def check_all(settings: Settings, clock: Callable[[], datetime]) -> list[Check]:
    """Every check that needs neither Prefect nor the exchange. `clock` gives the local time in UTC."""
    checks = [check_home(settings), *check_left_over(settings)]
    read: dict[str, int] = {}
    try:
        if checks[0].state != "red":
            with _open_unchanged(settings) as db, db.begin() as connection:
                checks += check_database(connection, settings, clock)
                if not any(check.name in ("database", "migrations") and check.state == "red" for check in checks):
                    read = read_offsets(connection)
    except _NoDatabaseError as exc:
        checks.append(Check("database", "ok", str(exc)))
    except DatabaseError as exc:
        checks.append(Check("database", "red", exc.says, exc.do))
    except ObjectStoreError as exc:
        checks.append(Check("restored", "warning", f"cannot be looked up: {exc}", "let the object store answer first"))
    except ScorekeeperError as exc:
        what_to_do = "correct DATABASE_URL" if settings.database_url else "see its log, in the home"
        checks.append(Check("database", "red", str(exc), what_to_do))
    return [*checks, *check_inbox(settings, clock(), read), *check_published(settings), *check_disk(settings)]


class _NoDatabaseError(ScorekeeperError):
    """The installation has no database yet."""


@contextmanager
def _open_unchanged(settings: Settings) -> Iterator[Database]:
    """The installation's database, without creating or migrating one. Raises ScorekeeperError."""
    home, url = settings.scorekeeper_home, settings.database_url
    with ExitStack() as held:
        if not url and cluster_folder.has_cluster(home):
            held.callback(embedded.acquire(home).release)
        address = url.get_secret_value() if url else embedded.running_url(home, "scorekeeper")
        if not address:
            raise _NoDatabaseError("there is none yet: the first command that needs one makes it")
        yield held.enter_context(open_database(address, home, migrate=False, system=settings.system))

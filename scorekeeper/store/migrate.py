"""The schema's versions: alembic migrations under an advisory lock, skipped if there is nothing to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, inspect, text

from scorekeeper.errors import DatabaseError, ScorekeeperError
from scorekeeper.locks import Lock, lock
from scorekeeper.store.failures import roles_do, show_address
from scorekeeper.store.sql import SQL_FOLDER, statement
from scorekeeper.store.systems import in_system, system_of, version_table

MIGRATIONS = SQL_FOLDER / "migrations"


def newest_version() -> str:
    """The version of the newest migration file."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_version(connection: Connection) -> str | None:
    """The version of the database's schema, None if it has no schema."""
    if not inspect(connection).has_table(version_table(system_of(connection)), schema="public"):
        return None
    return connection.execute(text("SELECT version_num FROM public.scorekeeper_version")).scalar()


def migrate_to(connection: Connection, version: str) -> None:
    """Bring the schema up or down to `version` (alembic's words: head, base, a number)."""
    # Imported here: most commands find the newest schema, and do not need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = version_table(system_of(connection))
    lock(connection, Lock.MIGRATE)
    if version == "base":
        command.downgrade(config, version)
    else:
        command.upgrade(config, version)
        # New tables get their rights at once, if the database has the three roles.
        connection.execute(statement("store/grants"))
    connection.commit()


def migrate_to_head(connection: Connection) -> bool:
    """Bring the schema to the newest version; whether it was older. Raises ScorekeeperError."""
    with _naming_missing_rights(connection):
        current = current_version(connection)
        connection.rollback()
        if current == newest_version():
            return False
    if current is not None and current > newest_version():
        raise ScorekeeperError(
            f"the database has schema {current}, this Scorekeeper knows {newest_version()}: it is newer; upgrade first"
        )
    with _naming_missing_rights(connection, current):
        migrate_to(connection, "head")
    return True


def check_schema(connection: Connection) -> None:
    """Raises ScorekeeperError if the database does not have the newest schema."""
    with _naming_missing_rights(connection):
        current = current_version(connection)
    if current != newest_version():
        raise ScorekeeperError(
            f"the database has {f'schema {current}' if current else 'no schema yet'}, this Scorekeeper works with "
            f"{newest_version()}: run scorekeeper migrate first"
        )


@contextmanager
def _naming_missing_rights(connection: Connection, current: str | None = None) -> Iterator[None]:
    """Raises DatabaseError that names the user who lacks a right, and the user to run as.

    `current`: the schema's version, if known.
    """
    try:
        yield
    except DatabaseError as exc:
        if not isinstance(exc.__cause__, InsufficientPrivilege):
            raise
        with connection.engine.connect() as other:  # the transaction of `connection` has failed
            found = other.execute(statement("store/select_access")).one()
        where, system = show_address(connection.engine.url), system_of(connection)
        if current is not None:
            raise DatabaseError(
                f"the database at {where} has schema {current}, this Scorekeeper works with {newest_version()}, and "
                f"user {found.name} may not change it",
                in_system("run scorekeeper migrate with the address of its owner (scorekeeper_owner)", system),
            ) from None
        if not found.is_there:
            raise DatabaseError(
                f"the database at {where} has no schema yet, and user {found.name} may not make one",
                in_system("run scorekeeper migrate with the address of its owner (scorekeeper_owner)", system),
            ) from None
        if found.reads_views and not found.reads_rows:
            raise DatabaseError(
                f"user {found.name} may only read the views report_* of the database at {where}",
                f"let DATABASE_URL name the writer ({in_system('scorekeeper_writer', system)}); the reader is for "
                "dashboards",
            ) from None
        raise DatabaseError(f"user {found.name} has no rights in the database at {where}", roles_do(system)) from None

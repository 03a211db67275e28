"""The schema's versions: alembic, under an advisory lock, skipped when there is nothing to do."""

from sqlalchemy import Connection, inspect, text

from scorekeeper.errors import ScorekeeperError
from scorekeeper.store.sql import SQL_FOLDER

MIGRATE_LOCK = 0x5C0_0000
MIGRATIONS = SQL_FOLDER / "migrations"


def newest_version() -> str:
    """The version of the newest migration file."""
    return max(path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_version(connection: Connection) -> str | None:
    """The version that the database has, None if none."""
    if not inspect(connection).has_table("scorekeeper_version", schema="public"):
        return None
    return connection.execute(text("SELECT version_num FROM public.scorekeeper_version")).scalar()


def migrate_to(connection: Connection, version: str) -> None:
    """Bring the schema up or down to `version` (alembic's words: head, base, a number)."""
    # Imported here: most commands find the schema as it should be and never need it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATE_LOCK})
    (command.downgrade if version == "base" else command.upgrade)(config, version)
    connection.commit()


def migrate_to_head(connection: Connection) -> bool:
    """Bring the schema to the newest version; whether there was anything to do."""
    current = current_version(connection)
    connection.rollback()
    if current == newest_version():
        return False
    if current is not None and current > newest_version():
        raise ScorekeeperError(
            f"the database has schema {current}, this Scorekeeper knows {newest_version()}: it is newer; upgrade first"
        )
    migrate_to(connection, "head")
    return True


def check_schema(connection: Connection) -> None:
    """Refuse a database that has not the newest schema. Raises ScorekeeperError."""
    current = current_version(connection)
    if current != newest_version():
        raise ScorekeeperError(
            f"the database has {f'schema {current}' if current else 'no schema yet'}, this Scorekeeper works with "
            f"{newest_version()}: run scorekeeper migrate first"
        )

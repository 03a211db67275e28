"""Alembic's entry: runs the migrations inside the transaction of the connection that it is handed."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    version_table_schema="public",
)
context.run_migrations()
